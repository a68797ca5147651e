"""Stores which rows were sent, so that a kill does not lose it.

A state records the rows that have surely reached the target. Rows that a killed run has sent after
that may be in the target or not. So the tap notes each row in this host's state store before it
writes it. The only effects of a note: the row may be written once more, with the time at which its
version was first seen.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tap_emag.state.fingerprints import Change
    from tap_emag.state.store import StateStore

logger = logging.getLogger("tap-emag")

NOTE = "REPLACE INTO sent_rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
READ = """
SELECT key, kind, number, digest, change, moment FROM sent_rows
WHERE pipeline = ? AND list = ? AND kind < 2 AND number > ? ORDER BY number
"""
VOID_UNTIL = "SELECT number FROM sent_rows WHERE pipeline = ? AND list = ? AND key = 0 AND kind = 2"
TIDY_UP = """
DELETE FROM sent_rows
WHERE pipeline = ?1 AND list = ?2 AND kind < 2 AND number <= ?3 AND number <= (
  SELECT number FROM sent_rows WHERE pipeline = ?1 AND list = ?2
  ORDER BY number DESC LIMIT 1 OFFSET ?4)
"""
SWEEP = """
DELETE FROM sent_rows WHERE (pipeline, list) IN (
  SELECT pipeline, list FROM sent_rows GROUP BY pipeline, list HAVING max(noted) < ?)
"""
ROW, MARK, VOID = 0, 1, 2  # kinds of notes; all notes up to the number of the last kind are void
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICROSECOND = timedelta(microseconds=1)
# How many notes are kept: SPARE times the number of rows, and SPARE_NOTES more.
SPARE = 2
SPARE_NOTES = 1000
CONSEQUENCE = ": if this run is killed, the next one may leave a row as it was in between"
KEPT_DAYS = 90  # since the latest note of a list


class Sent(NamedTuple):
    """A sent version of a row: its fingerprint, None for the row's end, with change and time.

    `moment`, to the microsecond, is None where the row was sent without a time.
    """

    digest: bytes | None
    change: Change = "updated"
    moment: datetime | None = None


class Note(NamedTuple):
    """A note of a sent row, numbered in the order of sending to one target.

    Without `sent`, it is the note of a marked key; its meaning is up to the caller.
    """

    key: int
    sent: Sent | None
    number: int


class Journal:
    """The notes of one list of one pipeline, the latest of each key, each committed at once.

    Where they cannot be stored, the run logs that and goes on without them. Then a version that a
    row had only around a kill may stay in the target until the row changes again.
    """

    def __init__(self, store: StateStore, pipeline: str, name: str) -> None:
        """Name the list."""
        self._store = store
        self._list = pipeline, name
        self._broken = False

    def read(self, settled: int) -> list[Note]:
        """Return the notes after number `settled`, up to which the state has them, oldest first."""
        try:
            with self._store.read_only() as state:
                void = state.execute(VOID_UNTIL, self._list).fetchone() or (settled,)
                values = (*self._list, max(settled, *void))
                return [_note(*row) for row in state.execute(READ, values)]
        except OSError as error:
            self._give_up(error, settled)
            return []

    def tidy_up(self, rows: int, settled: int) -> None:
        """Delete old notes where they are far too many for so many `rows`.

        Notes after number `settled` stay: the state does not have them.
        """
        with suppress(OSError):
            most = SPARE * rows + SPARE_NOTES
            self._store.execute(TIDY_UP, (*self._list, settled, most))

    def add(self, note: Note) -> None:
        """Add a note; it is committed when this returns, and outlives the process."""
        if self._broken:
            return
        try:
            self._store.execute(NOTE, self._values(note))
        except OSError as error:
            self._give_up(error, note.number)

    def _values(self, note: Note) -> tuple[object, ...]:
        kind, sent = (MARK, Sent(None)) if note.sent is None else (ROW, note.sent)
        moment = None if sent.moment is None else (sent.moment - EPOCH) // MICROSECOND
        noted = int(time.time())
        return (*self._list, note.key, kind, note.number, sent.digest, sent.change, moment, noted)

    def _give_up(self, error: OSError, number: int) -> None:
        """Void the notes: for a later version without a note, they would be wrong."""
        self._broken = True
        self._store.free_reserve()
        with suppress(OSError):
            self._store.execute(NOTE, (*self._list, 0, VOID, number, None, "", None, 0))
        logger.warning("%s cannot be kept (%s)%s", self._store.path, error.strerror, CONSEQUENCE)


def sweep(store: StateStore) -> None:
    """Delete lists without a new note for KEPT_DAYS: their pipelines are no longer used."""
    with suppress(OSError):
        store.execute(SWEEP, (time.time() - KEPT_DAYS * 86_400,))


def _note(  # the columns of a row
    key: int, kind: int, number: int, digest: bytes | None, change: Change, moment: int | None
) -> Note:
    if kind == MARK:
        return Note(key, None, number)
    when = None if moment is None else EPOCH + moment * MICROSECOND
    return Note(key, Sent(digest, change, when), number)
