"""Nothing of anybody else's is touched: runs, processes, files, rows of other pipelines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psutil
import pytest

from tap_emag.ops.meltano.pipelines import OwnPipelines
from tests.unit.ops.booked import STATE_ID, THEIRS
from tests.unit.ops.hung import NOW
from tests.unit.ops.test_metrics import get, serving
from tests.unit.ops.test_processes import living

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.ops.booked import Actors, Books

DAY = 24 * 60
OTHERS = [
    THEIRS,
    "dev:tap-emag-like-to-target-postgres",  # the name alone says nothing
    "dev:tap-emag-orders-to-target-of-theirs",  # another project's, in the same database
    "test:tap-emag-orders-to-target-postgres",
    "dev:tap-emag-orders-to-target-postgres-too",
    "orders",  # as `meltano el --state-id orders` books it
    "2026-11-29T063328--tap-shop--target-postgres",
]
OURS = [
    STATE_ID,
    "prod:tap-emag-fbe-orders-to-target-postgres",
    "dev:tap-emag-to-target-jsonl:backfill",
    "2026-11-29T063328--tap-emag--target-postgres",
]


def test_own_runs_are_told_by_the_plugins_of_the_project(sqlite_books: Books) -> None:
    pipelines = OwnPipelines.of_project(sqlite_books.root)
    assert [state_id for state_id in OTHERS if pipelines.own(state_id)] == []
    assert [state_id for state_id in OURS if not pipelines.own(state_id)] == []


def test_plugins_may_be_declared_in_further_files(sqlite_books: Books) -> None:
    own = "dev:tap-emag-bg-to-target-postgres"
    root = sqlite_books.root
    assert not OwnPipelines.of_project(root).own(own)
    (root / "plugins").mkdir()
    (root / "plugins" / "bg.yml").write_text(
        "plugins: {extractors: [{name: tap-emag-bg, inherit_from: tap-emag-fbe}]}\n"
    )
    with (root / "meltano.yml").open("a") as file:
        file.write("include_paths: ['./plugins/*.yml']\n")
    assert OwnPipelines.of_project(root).own(own)


@pytest.mark.parametrize(("text", "told"), [("a: [1\nb: secret", "line 2"), (None, "No such file")])
def test_a_project_file_that_cannot_be_read_is_told(
    sqlite_books: Books, text: str | None, told: str
) -> None:
    path = sqlite_books.root / "meltano.yml"
    path.unlink() if text is None else path.write_text(text)
    for command in ("cleanup-stuck-runs", "prune-runs", "list-runs"):
        message = sqlite_books.call(command, code=2)
        assert told in message
        assert "secret" not in message


@pytest.mark.parametrize("state_id", OTHERS)
def test_a_run_of_others_is_left_alone_however_old_and_silent(books: Books, state_id: str) -> None:
    books.book(state_id, minutes=3 * DAY, heartbeat=2 * DAY)
    before = books.everything()
    report = books.clean_up(*NOW)
    assert (report["cleaned"], report["left_alone"], report["leftovers"]) == ([], [], [])
    assert books.everything() == before


def test_a_run_of_others_is_taken_when_it_is_named(books: Books) -> None:
    run, mine = books.book("orders", minutes=30, heartbeat=20), books.book(minutes=1)
    report = books.clean_up("--state-id", "orders")
    assert [each["id"] for each in report["cleaned"]] == [run.id]
    assert books.row(mine.id).state == "RUNNING"


def test_a_living_pipeline_of_others_is_not_ended(sqlite_books: Books, actors: Actors) -> None:
    run = sqlite_books.book(THEIRS)
    config = sqlite_books.config("tap-shop")
    meltano = actors.meltano(run, child=("plain", "--config", str(config)))
    [tap] = psutil.Process(meltano).children()
    failed = sqlite_books.book("dev:tap-emag-like-to-target-postgres")
    orphan = actors.orphan(failed, sqlite_books.config("tap-emag-like"))
    sqlite_books.write(failed, state="FAIL", ended_at=sqlite_books.row(failed.id).heartbeat)

    sqlite_books.clean_up(*NOW)

    assert living(meltano, tap.pid, orphan) == [meltano, tap.pid, orphan]
    assert sqlite_books.row(run.id).state == "RUNNING"


def test_a_meltano_that_is_at_work_for_others_is_not_ended_for_an_old_row(
    sqlite_books: Books, actors: Actors
) -> None:
    # One call of `meltano run` with blocks of both: the row of the first was never closed.
    mine = sqlite_books.book(minutes=1)
    meltano = actors.meltano(mine)
    theirs = sqlite_books.book(THEIRS, run_id=mine.run_id)

    report = sqlite_books.clean_up(*NOW)

    assert [(each["id"], each["processes"]) for each in report["cleaned"]] == [(mine.id, [])]
    assert living(meltano) == [meltano]
    assert sqlite_books.row(theirs.id).state == "RUNNING"


@pytest.mark.parametrize("plugin", ["tap-shop", "target-postgres"])
def test_a_file_with_passwords_of_others_stays(books: Books, plugin: str) -> None:
    books.book(THEIRS, minutes=30, state="FAIL", heartbeat=20, ended=15)
    path = books.config(plugin, age=60 * 29)
    if plugin == "target-postgres":
        # Both pipelines load with it, and nothing in the file says for whom.
        books.book(minutes=30, state="FAIL", heartbeat=20, ended=15)
    assert books.clean_up()["removed_files"] == []
    assert path.exists()


def test_old_runs_of_others_are_not_deleted(books: Books) -> None:
    def book(state_id: str) -> list[int]:
        moments = [60 * DAY, 50 * DAY, 40 * DAY]
        return [
            books.book(state_id, minutes=each, heartbeat=each, state="SUCCESS", ended=each).id
            for each in moments
        ]

    theirs = [number for state_id in OTHERS for number in book(state_id)]
    mine = book(STATE_ID)
    books.book()
    assert books.call("prune-runs").startswith("Deleted 2 runs")
    left = {run.id for run in books.runs.newest(1000)}
    assert set(theirs) <= left
    assert left.isdisjoint(mine[:2])
    assert books.call("prune-runs", "--state-id", THEIRS).startswith("Deleted 2 runs")


def test_runs_of_others_are_listed_when_they_are_asked_for(books: Books) -> None:
    theirs, mine = books.book(THEIRS, minutes=2), books.book(minutes=3)
    for number in range(3):
        books.book(f"dev:tap-{number}-to-target-postgres", minutes=1)

    def listed(*words: str) -> list[int]:
        return [each["id"] for each in json.loads(books.call("list-runs", "--json", *words))]

    assert listed() == listed("--limit", "1") == [mine.id]
    assert listed("--state-id", THEIRS) == [theirs.id]
    assert len(listed("--all")) == 5


def test_the_metrics_of_jobs_leave_out_those_of_others(sqlite_books: Books, tmp_path: Path) -> None:
    sqlite_books.book(THEIRS, minutes=20)
    sqlite_books.book(minutes=2)
    with serving(tmp_path, sqlite_books.environment) as url:
        _, text = get(f"{url}/metrics")
    assert f'emag_job_running{{state_id="{STATE_ID}"}} 1' in text
    assert THEIRS not in text
