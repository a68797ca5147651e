"""A circuit breaker per account, stored between runs.

After `threshold` failures in a row it opens: the tap sends no request for `recovery` seconds. Then
it lets one request through, the probe, which closes it or keeps it open. All other calls of the run
wait for that. A new run that finds it open ends at once, so that a scheduler does not hammer a
server that is down.

A refusal (credentials, IP address) opens it too, for twice as long each time, up to an hour:
waiting is better than a scheduler that locks the account out every few minutes. It closes at once
when user, password or address of the API have changed.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from dataclasses import astuple, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from tap_emag.errors import (
    BreakerOpenError,
    BudgetStoreError,
    RefusedError,
    ThrottledError,
    TransientError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_emag.errors import EmagError
    from tap_emag.state.store import StateStore

logger = logging.getLogger("tap-emag")

LONGEST_REFUSAL = 3600.0  # seconds
LOAD = """
SELECT failures, opened, wait, refusals, reason, salt, caller FROM circuit_breakers WHERE name = ?
"""
SAVE = "REPLACE INTO circuit_breakers VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
FORGET = "DELETE FROM circuit_breakers WHERE name = ?"
SLICE = 0.5  # seconds a caller sleeps at a time while it waits


@dataclass
class Record:
    """The columns of the stored row; `opened` is a Unix time, 0 while closed."""

    failures: int = 0
    opened: float = 0.0
    wait: float = 0.0
    refusals: int = 0
    reason: str = ""
    salt: str = ""
    caller: str = ""


class Breaker:
    """Lets calls through while the API answers. Thread-safe."""

    def __init__(
        self,
        store: StateStore,
        name: str,
        caller: str,
        *,
        threshold: int,
        recovery: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Read the stored record.

        Args:
            store: Where the record is stored.
            name: The name it is stored under.
            caller: Credentials and address; only a salted hash of them is stored.
            threshold: Failures in a row that open it.
            recovery: Seconds it stays open before a probe.
            clock: Unix time.
        """
        self._store = store
        self._name = name
        self._caller = caller
        self._threshold = threshold
        self._recovery = recovery
        self._clock = clock
        self._lock = threading.Lock()
        self._probing = False
        self._forgotten = False
        self._record = self._remembered()

    @property
    def is_open(self) -> bool:
        """Return whether calls have to wait now."""
        return self._record.opened > 0

    @property
    def is_refused(self) -> bool:
        """Return whether calls have to wait because eMAG has refused this caller."""
        return self.is_open and self._record.refusals > 0

    def check(self) -> None:
        """Raise if it is open and no probe is due yet.

        Raises:
            BreakerOpenError: Names why it opened, and when it lets a request through.
        """
        record = self._record
        left = self._left()
        if left > 0:
            due = datetime.fromtimestamp(record.opened + record.wait, tz=timezone.utc)
            raise BreakerOpenError(
                f"no request was made, because of what happened before: {record.reason}. The next"
                f" try is due at {due:%Y-%m-%d %H:%M:%S} UTC, or when the settings change, or at"
                " once after `emag-ops limits --close-breakers`"
            )

    def enter(self, pause: Callable[[float], None]) -> None:
        """Wait until a call may be sent; `pause` sleeps, and may raise to end the wait."""
        while True:
            with self._lock:
                left = self._left()
                if not self.is_open:
                    return
                if left <= 0 and not self._probing:
                    self._probing = True
                    return
            pause(min(max(left, SLICE / 5), SLICE))

    def succeeded(self) -> None:
        """Note a call that succeeded."""
        with self._lock:
            self._probing = False
            if self._record != Record() or not self._forgotten:
                if self.is_open:
                    logger.info("the API answers again; requests go on")
                self._record = Record()
                # Also the record of a caller with other credentials: dashboards show it as open.
                try:
                    self._store.execute(FORGET, (self._name,))
                except OSError as error:
                    self._warn("forget", error)
                self._forgotten = True

    def would_open(self, error: EmagError) -> bool:
        """Return whether this failure would open it, or keep it open after a probe."""
        with self._lock:
            last = self._record.failures + 1 >= self._threshold
            return _counts(error) and last and (self._probing or not self.is_open)

    def failed(self, error: EmagError) -> None:
        """Note a call that failed; refusals and failures of the API as such count."""
        with self._lock:
            self._probing = False
            if isinstance(error, RefusedError):
                self._record.refusals += 1
                wait = self._recovery * 2 ** (self._record.refusals - 1)
                self._open(error, min(wait, LONGEST_REFUSAL))
            elif _counts(error):
                self._record.failures += 1
                if self._record.failures >= self._threshold:
                    self._open(error, self._recovery)
                self._remember()

    def abandoned(self) -> None:
        """Note a call that ended without a result."""
        with self._lock:
            self._probing = False

    def _open(self, error: EmagError, wait: float) -> None:
        if not self.is_open and not isinstance(error, RefusedError):  # that one ends the run anyway
            logger.warning("%s; no requests for %.0f s", error, wait)
        self._record.opened, self._record.wait = self._clock(), wait
        self._record.reason = str(error)
        self._remember()

    def _left(self) -> float:
        """Return seconds until a probe is due; 0 if the machine's clock was set back meanwhile."""
        record = self._record
        if not record.opened:
            return 0.0
        left = record.opened + record.wait - self._clock()
        return 0.0 if left > record.wait else left

    def _remembered(self) -> Record:
        try:
            with self._store.read_only() as state:
                found = state.execute(LOAD, (self._name,)).fetchone()
        except OSError:
            found = None
        record = Record(*found) if found else None
        return record if record and record.caller == self._hash(record.salt) else Record()

    def _remember(self) -> None:
        record = self._record
        record.salt = record.salt or os.urandom(16).hex()
        record.caller = record.caller or self._hash(record.salt)
        try:
            self._store.execute(SAVE, (self._name, *astuple(record)))
        except OSError as error:
            self._warn("remember", error)

    def _warn(self, what: str, error: OSError) -> None:
        logger.warning("cannot %s failures in %s: %s", what, self._store.path, error.strerror)

    def _hash(self, salt: str) -> str:
        """Return a hash of the caller, slow to compute so that it protects the password."""
        digest = hashlib.scrypt(self._caller.encode(), salt=bytes.fromhex(salt), n=2**13, r=8, p=1)
        return digest[:16].hex()


def _counts(error: EmagError) -> bool:
    """Return whether an error means that the API fails."""
    return isinstance(error, TransientError) and not isinstance(
        error, ThrottledError | BudgetStoreError
    )
