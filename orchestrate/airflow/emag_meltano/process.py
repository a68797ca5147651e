"""A command that is ended together with everything it has started."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

# Within these seconds of SIGTERM a tap writes what is complete; then comes SIGKILL.
GRACE_SECONDS = 15.0
STEP_SECONDS = 0.05


class Process:
    """A command in a process group of its own: Meltano, and with it tap and loader."""

    def __init__(self, command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> None:
        """Start it in a folder, with these environment variables and no others."""
        self._process = subprocess.Popen(  # noqa: S603 - our own command, no shell
            command,
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )

    def lines(self) -> Iterator[str]:
        """Return what it writes, to stdout and stderr, line by line until it ends."""
        return iter(self._process.stdout or ())

    def wait(self) -> int:
        """Wait for its end and return its code; -15 if SIGTERM ended it."""
        return self._process.wait()

    def end(self, grace: float = GRACE_SECONDS) -> None:
        """End what is left of the group: SIGTERM, and after `grace` seconds SIGKILL."""
        self._signal(signal.SIGTERM)
        limit = time.monotonic() + grace
        while self._alive() and time.monotonic() < limit:
            time.sleep(STEP_SECONDS)
        self._signal(signal.SIGKILL)
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def ask_to_end(self, grace: float) -> None:
        """Likewise, but return at once, as a signal handler must; SIGKILL comes from a thread."""
        self._signal(signal.SIGTERM)
        killer = threading.Timer(grace, self._signal, [signal.SIGKILL])
        killer.daemon = True
        killer.start()

    def _alive(self) -> bool:
        # Its end has to be fetched, or the first process would count as alive.
        self._process.poll()
        try:
            os.killpg(self._process.pid, 0)
        except (ProcessLookupError, PermissionError):  # macOS says the latter of the dead
            return False
        return True

    def _signal(self, signum: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signum)
