"""A run is not stuck while it moves, whatever clocks say; without its Meltano it is, at once."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.ops.meltano.stuck_runs import Cleaner
from tests.support.api import config_for
from tests.support.command import COMMAND as TAP
from tests.unit.ops.test_processes import living

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_emag.ops.meltano.database import Run
    from tests.unit.ops.booked import Actors, Books

DAY = 24 * 60
OFFERS = "dev:tap-emag-offers-to-target-postgres"


@contextmanager
def signing(books: Books, run: Run, clock: timedelta = timedelta(0)) -> Iterator[None]:
    """Sign a run as its Meltano does, with a clock that differs by so much."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(0.1):
            moment = datetime.now(timezone.utc).replace(tzinfo=None) + clock
            books.write(run, last_heartbeat_at=moment)

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize(
    "clock",
    [timedelta(0), timedelta(hours=-2), timedelta(hours=2)],
    ids=["same", "behind", "ahead"],
)
def test_a_run_on_another_host_is_left_alone_while_it_is_signed(
    books: Books, clock: timedelta
) -> None:
    run = books.book(minutes=200)
    with signing(books, run, clock):
        report = books.clean_up()
        assert report["cleaned"] == []
        [left] = report["left_alone"]
        assert "another host" in left["reason"]
        assert books.row(run.id).state == "RUNNING"
        [forced] = books.clean_up("--force")["cleaned"]
    assert forced["on_another_host"] is True


def test_a_run_on_another_host_that_was_not_signed_for_five_minutes_is_failed(books: Books) -> None:
    young = books.book(minutes=9, heartbeat=4)
    silent = books.book(OFFERS, minutes=9, heartbeat=6)
    report = books.clean_up()
    assert [each["id"] for each in report["cleaned"]] == [silent.id]
    assert report["left_alone"] == []
    assert books.row(young.id).state == "RUNNING"


def test_a_run_of_this_host_whose_meltano_is_gone_is_failed_at_once(books: Books) -> None:
    run = books.book(minutes=0.5, heartbeat=0.4)
    assert books.clean_up()["cleaned"] == [], "it may run elsewhere"
    books.log_of(run).write_text("so far\n")
    dry = books.clean_up("--dry-run")
    [cleaned] = books.clean_up()["cleaned"]
    assert [each["id"] for each in dry["cleaned"]] == [run.id]
    assert "its Meltano is gone" in cleaned["error"]
    assert cleaned["on_another_host"] is False
    assert books.row(run.id).state == "FAIL"


def test_a_run_that_another_container_signs_is_left_alone_though_its_log_is_here(
    books: Books,
) -> None:
    # Containers that share a volume see each other's logs, and not each other's processes.
    run = books.book(minutes=0.5, heartbeat=0.4)
    books.log_of(run).write_text("so far\n")
    with signing(books, run):
        assert books.clean_up()["cleaned"] == []
    assert books.row(run.id).state == "RUNNING"


def test_a_run_that_ends_well_while_it_is_watched_stays_so(books: Books) -> None:
    run = books.book(minutes=0.5, heartbeat=0.4)
    books.log_of(run).write_text("so far\n")
    timer = threading.Timer(0.1, books.write, [run], {"state": "SUCCESS"})
    timer.start()
    report = books.clean_up()
    timer.join()
    assert (report["cleaned"], report["left_alone"]) == ([], [])


def test_the_plugins_of_a_meltano_that_is_gone_are_ended_at_once(
    sqlite_books: Books, actors: Actors
) -> None:
    run, other = sqlite_books.book(), sqlite_books.book(OFFERS)
    tap = actors.orphan(run, sqlite_books.config("tap-emag-orders"))
    meltano = actors.meltano(other)
    sqlite_books.log_of(run).write_text("")

    report = sqlite_books.clean_up()

    [cleaned] = report["cleaned"]
    assert cleaned["processes"] == [f"tap-emag-orders {tap}"]
    assert living(tap, meltano) == [meltano]
    assert sqlite_books.row(other.id).state == "RUNNING"


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_clock_that_jumps_makes_no_fresh_run_old(
    sqlite_books: Books, actors: Actors, hours: int
) -> None:
    run = sqlite_books.book()
    meltano = actors.meltano(run)
    begun = datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(hours=hours)
    sqlite_books.write(run, started_at=begun)
    with signing(sqlite_books, run):
        assert sqlite_books.clean_up()["cleaned"] == []
    assert living(meltano) == [meltano]


def test_a_clock_that_jumped_just_now_takes_no_living_meltano_for_a_gone_one(
    sqlite_books: Books, actors: Actors
) -> None:
    run = sqlite_books.book()
    meltano = actors.meltano(run)
    past = datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(hours=3)
    sqlite_books.write(run, started_at=past, last_heartbeat_at=past)
    sign = threading.Timer(
        0.1, sqlite_books.write, [run], {"last_heartbeat_at": past + timedelta(hours=3, minutes=1)}
    )
    sign.start()
    assert sqlite_books.clean_up()["cleaned"] == []
    sign.join()
    assert living(meltano) == [meltano]


def test_what_a_run_that_failed_just_now_still_does_is_not_ended_by_a_clock_that_jumped(
    sqlite_books: Books, actors: Actors
) -> None:
    run = sqlite_books.book(minutes=180)
    target = actors.orphan(run, sqlite_books.config("target-postgres"))
    moment = sqlite_books.row(run.id).heartbeat
    assert moment
    past = moment.replace(tzinfo=None) - timedelta(hours=2)
    sqlite_books.write(run, state="FAIL", ended_at=past)
    assert sqlite_books.clean_up()["leftovers"] == []
    assert living(target) == [target]


def test_old_runs_are_old_by_the_youngest_of_the_clocks(books: Books) -> None:
    # This host's clock, or that of those who book, is 60 days ahead: nothing is a month old.
    for days in (62, 61, 60):
        minutes = days * DAY
        books.book(minutes=minutes, heartbeat=minutes, state="SUCCESS", ended=minutes)
    assert books.call("prune-runs").startswith("Deleted 0 runs")
    books.book(OFFERS, minutes=1, state="SUCCESS", ended=0)
    assert books.call("prune-runs").startswith("Deleted 2 runs")


@pytest.mark.parametrize("seconds", ["0", "7200"])
def test_a_run_whose_tap_has_ended_keeps_the_time_it_was_given_for_its_loader(
    sqlite_books: Books, actors: Actors, seconds: str
) -> None:
    run = sqlite_books.book()
    sqlite_books.config("tap-emag-orders", sync_timeout_seconds=seconds)
    config = sqlite_books.config("target-postgres")
    meltano = actors.meltano(run, child=("plain", "--config", str(config)))
    cleaner = Cleaner(
        sqlite_books.place, sqlite_books.runs, timedelta(0), force=False, dry_run=True
    )
    with signing(sqlite_books, run):
        report = cleaner.clean()
    assert report.cleaned == []
    [spared] = report.spared
    assert "sync_timeout_seconds" in spared.reason
    assert living(meltano) == [meltano]


def quiet_for(config: Path, seconds: float) -> None:
    os.utime(config, (time.time() - seconds, config.stat().st_mtime))


@pytest.mark.parametrize("living_tap", [True, False], ids=["tap", "loader alone"])
@pytest.mark.parametrize(
    ("values", "quiet", "stuck"),
    [
        ({}, 200, False),
        ({}, 400, True),
        ({"sync_timeout_seconds": 0, "stall_timeout_seconds": ""}, 200, False),
        ({"sync_timeout_seconds": "0", "stall_timeout_seconds": "600"}, 700, False),
        ({"sync_timeout_seconds": 0, "stall_timeout_seconds": 600}, 800, True),
        ({"stall_timeout_seconds": 0}, 86_400, False),
        ({"sync_timeout_seconds": 600}, 0, True),
    ],
)
def test_a_run_without_a_deadline_is_stuck_when_it_has_not_moved_for_long(
    sqlite_books: Books,
    actors: Actors,
    values: dict[str, Any],
    quiet: float,
    stuck: bool,
    living_tap: bool,
) -> None:
    run = sqlite_books.book()
    tap = sqlite_books.config("tap-emag-orders", **values)
    target = sqlite_books.config("target-postgres")
    actors.meltano(run, child=("plain", "--config", str(tap if living_tap else target)))
    quiet_for(tap, quiet)
    cleaner = Cleaner(
        sqlite_books.place, sqlite_books.runs, timedelta(0), force=False, dry_run=True
    )
    with signing(sqlite_books, run):
        found = [cleaner.clean(), cleaner.clean()]  # to look at a run does not move it
    assert [bool(report.cleaned) for report in found] == [stuck, stuck]


def test_the_tap_shows_that_it_moves_on_the_file_that_meltano_gave_it(
    sqlite_books: Books, tmp_path: Path
) -> None:
    given = sqlite_books.config("tap-emag-orders", age=3600)
    shop = SandboxConfig(orders=100, offers=0, latency=0.3, limits=False)
    with Sandbox(shop) as sandbox:
        given.write_text(json.dumps(config_for(sandbox, state_dir=str(tmp_path / "own"))))
        os.utime(given, (time.time() - 3600, time.time() - 3600))
        written = given.stat().st_mtime
        words = [TAP, "--config", str(given)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert given.stat().st_mtime == written
    assert time.time() - given.stat().st_atime < 60


def test_a_clean_up_is_quick_where_nothing_is_wrong(sqlite_books: Books, actors: Actors) -> None:
    run = sqlite_books.book()
    actors.meltano(run)
    begun = time.monotonic()
    report = sqlite_books.clean_up()
    assert report["cleaned"] == []
    assert time.monotonic() - begun < 1
