"""How far a run's readings are: one moving line at a terminal, a line a minute in a log."""

from __future__ import annotations

import logging
import shutil
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("tap-emag")

DRAWN_EVERY = 0.5  # seconds, at a terminal
TOLD_EVERY = 60.0  # seconds, in a log
ERASE = "\r\x1b[2K"
MINUTE, HOUR = 60, 3600


@dataclass
class Reading:
    """One reading under way: where it is, and since when; `done` is the part that is read."""

    begun: float
    done_at_first: float
    done: float | None = None
    where: str = ""
    rows: int = 0
    told: float = 0.0

    def text(self, now: float) -> str:
        """Say where it is, how fast it goes, and how long it may take yet."""
        parts = [self.where]
        elapsed = now - self.begun
        if self.rows and elapsed > 1:
            parts.append(f"{self.rows:,} rows, {self.rows / elapsed:.0f} a second")
        left = self.left(elapsed)
        if left is not None:
            parts.append(f"about {spoken(left)} left")
        return ", ".join(parts)

    def left(self, elapsed: float) -> float | None:
        """Return the seconds it may take yet, at the pace so far; None while that is a guess."""
        if self.done is None or self.done - self.done_at_first < 0.01 or elapsed < 1:  # noqa: PLR2004
            return None
        return elapsed * (1 - min(self.done, 1)) / (self.done - self.done_at_first)


class Progress:
    """Tells of the readings of a run, from any thread."""

    def __init__(
        self,
        terminal: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Draw on a terminal, if there is one, else log."""
        self._clock = clock
        self._lock = threading.Lock()
        self._readings: dict[str, Reading] = {}
        self._over = threading.Event()
        self._line = StatusLine(terminal) if terminal else None
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    @classmethod
    def for_this_process(cls) -> Progress:
        """Draw where standard error is a terminal, and log otherwise."""
        return cls(sys.stderr if sys.stderr and sys.stderr.isatty() else None)

    def start(self) -> None:
        """Begin to tell."""
        if self._line:
            self._line.install()
        self._thread.start()

    def stop(self) -> None:
        """Tell no more, and leave the terminal clean."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._line:
            self._line.remove()

    def met(self, what: str, where: str, done: float | None = None, rows: int = 0) -> None:
        """Note where a reading is; `done` from 0 to 1, `rows` since the last time."""
        now = self._clock()
        with self._lock:
            reading = self._readings.get(what)
            if reading is None:
                reading = self._readings[what] = Reading(now, done or 0.0, told=now)
            reading.where, reading.done = where, done
            reading.rows += rows

    def ended(self, what: str) -> None:
        """Tell of a reading no more."""
        with self._lock:
            self._readings.pop(what, None)

    def _run(self) -> None:
        while not self._over.wait(DRAWN_EVERY):
            if self._line:
                self._line.draw("  |  ".join(self._texts(0)))
            else:
                for text in self._texts(TOLD_EVERY):
                    logger.info(text)

    def _texts(self, every: float) -> list[str]:
        now = self._clock()
        with self._lock:
            due = {w: r for w, r in self._readings.items() if now - r.told >= every}
            for reading in due.values():
                reading.told = now
            return [f"{what}: {reading.text(now)}" for what, reading in due.items()]


class StatusLine:
    """The last line of a terminal, which makes way for whatever is logged there."""

    def __init__(self, terminal: TextIO) -> None:
        """Draw on a terminal, once installed."""
        self._terminal = terminal
        self._lock = threading.Lock()
        self._text = ""
        self._handlers: list[logging.StreamHandler[TextIO]] = []

    def install(self) -> None:
        """Let the root logger's handlers write through this."""
        for handler in logging.getLogger().handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream is self._terminal:
                handler.setStream(self)
                self._handlers.append(handler)

    def remove(self) -> None:
        """Erase the line and let the handlers write as before."""
        self.draw("")
        for handler in self._handlers:
            handler.setStream(self._terminal)
        self._handlers.clear()

    def draw(self, text: str) -> None:
        """Show a text in place of the last one, cut to the terminal's width."""
        width = shutil.get_terminal_size().columns - 1
        with self._lock:
            if text or self._text:
                self._text = text if len(text) <= width else f"{text[: width - 1]}…"
                self._terminal.write(ERASE + self._text)
                self._terminal.flush()

    def write(self, text: str) -> int:
        """Write a log line above the status line."""
        with self._lock:
            self._terminal.write((ERASE if self._text else "") + text + self._text)
        return len(text)

    def flush(self) -> None:
        """Pass on what was written."""
        self._terminal.flush()


def spoken(seconds: float) -> str:
    """Say how long so many seconds are, roughly."""
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds // HOUR:.0f} h {seconds % HOUR / MINUTE:.0f} min"
