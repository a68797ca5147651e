"""A circuit breaker per account, remembered between runs.

After `threshold` failures in a row it opens: no request is made for `recovery` seconds; then one
request goes ahead, the probe, and closes it or keeps it open. Within a run whoever wants to call
waits for that. A new run that finds it open ends at once, so a scheduler does not hammer a server
that is down.

A refusal (credentials, IP address) opens it too, for twice as long each time, up to an hour: an
account that a scheduler locks out every few minutes is worse than one that waits. It closes at once
when user, password or address of the API have changed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from tap_emag.errors import (
    BreakerOpenError,
    RefusedError,
    ThrottledError,
    TransientError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tap_emag.errors import (
        EmagError,
    )

logger = logging.getLogger("tap-emag")

LONGEST_REFUSAL = 3600.0  # seconds
PRIVATE = 0o600
SLICE = 0.5  # seconds a caller sleeps at a time while it waits


@dataclass
class Record:
    """What is remembered; `opened` is a Unix time, 0 while closed."""

    failures: int = 0
    opened: float = 0.0
    wait: float = 0.0
    refusals: int = 0
    reason: str = ""
    salt: str = ""
    caller: str = ""


class Breaker:
    """Lets calls through while the API is well. Safe to use from any thread."""

    def __init__(
        self,
        path: Path,
        caller: str,
        *,
        threshold: int,
        recovery: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Read what is remembered.

        Args:
            path: The file it is remembered in; a damaged one counts as closed.
            caller: Credentials and address; only a salted hash of them is written.
            threshold: Failures in a row that open it.
            recovery: Seconds it stays open before a probe.
            clock: Unix time.
        """
        self._path = path
        self._caller = caller
        self._threshold = threshold
        self._recovery = recovery
        self._clock = clock
        self._lock = threading.Lock()
        self._probing = False
        self._record = self._remembered()

    @property
    def is_open(self) -> bool:
        """Tell whether calls are held back now."""
        return self._record.opened > 0

    def check(self) -> None:
        """Do nothing unless it is open and no probe is due yet.

        Raises:
            BreakerOpenError: With the reason it opened for, and when it lets a request through.
        """
        record = self._record
        left = self._left()
        if left > 0:
            due = datetime.fromtimestamp(record.opened + record.wait, tz=timezone.utc)
            raise BreakerOpenError(
                f"no request was made, because of what happened before: {record.reason}. The next"
                f" try is due at {due:%Y-%m-%d %H:%M:%S} UTC, or when the settings change, or when"
                f" {self._path} is removed"
            )

    def enter(self, pause: Callable[[float], None]) -> None:
        """Wait until a call may go ahead; `pause` sleeps, and may raise to end the wait."""
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
        """Note a call that went well."""
        with self._lock:
            self._probing = False
            if self._record != Record():
                if self.is_open:
                    logger.info("the API answers again; requests go on")
                self._record = Record()
                self._path.unlink(missing_ok=True)

    def failed(self, error: EmagError) -> None:
        """Note a call that failed; only what speaks of the API's health, or a refusal, counts."""
        with self._lock:
            self._probing = False
            if isinstance(error, RefusedError):
                self._record.refusals += 1
                wait = self._recovery * 2 ** (self._record.refusals - 1)
                self._open(error, min(wait, LONGEST_REFUSAL))
            elif isinstance(error, TransientError) and not isinstance(error, ThrottledError):
                self._record.failures += 1
                if self._record.failures >= self._threshold:
                    self._open(error, self._recovery)
                self._remember()

    def abandoned(self) -> None:
        """Note that a call was given up before it had an outcome."""
        with self._lock:
            self._probing = False

    def _open(self, error: EmagError, wait: float) -> None:
        if not self.is_open and not isinstance(error, RefusedError):  # that one ends the run anyway
            logger.warning("%s; no requests for %.0f s", error, wait)
        self._record.opened, self._record.wait = self._clock(), wait
        self._record.reason = str(error)
        self._remember()

    def _left(self) -> float:
        """Return seconds until a probe is due; never more than was meant, whatever clocks do."""
        record = self._record
        if not record.opened:
            return 0.0
        left = record.opened + record.wait - self._clock()
        return 0.0 if left > record.wait else left

    def _remembered(self) -> Record:
        try:
            record = Record(**json.loads(self._path.read_text()))
            if record.caller == self._hash(record.salt) and record.wait >= 0 <= record.opened:
                return record
        except (OSError, ValueError, TypeError):
            pass
        return Record()

    def _remember(self) -> None:
        record = self._record
        record.salt = record.salt or os.urandom(16).hex()
        record.caller = record.caller or self._hash(record.salt)
        # Written aside and moved, so that no reader ever meets half of it.
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
            with os.fdopen(descriptor, "w") as file:
                json.dump(asdict(record), file)
            draft.replace(self._path)
        except OSError as error:
            logger.warning("cannot remember failures in %s: %s", self._path, error.strerror)

    def _hash(self, salt: str) -> str:
        """Return a hash of the caller that is slow to guess a password from."""
        digest = hashlib.scrypt(self._caller.encode(), salt=bytes.fromhex(salt), n=2**13, r=8, p=1)
        return digest[:16].hex()
