"""Stores which versions of orders regular runs have delivered.

A deep re-read compares its orders with them: an order is late if its `modified` is before the
bookmarks of regular runs, but none of them has delivered it. Losing the record costs only that
comparison.
"""

from __future__ import annotations

import logging
import os
from hashlib import blake2b
from typing import TYPE_CHECKING

from tap_emag.state.delivered import PLACE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from tap_emag.state.store import StateStore

logger = logging.getLogger("tap-emag")

KEPT_SECONDS = 40 * 86_400  # more than the deepest scheduled re-read
DELIVER = """
INSERT INTO delivered_orders VALUES (?, ?, ?, ?)
ON CONFLICT (account, type, id) DO UPDATE SET modified = max(modified, excluded.modified)
"""
FORGET = "DELETE FROM delivered_orders WHERE account = ? AND type = ? AND modified < ?"
RANGE = "SELECT since, until FROM delivered_ranges WHERE account = ? AND type = ?"
HAS = """
SELECT 1 FROM delivered_orders WHERE account = ? AND type = ? AND id = ? AND modified >= ?
"""
LOST = "%s cannot be used (%s): late orders are not counted"

Version = tuple[int, int]  # of an order: its id, and its `modified` in seconds since 1970


class DeliveredOrders:
    """The orders of one account, as delivered by all pipelines of one project and environment."""

    def __init__(self, store: StateStore, marketplace: str, account_type: str) -> None:
        """Use a state store."""
        place = [*(os.environ.get(name, "") for name in PLACE[:2]), marketplace, account_type]
        self._account = blake2b("\0".join(place).encode(), digest_size=8).hexdigest()
        self._store = store

    def deliver(self, kind: int, orders: Iterable[Version], after: int, until: int) -> None:
        """Note the orders that a regular run has delivered of a range, in seconds since 1970."""
        try:
            with self._store.transaction() as state:
                state.executemany(DELIVER, ((self._account, kind, *order) for order in orders))
                known = self._range(state, kind)
                since, end = known if known and after <= known[1] else (after, until)
                end = max(end, until)
                since = max(min(since, after), end - KEPT_SECONDS)
                range_ = (self._account, kind, since, end)
                state.execute("REPLACE INTO delivered_ranges VALUES (?, ?, ?, ?)", range_)
                state.execute(FORGET, (self._account, kind, since))
        except OSError as error:
            logger.warning(LOST, self._store.path, error.strerror)

    def take_late(self, kind: int, orders: Iterable[Version], look_back: int) -> list[Version]:
        """Return the orders that no run has delivered, and note them, so that each counts once.

        Skip orders that changed within the look-back before the end of the stored range: the next
        regular run reads them.
        """
        try:
            with self._store.transaction() as state:
                known = self._range(state, kind)
                if known is None:
                    return []
                late = [
                    (key, modified)
                    for key, modified in orders
                    if known[0] < modified <= known[1] - look_back
                    and not state.execute(HAS, (self._account, kind, key, modified)).fetchone()
                ]
                state.executemany(DELIVER, ((self._account, kind, *order) for order in late))
                return late
        except OSError as error:
            logger.warning(LOST, self._store.path, error.strerror)
            return []

    def _range(self, state: sqlite3.Connection, kind: int) -> tuple[int, int] | None:
        found = state.execute(RANGE, (self._account, kind)).fetchone()
        return (int(found[0]), int(found[1])) if found else None
