"""Only processes that are proven to belong to a run are ended."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import psutil
import pytest

from tap_emag.ops.meltano.processes import Processes, RunProcess, end
from tap_emag.ops.meltano.stuck_runs import Cleaner
from tests.unit.ops.booked import STATE_ID, Actors
from tests.unit.ops.hung import NOW, lives, wait_for

if TYPE_CHECKING:
    from tap_emag.ops.meltano.stuck_runs import Report
    from tests.unit.ops.booked import Books

OTHER = "dev:tap-emag-offers-to-target-postgres"


def pids(books: Books, run_id: int) -> set[int]:
    return {seen.pid for seen in Processes(books.place, books.runs).of(books.row(run_id))}


def living(*numbers: int) -> list[int]:
    return [pid for pid in numbers if psutil.pid_exists(pid) and lives(psutil.Process(pid))]


@pytest.mark.parametrize("deaf", [False, True], ids=["heeds SIGTERM", "ignores SIGTERM"])
def test_meltano_is_known_by_the_log_it_holds_and_is_ended_with_its_plugins(
    sqlite_books: Books, actors: Actors, deaf: bool
) -> None:
    run, other = sqlite_books.book(), sqlite_books.book(OTHER)
    options = ["deaf"] if deaf else []
    config = sqlite_books.config("tap-emag-orders", age=2)
    child = (",".join(options) or "plain", "--config", str(config))
    meltano = actors.meltano(run, *options, child=child)
    bystander = actors.meltano(other)
    sqlite_books.write(run, started_at=run.started.replace(tzinfo=None) - timedelta(seconds=5))
    [tap] = psutil.Process(meltano).children()
    assert pids(sqlite_books, run.id) == {meltano, tap.pid}

    report = sqlite_books.clean_up(*NOW, "--state-id", STATE_ID)

    [cleaned] = report["cleaned"]
    assert cleaned["processes"] == [f"meltano {meltano}", f"tap-emag-orders {tap.pid}"]
    assert living(meltano, tap.pid, bystander) == [bystander]
    assert sqlite_books.row(other.id).state == "RUNNING"
    assert report["removed_files"] == [str(config)]


def test_a_meltano_that_is_younger_than_the_last_heartbeat_is_another_ones(
    sqlite_books: Books, actors: Actors
) -> None:
    # A scheduler that tries again may give the same run id to the next attempt.
    run = sqlite_books.book()
    retry = actors.meltano(run)
    assert pids(sqlite_books, run.id) == {retry}
    old = sqlite_books.book(minutes=30, heartbeat=29, run_id=run.run_id)
    assert pids(sqlite_books, old.id) == set()


def test_a_plugin_without_meltano_is_known_by_what_it_was_told(books: Books) -> None:
    actors = Actors(books)
    try:
        run = books.book()
        tap = actors.orphan(run, books.config("tap-emag-orders"))
        target = actors.orphan(run, books.config("target-postgres"))
        assert pids(books, run.id) == {tap, target}

        report = books.clean_up(*NOW)

        assert report["cleaned"][0]["still_alive"] == []
        assert living(tap, target) == []
        assert len(report["removed_files"]) == 2
    finally:
        actors.end()


def test_a_plugin_that_two_runs_may_have_started_is_left_alone(
    sqlite_books: Books, actors: Actors
) -> None:
    first = sqlite_books.book()
    second = sqlite_books.book(f"{STATE_ID}:backfill")
    config = sqlite_books.config("tap-emag-orders")
    tap = actors.orphan(first, config)
    sqlite_books.write(
        second, last_heartbeat_at=None, started_at=first.started.replace(tzinfo=None)
    )

    report = sqlite_books.clean_up(*NOW)

    assert [each["processes"] for each in report["cleaned"]] == [[], []]
    assert living(tap) == [tap]
    assert config.exists(), "a file that a living process names was removed"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MELTANO_DATABASE_URI", "sqlite:////another.db"),
        ("MELTANO_ENVIRONMENT", "prod"),
        ("MELTANO_EXTRACTOR_NAME", "tap-emag"),
        ("MELTANO_RUN_ID", "0197f3a0-0000-7000-8000-000000000000"),
    ],
)
def test_a_plugin_of_another_run_is_left_alone(
    sqlite_books: Books, actors: Actors, name: str, value: str
) -> None:
    run = sqlite_books.book()
    mine = actors.orphan(run, sqlite_books.config("tap-emag-orders"))
    assert pids(sqlite_books, run.id) == {mine}
    told = {"MELTANO_ENVIRONMENT": "dev", "MELTANO_EXTRACTOR_NAME": "tap-emag-orders", name: value}
    config = sqlite_books.config("tap-emag-orders")
    actors._start("tap-emag-orders", (), ["--config", str(config)], told)
    assert pids(sqlite_books, run.id) == {mine}


def test_a_plugin_that_began_when_the_runs_meltano_was_gone_is_left_alone(
    sqlite_books: Books, actors: Actors
) -> None:
    run = sqlite_books.book(minutes=30)
    tap = actors.orphan(run, sqlite_books.config("tap-emag-orders"))
    assert pids(sqlite_books, run.id) == {tap}
    sqlite_books.write(run, last_heartbeat_at=run.started.replace(tzinfo=None))
    assert pids(sqlite_books, run.id) == set()


def test_a_number_that_was_given_to_another_process_is_left_alone(
    sqlite_books: Books, actors: Actors
) -> None:
    run = sqlite_books.book()
    meltano = actors.meltano(run)
    [seen] = Processes(sqlite_books.place, sqlite_books.runs).of(sqlite_books.row(run.id))
    # As if the one that was found had begun earlier, and this one had got its number.
    earlier = seen.process.create_time() - 60
    vars(seen.process).update(_create_time=earlier, _ident=(meltano, earlier))
    assert end([seen], grace=0.5) == []
    assert living(meltano) == [meltano]


def test_a_clean_up_never_ends_the_run_it_is_part_of(sqlite_books: Books, actors: Actors) -> None:
    run = sqlite_books.book()
    # What looks like Meltano starts the real command, as Meltano does with a job's first task.
    output = actors.folder / "output"
    actors.command_within_meltano(run, output, "cleanup-stuck-runs", "--json", *NOW)
    wait_for(lambda: output.exists() and output.read_text().endswith("}\n"))
    report = json.loads(output.read_text())
    assert report["cleaned"] == []
    assert [each["reason"] for each in report["left_alone"]] == ["this clean-up is a part of it"]
    assert sqlite_books.row(run.id).state == "RUNNING"


def test_a_run_whose_tap_was_given_more_time_is_left_alone_unless_forced(
    sqlite_books: Books, actors: Actors
) -> None:
    seconds = {"tap-emag-orders": 0, "tap-emag-offers": 3600, "tap-emag-returns": 600}
    runs = [sqlite_books.book(f"dev:{name}-to-target-postgres") for name in seconds]
    for run in runs:
        given = str(seconds[run.extractor])
        config = sqlite_books.config(run.extractor, sync_timeout_seconds=given)
        actors.meltano(run, child=("plain", "--config", str(config)))

    def clean(*, force: bool) -> Report:
        cleaner = Cleaner(
            sqlite_books.place, sqlite_books.runs, timedelta(0), force=force, dry_run=True
        )
        return cleaner.clean()

    report = clean(force=False)
    assert [each.run.extractor for each in report.cleaned] == ["tap-emag-returns"]
    spared = {each.run.extractor: each.reason for each in report.spared}
    assert spared.pop("tap-emag-offers") == "its tap was started with sync_timeout_seconds=3600"
    [(extractor, why)] = spared.items()
    assert extractor == "tap-emag-orders"
    assert re.fullmatch(r"its tap has no sync_timeout_seconds, and moved \d+ s ago", why)
    assert len(clean(force=True).cleaned) == 3


def test_one_that_is_gone_already_counts_as_ended(sqlite_books: Books, actors: Actors) -> None:
    run = sqlite_books.book()
    meltano = actors.meltano(run)
    seen = RunProcess(psutil.Process(meltano))
    actors.end()
    assert end([seen], grace=0.5) == []


def test_what_a_run_that_failed_long_ago_has_left_is_ended(
    sqlite_books: Books, actors: Actors
) -> None:
    run = sqlite_books.book(minutes=0.2)
    tap = actors.orphan(run, sqlite_books.config("tap-emag-orders"))
    sqlite_books.write(run, state="FAIL", ended_at=sqlite_books.row(run.id).heartbeat)
    assert sqlite_books.clean_up()["leftovers"] == [], "it has failed only just now"
    dry = sqlite_books.clean_up("--dry-run", *NOW)
    assert [each["processes"] for each in dry["leftovers"]] == [[f"tap-emag-orders {tap}"]]
    assert living(tap) == [tap]

    report = sqlite_books.clean_up(*NOW)

    assert report["cleaned"] == []
    [leftover] = report["leftovers"]
    assert (leftover["id"], leftover["still_alive"]) == (run.id, [])
    assert living(tap) == []


@pytest.mark.parametrize("state", ["RUNNING", "SUCCESS"])
def test_a_meltano_that_has_gone_on_to_another_run_is_left_alone(
    sqlite_books: Books, actors: Actors, state: str
) -> None:
    # All runs of one call of `meltano run` have the same run id and the same process.
    first = sqlite_books.book(minutes=1)
    meltano = actors.meltano(first)
    sqlite_books.write(first, state="FAIL", ended_at=sqlite_books.row(first.id).heartbeat)
    assert pids(sqlite_books, first.id) == {meltano}
    sqlite_books.book(OTHER, run_id=first.run_id, state=state)
    assert sqlite_books.clean_up("--state-id", STATE_ID, *NOW)["leftovers"] == []
    assert living(meltano) == [meltano]


def test_a_process_that_cannot_be_ended_is_told_and_the_code_is_3(
    sqlite_books: Books, actors: Actors, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One that survives SIGKILL waits for a device or a dead network disk; no test can make one.
    run = sqlite_books.book()
    meltano = actors.meltano(run)
    monkeypatch.setattr("tap_emag.ops.meltano.stuck_runs.end", list)
    report = sqlite_books.clean_up(*NOW, code=3)
    assert report["cleaned"][0]["still_alive"] == [f"meltano {meltano}"]
    assert sqlite_books.row(run.id).state == "FAIL"
    # Once: it must not keep the jobs from running whose first task this is.
    again = sqlite_books.clean_up(*NOW)
    assert again["leftovers"][0]["still_alive"] == [f"meltano {meltano}"]
