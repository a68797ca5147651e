"""The sandbox's own clock: real time, or any time that a test sets."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timezone


class Clock:
    """Wall time that can be set, advanced, slowed down or frozen.

    Instants are seconds since 1970 UTC. Budgets never look at this clock: they run on real time.
    """

    def __init__(self, start: datetime | None = None, speed: float = 1.0) -> None:
        """Start at `start` (now when None; naive means UTC), running `speed` times real time."""
        self._lock = threading.Lock()
        self._speed = speed
        self._start = time.time() if start is None else _seconds(start)
        self._since = time.monotonic()

    def now(self) -> float:
        """The instant, in seconds."""
        with self._lock:
            return self._now()

    def moment(self) -> datetime:
        """The instant, as an aware UTC datetime."""
        return datetime.fromtimestamp(self.now(), timezone.utc)

    def set(self, instant: datetime | float) -> None:
        """Jump to an instant."""
        with self._lock:
            self._start = _seconds(instant) if isinstance(instant, datetime) else instant
            self._since = time.monotonic()

    def advance(self, seconds: float) -> None:
        """Jump by a number of seconds."""
        with self._lock:
            self._start += seconds

    def run_at(self, speed: float) -> None:
        """Run at `speed` times real time from now on; 0 freezes."""
        with self._lock:
            self._start = self._now()
            self._since = time.monotonic()
            self._speed = speed

    def _now(self) -> float:
        return self._start + (time.monotonic() - self._since) * self._speed


def _seconds(moment: datetime) -> float:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return aware.timestamp()
