"""What was written of a list: what the state knows of it, and what was sent beyond that."""

from __future__ import annotations

import os
import secrets
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from tap_emag.changes import Fingerprints
from tap_emag.journal import Journal, Note, Sent, sweep

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    from tap_emag.changes import Change

PIPELINE = "pipeline"  # in a bookmark: what tells it from others, whose targets are others
PIPELINE_BYTES = 8
SENT = "_sent"  # behind a name: up to which number the state stands for what was sent
# A state may be copied, into another environment for example: from then on it is another one's.
PLACE = ("MELTANO_PROJECT_ROOT", "MELTANO_ENVIRONMENT", "MELTANO_EXTRACTOR_NAME")


class Ledger:
    """Tells which rows of a list are to be written; use it in a `with` block.

    A row is left out when the state knows this version of it to be written, and nothing was sent of
    it since. So a row that changed, and changed back around a run that was killed, is written once
    more, whichever version the target holds.
    """

    def __init__(self, folder: Path, bookmark: dict[str, Any], name: str) -> None:
        """Start from what is known of delivered rows.

        Args:
            folder: Where it is noted what is sent, a file for each pipeline and list.
            bookmark: What the state has of the stream. Which pipeline it belongs to is written
                there, unless it is known; a state that begins anew is that of a new one.
            name: Under which name fingerprints stand in the bookmark.
        """
        self._name = name
        self._known = Fingerprints.unpack(bookmark.get(name) or "") or Fingerprints()
        if PIPELINE not in bookmark:
            bookmark[PIPELINE] = secrets.token_hex(PIPELINE_BYTES)
            sweep(folder)
        self._journal = Journal(folder / f"{_pipeline(bookmark)}-{name}")
        self._number = bookmark.get(name + SENT, 0)
        self.latest: datetime | None = None  # of the times that were sent
        # What was sent and the state does not stand for: the target may have it.
        self._unsettled: dict[int, Note] = {}
        self.marked: set[int] = set()  # by a run that was killed
        self._take_up(settled=self._number)

    def _take_up(self, settled: int) -> None:
        self._journal.tidy_up(len(self._known), settled)
        for note in self._journal.read():
            if note.number <= settled:
                continue
            self._number = max(self._number, note.number)
            if note.sent is None:
                self.marked.add(note.key)
            else:
                self._unsettled[note.key] = note
                self.latest = max(filter(None, (self.latest, note.sent.moment)), default=None)

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
        return "updated" if change is None and key in self._unsettled else change

    def unsettled(self, key: int, digest: bytes | None) -> Sent | None:
        """Return what a run that was killed has sent of this version, or None for the row's end.

        The target may have it; sent again just as it was, it stands there once.
        """
        note = self._unsettled.get(key)
        return note.sent if note and note.sent and note.sent.digest == digest else None

    def doubtful(self) -> set[int]:
        """Return the keys of rows that a killed run has sent and that have not been met again."""
        return {key for key, note in self._unsettled.items() if note.sent and note.sent.digest}

    def deliver(self, key: int, digest: bytes, sent: Sent | None = None) -> None:
        """Note that this version of a row is about to be written; `sent` if a time goes with it."""
        self._note(key, sent or Sent(digest))
        self._known.deliver(key, digest)

    def tell_gone(self, key: int, moment: datetime) -> None:
        """Note that the end of a row is about to be told."""
        self._note(key, Sent(None, moment=moment))
        self._known.forget(key)

    def mark(self, key: int) -> None:
        """Note a key, so that the next run finds it marked if this one is killed."""
        self._number += 1
        self._journal.add(Note(key, None, self._number))

    def forget(self, key: int) -> None:
        """Drop a row that the source has no more; nobody is told."""
        self._known.forget(key)

    def missing(self, seen: Iterable[int]) -> set[int]:
        """Return the keys of rows that were delivered, or sent, and are not among those seen.

        Those whose end was sent are among them while the target may not have heard of it.
        """
        return self._known.missing(seen) | self._unsettled.keys() - set(seen)

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
        self._journal.add(Note(key, sent, self._number))
        self._unsettled.pop(key, None)


def _pipeline(bookmark: dict[str, Any]) -> str:
    """Return what stands for a pipeline in the name of a file, unlike in any copy of its state."""
    place = [bookmark[PIPELINE], *(os.environ.get(name, "") for name in PLACE)]
    return blake2b("\0".join(place).encode(), digest_size=PIPELINE_BYTES).hexdigest()
