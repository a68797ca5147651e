"""What this project knows of Meltano's tables is what the installed Meltano makes and uses.

If one of these fails after an upgrade, `tap_emag/ops/meltano/database.py` has to learn what has
changed.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from meltano.core.job.finder import JobFinder
from meltano.core.job.job import Job, State
from meltano.core.job_state import JobState
from meltano.core.utils import sanitize_filename
from sqlalchemy.orm import Session

from tap_emag.ops.meltano.database import FAIL, RUNS, STATE, WORDS, Runs, SystemDatabaseError
from tap_emag.ops.meltano.project import folder_name
from tests.unit.ops.booked import STATE_ID

if TYPE_CHECKING:
    from tests.unit.ops.booked import Books

PAIRS = [pytest.param(RUNS, Job, id="runs"), pytest.param(STATE, JobState, id="state")]


def kinds(table: sa.Table) -> dict[str, type[object]]:
    found: dict[str, type[object]] = {}
    for column in table.columns:
        kind = column.type
        # Meltano wraps some types; what lies in the database is the inner one.
        inner = kind.impl_instance if isinstance(kind, sa.TypeDecorator) else kind
        found[column.name] = inner._type_affinity or type(inner)
    return found


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_meltano_has_the_columns_that_we_know(ours: sa.Table, theirs: type[Job | JobState]) -> None:
    model = theirs.__table__
    assert isinstance(model, sa.Table)
    assert model.name == ours.name
    expected = kinds(ours)
    if "run_id" in expected:
        # Meltano's own type is text of 32 digits, or a UUID where the database knows them.
        expected["run_id"] = sa.String
    assert kinds(model) == expected
    assert [c.name for c in model.primary_key] == [c.name for c in ours.primary_key]


def test_meltano_has_the_words_for_states_that_we_know() -> None:
    assert {str(state) for state in State} == WORDS
    assert State.FAIL.name == FAIL
    assert FAIL in State.RUNNING.transitions()
    # What keeps a run that was booked as failed from being booked as a success after all.
    assert "SUCCESS" not in State.FAIL.transitions()


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_a_database_that_meltano_made_has_these_columns(
    books: Books, ours: sa.Table, theirs: object
) -> None:
    assert theirs
    columns = sa.inspect(books.engine).get_columns(ours.name)
    assert {column["name"] for column in columns} == {column.name for column in ours.columns}


def test_a_run_that_meltano_books_is_read_and_failed_as_meltano_would(books: Books) -> None:
    with Session(books.engine) as session:
        job = Job(job_name=STATE_ID, run_id=UUID(int=7), payload={"singer_state": {"a": 1}})
        job.start()
        job.save(session)
        assert JobFinder(STATE_ID).latest_running(session)
        [run] = books.runs.running()
        assert (run.id, run.state_id, run.run_id) == (job.id, STATE_ID, str(UUID(int=7)))
        assert (run.started, run.heartbeat, run.ended) == (
            job.started_at,
            job.last_heartbeat_at,
            None,
        )
        now = datetime.now(timezone.utc)
        session.rollback()

        assert books.runs.fail(run, "it was stuck", now)

        session.expire_all()
        assert job.state is State.FAIL
        assert job.ended_at == now
        assert job.payload == {"singer_state": {"a": 1}, "error": "it was stuck"}
        assert JobFinder(STATE_ID).latest_running(session) is None
        # Meltano could not turn it into a success any more.
        assert not job.can_transit(State.SUCCESS)


def test_a_state_that_meltano_keeps_is_read(books: Books) -> None:
    with Session(books.engine) as session:
        session.add(
            JobState(
                state_id=STATE_ID,
                completed_state={"singer_state": {"bookmarks": {"orders": {}}}},
                partial_state={},
            )
        )
        session.commit()
    assert books.runs.states([STATE_ID, "other"]) == {STATE_ID: {"bookmarks": {"orders": {}}}}


def test_states_that_were_edited_by_hand_are_no_runs(books: Books) -> None:
    books.write(books.book(), state="STATE_EDIT")
    assert books.runs.newest(10) == []


def test_a_table_that_has_lost_a_column_is_told(sqlite_books: Books) -> None:
    with sqlite_books.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE runs RENAME COLUMN last_heartbeat_at TO beat"))
    with pytest.raises(SystemDatabaseError, match="`runs` has no last_heartbeat_at"):
        Runs(sqlite_books.place.url)


@given(st.text(max_size=40) | st.text(alphabet="ab:/ ._-é\t", max_size=20))
def test_folders_are_named_as_meltano_names_them(state_id: str) -> None:
    assert folder_name(state_id) == sanitize_filename(state_id)


def test_a_run_that_is_over_when_it_is_to_be_failed_is_left_alone(books: Books) -> None:
    run = books.book(minutes=30)
    books.write(run, state="SUCCESS")
    before = books.everything()
    assert not books.runs.fail(run, "stuck", datetime.now(timezone.utc))
    assert books.everything() == before


def test_what_a_moment_finds_are_the_runs_that_were_under_way_then(books: Books) -> None:
    over = books.book("dev:a-to-b", minutes=30, state="FAIL", ended=20)
    long = books.book("dev:a-to-c", minutes=40)
    now = datetime.now(timezone.utc)

    def found(minutes: float) -> set[int]:
        moment = now - timedelta(minutes=minutes)
        return {run.id for run in books.runs.around(moment, timedelta(seconds=5))}

    assert found(50) == set()
    assert found(35) == {long.id}
    assert found(25) == {long.id, over.id}
    assert found(10) == {long.id}
