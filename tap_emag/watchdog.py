"""Ends a run early: at its deadline, on a stall, on a signal.

A thread watches, and asks the run to end for one of four reasons:

* the time is up;
* no data has come or gone for too long;
* a signal has arrived;
* the process that reads the output has ended.

Then every `pause` and `check` raises the error, complete rows are written, and the process ends
with the error's exit code. A run that does not end within a few seconds, for example because its
target reads no more, is killed.
"""

from __future__ import annotations

import logging
import math
import os
import select
import threading
import time
from typing import TYPE_CHECKING, Final

from tap_emag.errors import (
    TARGET_GONE,
    DeadlineError,
    InterruptedSyncError,
    StallError,
    TargetGoneError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_emag.errors import EmagError

logger = logging.getLogger("tap-emag")

GRACE = 4.0  # seconds that a run has to end by itself
WATCH = 0.1  # seconds between looks
SHOW_EVERY = 10.0  # seconds
OUTPUT: Final = 1  # the file descriptor of standard output


def output_is_closed() -> bool:
    """Return whether standard output is a pipe that no process reads from any more.

    Without this, a tap whose Meltano was killed would notice only when it writes its next row.
    """
    poll = select.poll()
    poll.register(OUTPUT, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


class Watchdog:
    """Decides whether the run may go on. Thread-safe."""

    def __init__(
        self,
        sync_timeout: float = 0,
        stall_timeout: float = 0,
        *,
        kill: Callable[[int], object] = os._exit,
        output_closed: Callable[[], bool] = lambda: False,
        show_movement: Callable[[], object] = lambda: None,
    ) -> None:
        """Set the limits, in seconds, 0 meaning none.

        Args:
            sync_timeout: Seconds for the complete run.
            stall_timeout: Seconds without activity.
            kill: Ends the process at once.
            output_closed: Returns whether no process reads the output any more.
            show_movement: Called every few seconds while there is activity.
        """
        self.running = False
        self._sync_timeout = sync_timeout
        self._stall_timeout = stall_timeout
        self._kill = kill
        self._output_closed = output_closed
        self._show_movement = show_movement
        self._shown = -math.inf
        self._ending = threading.Event()
        self._over = threading.Event()
        self._error: EmagError | None = None
        self._signal = 0
        self._begun = self._seen = time.monotonic()
        self._reached: dict[str, str] = {}

    def start(self) -> None:
        """Begin to count, and to watch.

        Raises:
            RuntimeError: No thread can be started.
        """
        self._begun = self._seen = time.monotonic()
        threading.Thread(target=self._watch, name="watch", daemon=True).start()
        self.running = True

    def stop(self) -> None:
        """Stop watching: the run has ended by itself."""
        self.running = False
        self._over.set()

    @property
    def left(self) -> float:
        """Return the seconds until the run's deadline, infinite where it has none."""
        if self._sync_timeout <= 0:
            return math.inf
        return max(0.0, self._begun + self._sync_timeout - time.monotonic())

    @property
    def ending(self) -> bool:
        """Return whether the run has been asked to end."""
        return self._ending.is_set()

    def heartbeat(self) -> None:
        """Record activity: something came from the API, or went to the target."""
        self._seen = time.monotonic()

    def update_progress(self, what: str, where: str) -> None:
        """Remember how far a reading is, for the message if the run must end early."""
        self._reached[what] = where
        self.heartbeat()

    def check(self) -> None:
        """Raise if the run must end.

        Raises:
            EmagError: The reason to end.
        """
        if self._ending.is_set() and self._error:
            raise self._error

    def pause(self, seconds: float) -> None:
        """Sleep; wake up early if the run must end.

        Raises:
            EmagError: The reason to end.
        """
        self._ending.wait(seconds)
        self.check()

    def signal(self, signum: int) -> None:
        """Note a signal; the second one ends the process at once.

        A signal handler, which calls this, may interrupt any line of the main thread. So this takes
        no lock, and the watching thread does the rest.
        """
        if self._signal:
            self._kill(128 + signum)
        self._signal = signum

    def end(self, error: EmagError) -> None:
        """Ask the run to end for this reason; the first one counts."""
        self._error = self._error or error
        self._ending.set()

    def _watch(self) -> None:
        while not self._over.wait(WATCH):
            if self._seen >= self._shown + SHOW_EVERY:
                self._shown = self._seen
                self._show_movement()
            reason = self._reason(time.monotonic())
            if reason:
                self.end(reason)
                if not self._over.wait(GRACE):
                    logger.critical("%s (and the target took no more)", reason)
                    self._kill(reason.exit_code)
                return

    def _reason(self, now: float) -> EmagError | None:
        if self._signal:
            return InterruptedSyncError(self._signal)
        if self._output_closed():
            return TargetGoneError(TARGET_GONE)
        if 0 < self._sync_timeout <= now - self._begun:
            return DeadlineError(
                f"sync_timeout_seconds ({self._sync_timeout:g}) is over; {self._where()}. The next"
                " run goes on from there; for more time write a larger number, or 0 for no limit"
            )
        if 0 < self._stall_timeout <= now - self._seen:
            return StallError(
                f"nothing came from the API and nothing went to the target for"
                f" {self._stall_timeout:g} s (stall_timeout_seconds); {self._where()}"
            )
        return None

    def _where(self) -> str:
        places = [f"{what}: {where}" for what, where in self._reached.items()]
        return "; ".join(places) or "nothing was complete yet"
