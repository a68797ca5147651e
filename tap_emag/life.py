"""The life of one run: its deadline, the watch for stalls, the signals that end it early.

A thread watches. When the time is up, when nothing has come or gone for too long, or when a signal
has arrived, it asks the run to end: whoever pauses or checks is raised out of its work, what is
complete is written, and the process ends with the code of that error. A run that does not heed the
call, say because its target reads no more, is ended from outside after a few seconds.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING

from tap_emag.errors import DeadlineError, InterruptedSyncError, StallError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_emag.errors import EmagError

logger = logging.getLogger("tap-emag")

GRACE = 4.0  # seconds between the call to end and the end from outside
WATCH = 0.1  # seconds between looks


class Life:
    """Tells whether the run may go on. Safe to use from any thread."""

    def __init__(
        self,
        sync_timeout: float = 0,
        stall_timeout: float = 0,
        *,
        kill: Callable[[int], object] = os._exit,
    ) -> None:
        """Set the limits, in seconds, 0 meaning none; `kill` ends the process at once."""
        self.running = False
        self._sync_timeout = sync_timeout
        self._stall_timeout = stall_timeout
        self._kill = kill
        self._ending = threading.Event()
        self._over = threading.Event()
        self._error: EmagError | None = None
        self._signal = 0
        self._begun = self._seen = time.monotonic()
        self._reached: dict[str, str] = {}

    def start(self) -> None:
        """Begin to count, and to watch."""
        self.running = True
        self._begun = self._seen = time.monotonic()
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def stop(self) -> None:
        """Watch no longer: the run has come to its end by itself."""
        self.running = False
        self._over.set()

    @property
    def ending(self) -> bool:
        """Tell whether the run has been asked to end."""
        return self._ending.is_set()

    def sign(self) -> None:
        """Note a sign of life: something came from the API, or went to the target."""
        self._seen = time.monotonic()

    def reached(self, what: str, where: str) -> None:
        """Remember how far a reading is, to tell when the run must end early."""
        self._reached[what] = where
        self.sign()

    def check(self) -> None:
        """Do nothing while the run may go on.

        Raises:
            EmagError: What the run was asked to end for.
        """
        if self._ending.is_set() and self._error:
            raise self._error

    def pause(self, seconds: float) -> None:
        """Sleep, but no longer than the run lives.

        Raises:
            EmagError: What the run was asked to end for.
        """
        self._ending.wait(seconds)
        self.check()

    def signal(self, signum: int) -> None:
        """Note a signal; the second one ends the process at once.

        Called by a signal handler, which may interrupt any line of the main thread: so it takes no
        lock and leaves the rest to the watching thread.
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
        if 0 < self._sync_timeout <= now - self._begun:
            return DeadlineError(
                f"sync_timeout_seconds ({self._sync_timeout:g}) is over; {self._where()}. The next"
                " run goes on from there; for a long first sync write a larger number, or 0"
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
