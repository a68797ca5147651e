"""Reads lists without times of change completely, and writes the rows that differ.

The bookmark keeps the fingerprint of each written row and the time of the reading. Within the
cache's time to live the tap sends no request and writes no row. After a lost state or a full
refresh it writes all rows again.
"""

from __future__ import annotations

import abc
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from tap_emag.schema.sent import encoded
from tap_emag.singer_io import override
from tap_emag.state.fingerprints import digest, fingerprint
from tap_emag.streams.base import EmagStream
from tap_emag.streams.children import Row
from tap_emag.streams.vanished import Vanishing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from singer_sdk.helpers.types import Context, Record

    from tap_emag.run import Run
    from tap_emag.schema.sent import SentForm
    from tap_emag.state.delivered import DeliveredRows

KEY_BYTES = 7  # of a text's hash: two keys of one list share it once in 2**56


@dataclass(frozen=True)
class Item:
    """One element of a list: its key, its row, and the rows of child streams by stream name.

    `version` is the fingerprint of what eMAG sent: see `sent_as`. `former_version` is the
    fingerprint of former releases, for a table that has gained columns since.
    """

    key: int | str
    row: Record
    children: dict[str, list[Record]] = field(default_factory=dict)
    version: bytes = b""
    former_version: bytes = b""

    def sent_as(self, form: SentForm, raw: Mapping[str, Any], *context: object) -> Item:
        """Return the item with the version of its raw form.

        Args:
            form: Brings raw rows to one form.
            raw: The element as eMAG sent it.
            context: What else the rows are made from, such as the time zone.
        """
        version = digest(encoded([form.of(raw), *map(str, context)]))
        return replace(self, version=version)

    @property
    def number(self) -> int:
        """Return the key as a number, by which fingerprints are kept."""
        if isinstance(self.key, int):
            return self.key
        return int.from_bytes(blake2b(self.key.encode(), digest_size=KEY_BYTES).digest(), "big")

    @property
    def fingerprint(self) -> bytes:
        """Return the fingerprint of what was sent; of its rows if that was not given."""
        return self.version or self.former()

    def former(self) -> bytes:
        """Return the fingerprint that former releases made of the item: that of its rows."""
        return self.former_version or fingerprint({"row": self.row, **self.children})


class ChangedItems:
    """Passes the items of a list that are new or differ from what was written."""

    def __init__(self, delivered: DeliveredRows, count_rows: Callable[[str], None]) -> None:
        """Start from the rows that were written.

        `count_rows` is called for each item with `created`, `updated` or `unchanged`.
        """
        self._delivered = delivered
        self.known = len(delivered)
        self.seen: set[int] = set()
        self._count_rows = count_rows

    def passes(self, item: Item) -> Row | None:
        """Return the item's rows if they are to be written."""
        version = item.fingerprint
        change = self._delivered.change(item.number, version, item.former)
        if change or item.number not in self.seen:
            self._count_rows(change or "unchanged")
        self.seen.add(item.number)
        if change is None:
            return None
        self._delivered.deliver(item.number, version)
        return Row(item.row, item.children)

    @property
    def missing(self) -> int:
        """How many rows were written before and are missing from this reading."""
        return len(self._delivered.missing(self.seen))

    def forget_missing(self) -> None:
        """Drop the missing rows, so that the bookmark does not grow for ever."""
        for key in self._delivered.missing(self.seen):
            self._delivered.forget(key)
        self._delivered.settle()

    def forget_doubtful(self) -> None:
        """Drop rows that a killed run has sent, and that a partial reading has not returned.

        Either version may be in the target, so the next reading that returns them writes them. All
        others stay known: such a reading returns changed rows only.
        """
        self.forget(self._delivered.doubtful())
        self._delivered.settle()

    def forget(self, keys: Iterable[int]) -> None:
        """Drop rows that the next reading will not return, so that they do not count as missing."""
        for key in keys:
            self._delivered.forget(key)


def read_again_if_doubtful(
    run: Run, name: str, changed: ChangedItems, read: Callable[[], Iterable[Row]]
) -> Iterator[Row]:
    """Yield the rows; where too many are missing, pause, read again and yield these too.

    Raises:
        VanishedError: They are still missing.
    """
    vanishing = Vanishing(run, name, changed.known)
    yield from read()
    if vanishing.is_doubtful(changed.missing):
        vanishing.pause(changed.missing)
        yield from read()
    vanishing.check(changed.missing)


class ListStream(EmagStream):
    """A list that is read completely once the last reading is older than the time to live."""

    @property
    @override
    def replication_method(self) -> str:
        """Declare the stream incremental: a target must not take rows left out for deleted."""
        return "INCREMENTAL"

    @property
    @override
    def plan(self) -> str | None:
        """What this sync reads; None while the latest reading is valid."""
        return None if self._fresh(self.get_context_state(self.account_context)) else super().plan

    @abc.abstractmethod
    def items(self, bookmark: dict[str, Any]) -> Iterator[Item]:
        """Read the list."""

    def time_to_live(self) -> timedelta:
        """Return how long a reading stays valid."""
        return timedelta(seconds=self.run.settings.metadata_cache_ttl_seconds)

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Yield the items that are new or changed."""
        bookmark = self.get_context_state(context)
        if self._fresh(bookmark):
            return
        self.begin_children()
        begun = time.monotonic()
        delivered = self.delivered_rows(context, "rows")
        changed = ChangedItems(delivered, self.count_rows)

        def read() -> Iterator[Row]:
            return filter(None, map(changed.passes, self.items(bookmark)))

        if self.is_complete(bookmark):
            yield from read_again_if_doubtful(self.run, self.name, changed, read)
            changed.forget_missing()
        else:
            yield from read()
            changed.forget_doubtful()
        # In eMAG's time, as the rows' own times; the replies have shown it by now. An empty list
        # does not count as read: if eMAG sent it by mistake, the next run reads it again.
        read_at = self.run.client.clock.at(begun).isoformat(timespec="seconds")
        when = {"read_at": read_at, **self.covered()} if changed.seen else {}
        self.move_bookmark(context, **when, **delivered.bookmark())

    def asked_for(self) -> dict[str, list[str]]:
        """Return which settings narrow the list, for the bookmark: another reading is not valid."""
        return {}

    def covered(self) -> dict[str, list[str]]:
        """Return what of `asked_for` this reading has returned; only then is the list fresh."""
        return self.asked_for()

    def is_complete(self, bookmark: dict[str, Any]) -> bool:  # noqa: ARG002
        """Return whether a reading returns the complete list, not only changed rows."""
        return True

    def _fresh(self, bookmark: dict[str, Any]) -> bool:
        """Return whether the latest reading is valid; one in the future never is."""
        if any(bookmark.get(name, [""]) != value for name, value in self.asked_for().items()):
            return False
        try:
            age = self.run.machine_now() - datetime.fromisoformat(bookmark["read_at"])
        except (KeyError, ValueError, TypeError):
            return False
        return timedelta(0) <= age < self.time_to_live()
