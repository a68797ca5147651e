"""Logs every half minute how far each long reading is."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("tap-emag")

LOOK_EVERY = 0.5  # seconds
LOG_EVERY = 30.0  # seconds, for each list
MINUTE, HOUR = 60, 3600


@dataclass
class ProgressEntry:
    """One reading in progress: its place, and since when; `done` is the part that is read."""

    begun: float
    done_at_first: float
    done: float | None = None
    where: str = ""
    rows: int = 0
    logged: float = 0.0

    def text(self, now: float) -> str:
        """Return its place, its pace, and the time it may still take."""
        parts = [self.where]
        elapsed = now - self.begun
        if self.rows and elapsed > 1:
            parts.append(f"{self.rows:,} rows, {self.rows / elapsed:,.0f} per second")
        left = self.left(elapsed)
        if left is not None:
            parts.append(f"about {spoken(left)} left")
        return ", ".join(parts)

    def left(self, elapsed: float) -> float | None:
        """Return the seconds left at the pace so far; None while that is a guess."""
        if self.done is None or self.done - self.done_at_first < 0.01 or elapsed < 1:  # noqa: PLR2004
            return None
        return elapsed * (1 - min(self.done, 1)) / (self.done - self.done_at_first)


class Progress:
    """Logs the readings of a run; streams report from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Measure time by `clock`, in seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[str, ProgressEntry] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def start(self) -> None:
        """Begin to log."""
        self._thread.start()

    def stop(self) -> None:
        """Stop logging."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def update(self, what: str, where: str, done: float | None = None, rows: int = 0) -> None:
        """Note the place of a reading; `done` from 0 to 1, `rows` since the last call."""
        now = self._clock()
        with self._lock:
            entry = self._entries.get(what)
            if entry is None:
                entry = self._entries[what] = ProgressEntry(now, done or 0.0, logged=now)
            entry.where, entry.done = where, done
            entry.rows += rows

    def ended(self, what: str) -> None:
        """Stop logging a reading."""
        with self._lock:
            self._entries.pop(what, None)

    def _run(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            for text in self._due():
                logger.info(text)

    def _due(self) -> list[str]:
        now = self._clock()
        with self._lock:
            due = {w: r for w, r in self._entries.items() if now - r.logged >= LOG_EVERY}
            for entry in due.values():
                entry.logged = now
            return [f"{what}: {entry.text(now)}" for what, entry in due.items()]


def spoken(seconds: float) -> str:
    """Return a duration in rounded words, such as `3 h 2 min`."""
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds // HOUR:.0f} h {seconds % HOUR / MINUTE:.0f} min"
