"""Runs a command, and ends it together with all processes it has started."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Self

# A tap writes its complete windows within these seconds of SIGTERM; then comes SIGKILL.
GRACE_SECONDS: Final = 15.0
STEP_SECONDS: Final = 0.05


class Process:
    """A command in a process group of its own: Meltano, and with it tap and loader.

    All processes of the group are ended when the command ends, after `longest_seconds`, or at the
    end of the `with` statement. `timed_out` is true if they were ended after `longest_seconds`.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        variables: Mapping[str, str],
        *,
        longest_seconds: float = 0.0,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        """Start it.

        Args:
            command: What to run.
            folder: Where.
            variables: Its environment variables; it gets no others.
            longest_seconds: How long it may take; 0 for no limit.
            grace_seconds: How long it has to end after SIGTERM.
        """
        self.timed_out = False
        self._grace_seconds = grace_seconds
        self._one_at_a_time = threading.Lock()
        self._asked = self._over = False
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
        # Its output ends only when no process has it open, so the reader of it could not do this.
        self._watch = threading.Thread(target=self._watch_it, args=[longest_seconds], daemon=True)
        self._watch.start()

    def __enter__(self) -> Self:
        """Return this process."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes that are left."""
        self.end()

    def lines(self) -> Iterator[str]:
        """Yield what it writes, to stdout and stderr, line by line until it ends."""
        for line in self._process.stdout or ():
            yield line.rstrip("\n")

    def wait(self) -> int:
        """Wait for its end and return its code; -15 if SIGTERM ended it."""
        return self._process.wait()

    def end(self) -> None:
        """End what is left of the group: SIGTERM, then, after its time to end, SIGKILL."""
        self._end_group()
        self._watch.join()
        if self._process.stdout:
            self._process.stdout.close()

    def ask_to_end(self, grace_seconds: float) -> None:
        """Likewise, but return at once, as a signal handler must; SIGKILL comes from a thread."""
        self._ask()
        killer = threading.Timer(grace_seconds, self._signal, [signal.SIGKILL])
        killer.daemon = True
        killer.start()

    def _watch_it(self, longest_seconds: float) -> None:
        try:
            self._process.wait(longest_seconds or None)
        except subprocess.TimeoutExpired:
            self.timed_out = True
        self._end_group()

    def _end_group(self) -> None:
        with self._one_at_a_time:
            self._ask()
            limit = time.monotonic() + self._grace_seconds
            while self._alive() and time.monotonic() < limit:
                time.sleep(STEP_SECONDS)
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._over = True

    def _ask(self) -> None:
        # Once: when the leader has ended, the group may still be ending in order.
        if not self._asked:
            self._asked = True
            self._signal(signal.SIGTERM)

    def _alive(self) -> bool:
        # Without this call the first process, once ended, would count as alive.
        self._process.poll()
        try:
            os.killpg(self._process.pid, 0)
        except (ProcessLookupError, PermissionError):  # macOS raises the latter for ended ones
            return False
        return True

    def _signal(self, signum: int) -> None:
        # After the end, the group's number may belong to another group.
        if not self._over:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signum)
