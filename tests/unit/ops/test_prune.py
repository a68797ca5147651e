"""Old runs are deleted, and none that anything depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meltano.core.job.finder import JobFinder
from meltano.core.state_store.db import DBStateStoreManager
from sqlalchemy.orm import Session

from tests.unit.ops.booked import STATE_ID

if TYPE_CHECKING:
    from tests.unit.ops.booked import Books

DAY = 24 * 60
OFFERS = "dev:tap-emag-offers-to-target-postgres"
STATE: dict[str, Any] = {"bookmarks": {"orders": {"partitions": []}}}


def test_old_runs_go_and_the_newest_of_each_state_id_stay(books: Books) -> None:
    def book(state_id: str, days: float, state: str) -> int:
        payload = {"singer_state": {"fingerprints": "x" * 100}}
        minutes = days * DAY
        return books.book(
            state_id,
            minutes=minutes,
            state=state,
            heartbeat=minutes,
            ended=None if state == "RUNNING" else minutes,
            payload=payload,
        ).id

    gone = [book(STATE_ID, 60, "SUCCESS"), book(STATE_ID, 50, "FAIL")]
    stay = [
        book(STATE_ID, 45, "SUCCESS"),  # the newest that ended well
        book(STATE_ID, 29, "FAIL"),
        book(STATE_ID, 0, "RUNNING"),
        book(OFFERS, 99, "RUNNING"),
        book(OFFERS, 90, "FAIL"),  # the newest of its state id
    ]
    before = books.everything()

    assert books.call("prune-runs", "--dry-run").startswith("Dry run: would delete 2 runs that")
    assert books.everything() == before
    assert books.call("prune-runs") == "Deleted 2 runs that ended more than 30 days ago.\n"

    assert sorted(run.id for run in books.runs.newest(100)) == sorted(stay)
    assert set(gone).isdisjoint(stay)
    assert books.call("prune-runs").startswith("Deleted 0 runs")
    assert books.call("prune-runs", "--keep-days", "10").startswith("Deleted 1 run that")


def test_meltano_reads_the_same_state_when_all_but_the_newest_runs_are_gone(books: Books) -> None:
    books.keep_state(STATE_ID, STATE)
    for days in (9, 8, 7):
        books.book(STATE_ID, minutes=days * DAY, state="SUCCESS", ended=days * DAY)
    books.call("prune-runs", "--keep-days", "1")
    with Session(books.engine) as session:
        assert JobFinder(STATE_ID).successful(session).count() == 1
        state = DBStateStoreManager(session).get(STATE_ID)
        assert state
        assert state.completed_state == {"singer_state": STATE}
