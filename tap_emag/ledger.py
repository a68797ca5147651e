"""What was written of a list: what the state knows of it, and what was sent beyond that."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from tap_emag.changes import Fingerprints
from tap_emag.journal import Journal, Note, Sent

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    from tap_emag.changes import Change

PIPELINE = "pipeline"  # in a bookmark: what tells it from other pipelines of the account
PIPELINE_BYTES = 8
SENT = "_sent"  # behind a name: up to which number the state stands for what was sent


class Ledger:
    """Tells which rows of a list are to be written; use it in a `with` block.

    A row is left out when the state knows this version of it to be written, nothing was sent of it
    since, and no other pipeline has sent another version last. So a row that changed, and changed
    back around a run that was killed, is written once more, whichever version the target holds.
    """

    def __init__(self, journal: Path, bookmark: dict[str, Any], name: str) -> None:
        """Start from what is known of delivered rows.

        Args:
            journal: A file in which is noted what is sent, for all pipelines of the account.
            bookmark: What the state has of the stream. Which pipeline it belongs to is written
                there, unless it is known; a state that begins anew is that of another one.
            name: Under which name fingerprints stand in the bookmark.
        """
        self._name = name
        self._known = Fingerprints.unpack(bookmark.get(name) or "") or Fingerprints()
        if PIPELINE not in bookmark:
            bookmark[PIPELINE] = secrets.token_hex(PIPELINE_BYTES)
        self._journal = Journal(journal, bytes.fromhex(bookmark[PIPELINE]))
        settled = self._number = bookmark.get(name + SENT, 0)
        self.latest: datetime | None = None  # of all times that were sent
        # What this pipeline has sent and the state does not stand for: the target may have it.
        self._unsettled: dict[int, Note] = {}
        # What another pipeline has sent last and the state does not know of.
        self._strange: set[int] = set()
        self._journal.tidy_up(len(self._known))
        for note in self._journal.read():
            self._take(note, settled)

    def _take(self, note: Note, settled: int) -> None:
        """Take up a note; later ones of a row go before earlier ones."""
        key, sent = note.key, note.sent
        self._number = max(self._number, note.number)
        self.latest = max(filter(None, (self.latest, sent.moment)), default=None)
        own = note.pipeline == self._journal.pipeline
        if own and note.number > settled:
            self._unsettled[key] = note
        if own or self._known.get(key) == sent.digest:
            self._strange.discard(key)
        else:
            self._strange.add(key)

    def __enter__(self) -> Self:
        self._journal.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._journal.__exit__(kind, error, trace)

    def __len__(self) -> int:
        """Return how many rows the state would know of now."""
        return len(self._known)

    def change(self, key: int, digest: bytes) -> Change | None:
        """Tell what a row read now is against what was delivered: None means unchanged."""
        change = self._known.change(key, digest)
        if change is None and (key in self._unsettled or key in self._strange):
            return "updated"
        return change

    def unsettled(self, key: int, digest: bytes | None) -> Sent | None:
        """Return what a run that was killed has sent of this version, or None for the row's end.

        The target may have it; sent again just as it was, it stands there once.
        """
        note = self._unsettled.get(key)
        return note.sent if note and note.sent.digest == digest else None

    def deliver(self, key: int, digest: bytes, sent: Sent | None = None) -> None:
        """Note that this version of a row is about to be written; `sent` if a time goes with it."""
        self._note(key, sent or Sent(digest))
        self._known.deliver(key, digest)

    def tell_gone(self, key: int, moment: datetime) -> None:
        """Note that the end of a row is about to be told."""
        self._note(key, Sent(None, moment=moment))
        self._known.forget(key)

    def forget(self, key: int) -> None:
        """Drop a row that the source has no more; nobody is told."""
        self._known.forget(key)

    def missing(self, seen: Iterable[int]) -> set[int]:
        """Return the keys of rows that were delivered, or sent, and are not among those seen.

        Those whose end was sent are among them while the target may not have heard of it.
        """
        return self._known.missing(seen) | {*self._unsettled, *self._strange}.difference(seen)

    def settle(self) -> None:
        """Note that the whole list was met: what a killed run has sent is sent again by now."""
        self._unsettled.clear()

    def bookmark(self) -> dict[str, Any]:
        """Return what the state is to know of all that was sent so far.

        In the midst of a list it stands for no more than lies before the first note of a killed run
        that has not been met again: else that one would pass for settled.
        """
        first = min((note.number for note in self._unsettled.values()), default=self._number + 1)
        return {self._name: self._known.pack(), self._name + SENT: first - 1}

    def _note(self, key: int, sent: Sent) -> None:
        self._number += 1
        self._journal.add(Note(key, sent, self._number, self._journal.pipeline))
        self._unsettled.pop(key, None)
        self._strange.discard(key)
