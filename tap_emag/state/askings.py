"""Remembers the latest request for each item. Pure.

Some items take a request each: shipments, commissions. A run may end before all of them are read:
then the next one continues with the oldest. An item that cannot have changed need not be asked for
again. So the bookmark stores for each item the time and the outcome of its latest request, in the
seven bytes of a fingerprint.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from tap_emag.state.fingerprints import Fingerprints

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

STAMP = struct.Struct(">IBH")  # seconds since 1970, outcome, version of the row that names the item


class Outcome(IntEnum):
    """The outcome of a request for an item."""

    READ = 0
    FINAL = 1  # read, and not expected to change
    FAILED = 2
    WAITING = 3  # to be asked for


class Asking(NamedTuple):
    """The latest request for an item.

    `moment` is when it was sent, in seconds since 1970, or another time that the caller has noted.
    """

    moment: int
    outcome: int
    version: int


class Askings:
    """The latest request for each item, by the item's key."""

    def __init__(self, packed: object, now: datetime) -> None:
        """Read the result of `pack`; start empty where it is damaged or missing."""
        self._now = int(now.timestamp())
        self._packed = Fingerprints.unpack(packed or "") or Fingerprints()
        self._known = {key: Asking(*STAMP.unpack(each)) for key, each in self._packed.items()}

    def due(self, key: int, version: int, again: float, final_again: float) -> bool:
        """Return whether to ask for an item now.

        Args:
            key: The item.
            version: Of the row that names the item; with another version the item may have changed.
            again: Seconds after which an item is read again.
            final_again: The same for one that is not expected to change.
        """
        last = self._known.get(key)
        if last is None or last.outcome == Outcome.FAILED or last.version != version:
            return True
        age = self._now - last.moment
        # The clock may have been set back: then the age is unknown.
        return age < 0 or age >= (final_again if last.outcome == Outcome.FINAL else again)

    def known(self, key: int) -> bool:
        """Return whether the latest request for an item succeeded."""
        return key in self._known and not self.failed(key)

    def failed(self, key: int) -> bool:
        """Return whether the latest request for an item failed."""
        return key in self._known and self._known[key].outcome == Outcome.FAILED

    def in_order(self, keys: Iterable[int]) -> list[int]:
        """Sort items by their latest request, oldest first; failed ones come at the end."""

        def rank(key: int) -> tuple[bool, int, int]:
            last = self._known.get(key)
            return self.failed(key), last.moment if last else 0, key

        return sorted(keys, key=rank)

    def all(self) -> dict[int, Asking]:
        """Return all that is noted, by item."""
        return dict(self._known)

    def waiting(self) -> list[int]:
        """Return the items that are to be asked for, those that failed among them."""
        again = (Outcome.WAITING, Outcome.FAILED)
        return [key for key, last in self._known.items() if last.outcome in again]

    def note(self, key: int, outcome: Outcome, version: int = 0, moment: int | None = None) -> None:
        """Note the outcome of a request for an item, by default of one sent now."""
        self._known[key] = Asking(self._now if moment is None else moment, outcome, version)
        self._packed.deliver(key, STAMP.pack(*self._known[key]))

    def keep(self, keys: Collection[int]) -> None:
        """Forget all other items."""
        for key in self._packed.missing(keys):
            self._packed.forget(key)
            del self._known[key]

    def pack(self) -> str:
        """Return the compact text for a bookmark."""
        return self._packed.pack()
