"""Notes of what was sent come back, whatever has become of the file."""

from __future__ import annotations

import gc
import logging
import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_emag.state import journal
from tap_emag.state.journal import Journal, Note, Sent
from tap_emag.state.store import StateStore
from tests.support.stores import fill_up, rows

if TYPE_CHECKING:
    from collections.abc import Iterable

MOMENT = datetime(2026, 3, 1, 12, 30, 0, 7, tzinfo=timezone.utc)
NOTE = Note(0, Sent(b"7654321", "created", MOMENT), 5000)
KEYS = st.integers(-(2**63), 2**63 - 1) | st.integers(1, 4)
TIMES = st.datetimes(datetime(1970, 1, 1), timezones=st.just(timezone.utc))  # noqa: DTZ001
DIGESTS = st.binary(min_size=7, max_size=7)
SENT = st.builds(
    Sent, DIGESTS, st.sampled_from(["created", "updated"]), st.none() | TIMES
) | st.builds(Sent, st.none(), moment=TIMES)
ROWS = st.lists(st.tuples(KEYS, st.none() | SENT))
FOLDER = TemporaryDirectory()
STORE = StateStore(Path(FOLDER.name))
LISTS = count()
# Notes a tap until it is killed; prints the number of each note once it is kept.
NOTING = """
import sys
from pathlib import Path
from tap_emag.state.journal import Journal, Note, Sent
from tap_emag.state.store import StateStore
kept = Journal(StateStore(Path(sys.argv[1])), "one", "some/rows")
for number in range(1, 10**6):
    kept.add(Note(number % 5000, Sent(b"7654321"), number))
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


def of(store: StateStore, name: str = "some/rows") -> Journal:
    return Journal(store, "one", name)


def write(store: StateStore, notes: Iterable[Note], name: str = "some/rows") -> None:
    kept = of(store, name)
    for note in notes:
        kept.add(note)


def latest(notes: list[Note]) -> list[Note]:
    """Return the last note of each key, and its last mark."""
    return sorted(
        {(note.key, note.sent is None): note for note in notes}.values(),
        key=lambda note: note.number,
    )


def numbered(found: list[tuple[int, Sent | None]]) -> list[Note]:
    return [Note(key, sent, number) for number, (key, sent) in enumerate(found, start=1)]


@given(ROWS, st.integers(0, 20))
def test_the_last_note_of_each_key_comes_back_unless_it_is_settled(
    found: list[tuple[int, Sent | None]], settled: int
) -> None:
    notes = numbered(found)
    name = str(next(LISTS))
    write(STORE, notes, name)
    assert of(STORE, name).read(0) == latest(notes)
    assert of(STORE, name).read(settled) == [n for n in latest(notes) if n.number > settled]
    assert of(STORE, "some/others").read(0) == []


@given(ROWS, st.integers(0, 5), st.integers(0, 20))
def test_to_tidy_up_leaves_what_is_unsettled_and_of_the_rest_no_more_than_there_may_be(
    found: list[tuple[int, Sent | None]], number: int, settled: int
) -> None:
    notes = numbered(found)
    last = latest(notes)
    newest = last[-(2 * number + 3) :]
    wanted = [note for note in last if note in newest or note.number > settled]
    name = str(next(LISTS))
    write(STORE, notes, name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "SPARE_NOTES", 3)
        of(STORE, name).tidy_up(number, settled)
    assert of(STORE, name).read(0) == wanted


def test_a_note_is_there_for_others_at_once(store: StateStore) -> None:
    write(store, [NOTE])
    with StateStore(store.folder) as other:
        assert of(other).read(0) == [NOTE]


def test_what_was_noted_outlives_a_kill_at_any_moment(tmp_path: Path) -> None:
    command = [sys.executable, "-c", NOTING, str(tmp_path)]
    for milliseconds in (1, 7, 30, 90, 250):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(milliseconds / 1000)
            os.kill(process.pid, signal.SIGKILL)
            told = process.stdout.read().splitlines()
        last = int(told[-1]) if told and told[-1] else 1
        with StateStore(tmp_path) as store:
            found = of(store).read(0)
            assert found[-1].number >= last
            # Without a gap: each key has its last note.
            assert len(found) == min(found[-1].number, 5000)
            store.execute("DELETE FROM sent_rows")


def many() -> list[Note]:
    moments = (MOMENT + timedelta(number) for number in range(5000))
    return [
        Note(number % 10, Sent(b"1234567", moment=moment), number)
        for number, moment in enumerate(moments)
    ]


def test_it_does_not_grow_for_ever(store: StateStore) -> None:
    write(store, many())
    assert of(store).read(0) == many()[-10:]
    write(store, [NOTE._replace(key=key, number=key) for key in range(5000, 8000)])
    of(store).tidy_up(10, 10**9)
    assert rows(store, "SELECT count(*) FROM sent_rows") == [(1020,)]


MANY = """
WITH RECURSIVE keys(key) AS (SELECT 1 UNION ALL SELECT key + 1 FROM keys LIMIT 200000)
INSERT INTO sent_rows SELECT 'one', 'some/rows', key, 0, key, x'31323334353637', 'updated', key, 0
FROM keys
"""


@pytest.mark.timing
def test_many_notes_are_read_within_a_second(store: StateStore) -> None:
    store.execute(MANY)
    gc.freeze()  # what other tests have left is not to be searched for garbage
    begun = time.process_time()
    kept = of(store)
    kept.tidy_up(200_000, 0)
    assert len(kept.read(0)) == 200_000
    taken = time.process_time() - begun
    gc.unfreeze()
    # Under 1 on a machine that has nothing else to do.
    assert taken < 3


def test_where_it_cannot_be_kept_the_run_goes_on_and_logs_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("no folder")
    with caplog.at_level(logging.WARNING), StateStore(tmp_path / "state") as store:
        kept = of(store)
        assert kept.read(0) == []
        kept.add(NOTE)
        kept.add(NOTE)
    (told,) = [record.getMessage() for record in caplog.records]
    assert str(store.path) in told
    assert "cannot be kept" in told


def test_a_full_disk_leaves_nothing_that_would_pass_for_the_last_note(
    store: StateStore, caplog: pytest.LogCaptureFixture
) -> None:
    write(store, [NOTE])
    kept = of(store)
    fill_up(store)
    for number in range(6000, 9000):
        kept.add(Note(number, Sent(b"7654321"), number))
    assert "No space left on device" in caplog.text
    assert of(store).read(0) == []
    write(store, [NOTE._replace(number=10**6)])
    assert of(store).read(0) == [NOTE._replace(number=10**6)]


def test_a_damaged_file_begins_anew(store: StateStore, caplog: pytest.LogCaptureFixture) -> None:
    write(store, [NOTE])
    store.close()
    store.path.write_bytes(os.urandom(5000))
    write(store, [NOTE])
    assert of(store).read(0) == [NOTE]
    assert "set aside" in caplog.text
