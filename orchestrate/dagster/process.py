"""Runs one command with all it starts, passes its lines on, and leaves nothing of it behind."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

# Tap and loader end in order within a few seconds.
GRACE_SECONDS: Final = 15.0


@dataclass(frozen=True)
class Ended:
    """How a command ended; `timed_out` tells that it was stopped because its time was over."""

    code: int
    timed_out: bool


def run(
    command: Sequence[str],
    on_line: Callable[[str], object],
    *,
    folder: Path,
    environ: Mapping[str, str],
    longest_seconds: float = 0.0,
) -> Ended:
    """Run a command to its end and pass on each line it writes, to either stream, as it comes.

    It gets a group of its own, which is ended whole: after `longest_seconds` (0 for no limit), when
    an exception passes through here, such as Dagster's own when a run is terminated, and when the
    command is over but something it started is not.
    """
    with subprocess.Popen(  # noqa: S603 - no shell
        command,
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    ) as process:
        over = threading.Event()
        watch = threading.Thread(target=_watch, args=(process, longest_seconds, over), daemon=True)
        watch.start()
        try:
            for line in process.stdout or ():
                on_line(line.rstrip("\n"))
            code = process.wait()
        finally:
            end(process)
            watch.join()
    return Ended(code, timed_out=over.is_set())


def end(process: subprocess.Popen[str], grace_seconds: float = GRACE_SECONDS) -> None:
    """End a process that leads a group, and the group: first asked, then forced."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace_seconds)
    # The group may outlive its leader, and keeps its number as long as it does.
    _signal(process, signal.SIGKILL)
    process.wait()


def _watch(process: subprocess.Popen[str], longest_seconds: float, over: threading.Event) -> None:
    """End the group when its leader has ended or its time is over; only then its output ends."""
    try:
        process.wait(longest_seconds or None)
    except subprocess.TimeoutExpired:
        over.set()
    end(process)


def _signal(process: subprocess.Popen[str], signum: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signum)
