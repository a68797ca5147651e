"""Combines a list's fingerprints with the journal of rows sent since."""

from __future__ import annotations

import os
import secrets
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from tap_emag.state.fingerprints import Fingerprints
from tap_emag.state.journal import Journal, Note, Sent, sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from tap_emag.state.fingerprints import Change
    from tap_emag.state.store import StateStore

PIPELINE = "pipeline"  # the bookmark's key for the pipeline's name; each pipeline has its target
PIPELINE_BYTES = 8
SENT = "_sent"  # suffix: up to which number the state includes the notes of sent rows
# A state may be copied, for example to another environment: the copy is of another pipeline.
PLACE = ("MELTANO_PROJECT_ROOT", "MELTANO_ENVIRONMENT", "MELTANO_EXTRACTOR_NAME")


class DeliveredRows:
    """Decides which rows of a list to write.

    A row is skipped when the state knows this version as written, and no version was sent since.
    So a row that changed, and changed back around a killed run, is written once more: either
    version may be in the target.
    """

    def __init__(self, store: StateStore, stream: str, bookmark: dict[str, Any], name: str) -> None:
        """Start from the delivered rows that are known.

        Args:
            store: Where the journal is.
            stream: The stream's name.
            bookmark: The stream's bookmark. One without a pipeline's name gets a new one: a state
                that begins anew is of a new pipeline.
            name: The bookmark's key for the fingerprints.
        """
        self._name = name
        self._known = Fingerprints.unpack(bookmark.get(name) or "") or Fingerprints()
        if name_pipeline(bookmark):
            sweep(store)
        self._journal = Journal(store, pipeline_of(bookmark), f"{stream}/{name}")
        self._number = bookmark.get(name + SENT, 0)
        self.latest: datetime | None = None  # of the times that were sent
        # Sent after the state was written: the target may have these rows.
        self._unsettled: dict[int, Note] = {}
        self.marked: set[int] = set()  # by a run that was killed
        self._take_up(settled=self._number)

    def _take_up(self, settled: int) -> None:
        self._journal.tidy_up(len(self._known), settled)
        for note in self._journal.read(settled):
            self._number = max(self._number, note.number)
            if note.sent is None:
                self.marked.add(note.key)
            else:
                self._unsettled[note.key] = note
                self.latest = max(filter(None, (self.latest, note.sent.moment)), default=None)

    def __len__(self) -> int:
        """Return how many rows the state would know now."""
        return len(self._known)

    def change(
        self, key: int, digest: bytes, former: Callable[[], bytes] | None = None
    ) -> Change | None:
        """Compare a row read now with the delivered version; None means unchanged.

        `former` returns the fingerprint that earlier releases of the tap made of the row.
        """
        change = self._known.change(key, digest)
        if former and change == "updated":
            change = self._known.change(key, former())
            if change is None:
                self._known.deliver(key, digest)
        return "updated" if change is None and key in self._unsettled else change

    def unsettled(self, key: int, digest: bytes | None) -> Sent | None:
        """Return what a killed run has sent of this version, or of the row's end, if anything.

        The target may have it; sent again unchanged, it is there once.
        """
        note = self._unsettled.get(key)
        return note.sent if note and note.sent and note.sent.digest == digest else None

    def doubtful(self) -> set[int]:
        """Return the keys of rows that a killed run has sent and this run has not delivered yet."""
        return {key for key, note in self._unsettled.items() if note.sent and note.sent.digest}

    def deliver(self, key: int, digest: bytes, sent: Sent | None = None) -> None:
        """Note that this version of a row is about to be written; `sent` if a time goes with it."""
        self._note(key, sent or Sent(digest))
        self._known.deliver(key, digest)

    def deliver_deletion(self, key: int, moment: datetime) -> None:
        """Note that the end of a row is about to be written."""
        self._note(key, Sent(None, moment=moment))
        self._known.forget(key)

    def mark(self, key: int) -> None:
        """Note a key, so that the next run finds it marked if this one is killed."""
        self._number += 1
        self._journal.add(Note(key, None, self._number))

    def forget(self, key: int) -> None:
        """Drop a row that the source no longer has, without writing its end."""
        self._known.forget(key)

    def missing(self, seen: Iterable[int]) -> set[int]:
        """Return the keys of rows that were delivered, or sent, and are not among those seen.

        Rows whose end was sent are among them, as long as it may not have reached the target.
        """
        return self._known.missing(seen) | self._unsettled.keys() - set(seen)

    def settle(self) -> None:
        """Mark all unconfirmed rows as re-sent, after a complete pass."""
        self._unsettled.clear()

    def bookmark(self) -> dict[str, Any]:
        """Return the bookmark's values for all rows sent so far.

        Before the end of a list, its number stays below the first note of a killed run that was not
        sent again: otherwise that note would count as settled.
        """
        first = min((note.number for note in self._unsettled.values()), default=self._number + 1)
        return {self._name: self._known.pack(), self._name + SENT: first - 1}

    def _note(self, key: int, sent: Sent) -> None:
        self._number += 1
        self._journal.add(Note(key, sent, self._number))
        self._unsettled.pop(key, None)


def name_pipeline(bookmark: dict[str, Any]) -> bool:
    """Give a bookmark a pipeline's name; return whether it had none."""
    if PIPELINE in bookmark:
        return False
    bookmark[PIPELINE] = secrets.token_hex(PIPELINE_BYTES)
    return True


def pipelines_of(state: dict[str, Any], streams: Iterable[str]) -> Iterator[str]:
    """Yield `pipeline_of` each bookmark of these streams that names one."""
    for stream in streams:
        for bookmark in state.get("bookmarks", {}).get(stream, {}).get("partitions", []):
            if PIPELINE in bookmark:
                yield pipeline_of(bookmark)


def pipeline_of(bookmark: dict[str, Any]) -> str:
    """Return the name of a pipeline in the state store; a copy of its state has another one."""
    place = [bookmark[PIPELINE], *(os.environ.get(name, "") for name in PLACE)]
    return blake2b("\0".join(place).encode(), digest_size=PIPELINE_BYTES).hexdigest()
