"""Streams of lists that say nothing of what changed: read whole, written where they differ.

What was written is remembered by fingerprint in the bookmark, and with it when: within the cache's
time to live nothing is asked and nothing is written. A state that is lost, or a full refresh, makes
everything be written again.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from tap_emag.changes import fingerprint
from tap_emag.streams.base import EmagStream, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_sdk.helpers.types import Context, Record

    from tap_emag.ledger import Ledger

KEY_BYTES = 7  # of a text's hash: two keys of one list share it once in 2**56


@dataclass(frozen=True)
class Item:
    """One element of a list: its key, its row, and the rows of child streams by stream name."""

    key: int | str
    row: Record
    children: dict[str, list[Record]] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """Return the key as a number, by which fingerprints are kept."""
        if isinstance(self.key, int):
            return self.key
        return int.from_bytes(blake2b(self.key.encode(), digest_size=KEY_BYTES).digest(), "big")

    @property
    def fingerprint(self) -> bytes:
        """Return the fingerprint of the row and of what hangs on it."""
        return fingerprint({"row": self.row, **self.children})


class ChangedItems:
    """Passes the items of a list that are new or differ from what was written."""

    def __init__(self, ledger: Ledger, met: Callable[[str], None]) -> None:
        """Start from what was written.

        `met` is told of each item whether it is created, updated or unchanged.
        """
        self._ledger = ledger
        self.seen: set[int] = set()
        self._met = met

    def passes(self, item: Item) -> Row | None:
        """Return the item's rows if they are to be written."""
        self.seen.add(item.number)
        digest = item.fingerprint
        change = self._ledger.change(item.number, digest)
        self._met(change or "unchanged")
        if change is None:
            return None
        self._ledger.deliver(item.number, digest)
        return Row(item.row, item.children)

    def forget_missing(self) -> None:
        """Drop what was not met, so that the bookmark does not grow for ever."""
        for key in self._ledger.missing(self.seen):
            self._ledger.forget(key)
        self._ledger.settle()


class ListStream(EmagStream):
    """A list that is read whole when the last reading is older than the cache lives."""

    @property
    def replication_method(self) -> str:
        """Say that not all rows come each time, so that no target takes the others for deleted."""
        return "INCREMENTAL"

    @abc.abstractmethod
    def items(self, bookmark: dict[str, Any]) -> Iterator[Item]:
        """Read the list."""

    def time_to_live(self) -> timedelta:
        """Return for how long a reading is good."""
        return timedelta(seconds=self._tap.settings.metadata_cache_ttl_seconds)

    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Yield the items that are new or changed."""
        bookmark = self.get_context_state(context)
        if self._fresh(bookmark):
            self.logger.info("read at %s, which is good for now", bookmark["read_at"])
            return
        self.begin_children()
        begun = datetime.now(timezone.utc)
        with self.ledger(context, "rows") as ledger:
            changed = ChangedItems(ledger, self.met)
            for item in self.items(bookmark):
                row = changed.passes(item)
                if row is not None:
                    yield row
            changed.forget_missing()
        self.move_bookmark(
            context, read_at=begun.isoformat(timespec="seconds"), **ledger.bookmark()
        )

    def _fresh(self, bookmark: dict[str, Any]) -> bool:
        try:
            age = datetime.now(timezone.utc) - datetime.fromisoformat(bookmark["read_at"])
        except (KeyError, ValueError, TypeError):
            return False
        return timedelta(0) <= age < self.time_to_live()
