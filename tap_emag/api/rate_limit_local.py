"""Stores request budgets in the state store, which processes of this host share.

A row is one bucket of one account: the next free slot, the pace, when the latest requests left.
Reserving a slot is one short transaction, which the system ends for a process that dies. A row that
is missing, or older than the machine's latest start, counts as untouched: at worst eMAG refuses one
request, and the tap retries it. While the file cannot be written, each process has its own budget.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from array import array
from collections import deque
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tap_emag.api.rate_limiter import BUCKETS, Budget

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_emag.state.store import StateStore

logger = logging.getLogger("tap-emag")

LOAD = """
SELECT clock, next_slot, held_until, pace, departures FROM rate_limits WHERE name = ?
"""
SAVE = """
INSERT INTO rate_limits VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE
SET clock = excluded.clock, next_slot = excluded.next_slot, held_until = excluded.held_until,
  pace = excluded.pace, departures = excluded.departures
"""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Execute(Protocol):
    """Runs one of the statements above, in the dialect of its database."""

    def __call__(self, statement: str, values: Sequence[Any], /) -> Any:  # noqa: ANN401 - a cursor
        """Return a cursor with the rows found."""
        ...


class LocalStore:
    """Budgets shared by all processes of this machine that use the same state and account."""

    def __init__(self, store: StateStore, account: str, share: float) -> None:
        """Use a state store.

        Args:
            store: Where the budgets are stored.
            account: The budget identity, which all accounts with this budget have in common.
            share: Part of the budgets that may be used.
        """
        self._store = store
        self._share = share
        self._names = {bucket: name_of(account, bucket) for bucket in BUCKETS}
        self._locks = {bucket: threading.Lock() for bucket in BUCKETS}
        self._last = {bucket: Budget(limits, share) for bucket, limits in BUCKETS.items()}
        self._unsaved: set[str] = set()
        self._logged = False

    @contextmanager
    def open(self, bucket: str) -> Iterator[tuple[Budget, float]]:
        """Begin a transaction, read the budget, and write it back when the caller is done."""
        name, budget = self._names[bucket], None
        with self._locks[bucket]:
            try:
                with self._store.transaction() as state:
                    if bucket not in self._unsaved:
                        self._last[bucket] = load(state.execute, name, bucket, self._share, boot())
                    budget = self._last[bucket]
                    yield budget, time.monotonic()
                    save(state.execute, name, budget, boot())
                self._unsaved.discard(bucket)
            except OSError as error:
                self._log(error)
                self._unsaved.add(bucket)
                if budget is None:
                    yield self._last[bucket], time.monotonic()

    def _log(self, error: OSError) -> None:
        if not self._logged:
            self._logged = True
            logger.warning(
                "%s cannot be written (%s): this process shares its request budget with no other",
                self._store.path,
                error.strerror,
            )


def name_of(account: str, what: str) -> str:
    """Return a name for something of an account that does not show the user's name."""
    return f"{hashlib.sha256(account.encode()).hexdigest()[:16]}-{what}"


def load(execute: Execute, name: str, bucket: str, share: float, clock: str) -> Budget:
    """Read a budget; return an untouched one where there is none, or one of another clock."""
    budget = Budget(BUCKETS[bucket], share)
    row = execute(LOAD, (name,)).fetchone()
    if row is not None and row[0] == clock:
        _, budget.next_slot, budget.held_until, budget.pace, departures = row
        numbers = array("d")
        numbers.frombytes(departures)
        if numbers and numbers[0] < 0:  # no time is: rows of an earlier version have none
            budget.ceiling = -numbers.pop(0)
        budget.left = deque(numbers)
    return budget


def save(execute: Execute, name: str, budget: Budget, clock: str) -> None:
    """Write a budget; `clock` names the clock of its times."""
    # The ceiling goes before the departures, as a negative number: tables keep their columns.
    numbers = array("d", (-budget.ceiling, *budget.left)).tobytes()
    execute(SAVE, (name, clock, budget.next_slot, budget.held_until, budget.pace, numbers))


@cache
def boot() -> str:
    """Identify this start of the machine: the monotonic clock begins anew with each."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        # macOS has no such file: the minute in which the clock began identifies the start.
        return str(round((time.time() - time.monotonic()) / 60))
