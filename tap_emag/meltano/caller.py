"""Finds the command of Meltano that started this process.

A plugin's environment is the same under `meltano run` and `meltano invoke`. So only the parent
processes distinguish them: by `/proc`, or by `ps` where that is missing, as on macOS.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

PROC: Final = Path("/proc")
PS: Final = ("ps", "-ww", "-o", "ppid=", "-o", "command=", "-p")
COMMANDS: Final = frozenset({"run", "invoke", "el", "elt", "schedule", "job"})
GENERATIONS: Final = 8
PATIENCE: Final = 5  # seconds


class Process(NamedTuple):
    """A process: its parent's id and the words of its command."""

    parent: int
    words: list[str]


def is_invoked(pid: int | None = None) -> bool:
    """Return whether `meltano invoke` is known to have started a process, by default this one."""
    return caller(pid) == "invoke"


def caller(pid: int | None = None) -> str | None:
    """Return the command of Meltano that started a process, None if none is known to have."""
    with suppress(OSError, ValueError, IndexError, subprocess.SubprocessError):
        process = _process(pid or os.getpid())
        for _ in range(GENERATIONS):
            process = _process(process.parent)
            command = _command(process.words)
            if command:
                return command
    return None


def _command(words: list[str]) -> str | None:
    """Return the subcommand if these are the words of Meltano, such as `python …/meltano run`."""
    for number, word in enumerate(words):
        if word.rpartition("/")[2] == "meltano":
            return next((each for each in words[number:] if each in COMMANDS), None)
    return None


def _process(pid: int) -> Process:
    if not PROC.is_dir():
        shown = subprocess.run(  # noqa: S603 - our own command, no shell
            [*PS, str(pid)], capture_output=True, text=True, check=True, timeout=PATIENCE
        )
        parent, *words = shown.stdout.split()
        return Process(int(parent), words)
    # The name in parentheses may contain any character; state and parent follow it.
    status = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2]
    words = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    return Process(int(status.split()[1]), words)
