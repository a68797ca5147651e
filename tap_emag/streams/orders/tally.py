"""Counts each new or changed order once, though later runs read it again."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from tap_emag.state.bookmarks import NEWEST

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Record

    from tap_emag.streams.children import Row


def counted_until(state: Record, now: datetime) -> datetime | None:
    """Return the moment up to which earlier runs have counted orders; None before the first.

    Runs count orders up to two seconds ago, but the bookmark stays `settle_seconds` before the
    present. So this is the time of the newest order that was seen. A time in the future of eMAG's
    clock is ignored.
    """
    bookmark, newest = state.get("replication_key_value"), state.get(NEWEST)
    if not bookmark:
        return None
    known = [datetime.fromisoformat(moment) for moment in (bookmark, newest) if moment]
    return max([moment for moment in known if moment <= now], default=known[0])


class Tally:
    """Counts orders as created, updated or unchanged since earlier runs counted.

    Unchanged orders are read again because of the look-back.
    """

    def __init__(self, counted_until: datetime | None) -> None:
        """Count from this moment on; None counts all orders as new.

        Times in rows are UTC text of one form, so they compare as text.
        """
        self._counted_until = (
            counted_until.astimezone(timezone.utc).isoformat() if counted_until else None
        )
        self.newest = ""  # time an order was modified, of all that were seen
        self.actions: Counter[str] = Counter()

    def add(self, row: Row) -> None:
        """Count an order."""
        self.newest = max(self.newest, row["modified"] or "")
        if self._is_later(row["date"]):
            self.actions["created"] += 1
        elif self._is_later(row["modified"]):
            self.actions["updated"] += 1
        else:
            self.actions["unchanged"] += 1

    def _is_later(self, moment: str | None) -> bool:
        return self._counted_until is None or (moment or "") > self._counted_until

    def late(self, number: int) -> None:
        """Count the orders of a deep re-read as unchanged, except those that came late."""
        self.actions = Counter(updated=number, unchanged=self.actions.total() - number)

    def taken(self) -> Counter[str]:
        """Return the counts since the last call."""
        taken, self.actions = self.actions, Counter()
        return taken
