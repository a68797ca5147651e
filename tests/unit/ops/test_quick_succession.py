"""Of runs that follow each other within seconds, what each leaves behind is told apart."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tap_emag.ops.meltano.processes import Processes
from tests.unit.ops.booked import STATE_ID
from tests.unit.ops.hung import NOW, wait_for
from tests.unit.ops.test_processes import living

if TYPE_CHECKING:
    from tests.unit.ops.booked import Actors, Books

SECOND = 1 / 60  # in minutes


@pytest.mark.parametrize("state", ["FAIL", "SUCCESS"])
@pytest.mark.parametrize("plugin", ["tap-emag-orders", "target-postgres"])
def test_a_plugin_belongs_to_the_run_that_began_when_the_one_before_was_over(
    sqlite_books: Books, actors: Actors, state: str, plugin: str
) -> None:
    before = sqlite_books.book(state=state, minutes=9 * SECOND, heartbeat=SECOND, ended=SECOND)
    run = sqlite_books.book()
    config = sqlite_books.config(plugin)
    pid = actors.orphan(run, config)

    everybody = Processes(sqlite_books.place, sqlite_books.runs)
    assert [seen.pid for seen in everybody.of(sqlite_books.row(run.id))] == [pid]
    assert everybody.of(sqlite_books.row(before.id)) == []

    report = sqlite_books.clean_up(*NOW)
    assert report["cleaned"][0]["processes"] == [f"{plugin} {pid}"]
    wait_for(lambda: living(pid) == [])
    assert report["removed_files"] == [str(config)]


def test_a_plugin_of_two_runs_that_were_under_way_at_once_is_left_alone(
    sqlite_books: Books, actors: Actors
) -> None:
    # With `--force` Meltano starts a run beside another one.
    first = sqlite_books.book(minutes=9 * SECOND)
    second = sqlite_books.book()
    pid = actors.orphan(second, sqlite_books.config("target-postgres"))
    ended = sqlite_books.row(second.id).started + timedelta(seconds=1)
    sqlite_books.write(first, state="FAIL", ended_at=ended.replace(tzinfo=None))

    report = sqlite_books.clean_up(*NOW)

    assert [(each["state_id"], each["processes"]) for each in report["cleaned"]] == [(STATE_ID, [])]
    assert living(pid) == [pid]
