"""Commands that take seconds to import themselves, imported once for many runs: `forking.py`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SERVER = Path(__file__).with_name("forking.py")


class Forked:
    """One command, ready to run."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._one_at_a_time = threading.Lock()

    def run(
        self,
        command: list[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        stdout: Path,
        stderr: Path | None = None,
    ) -> int:
        """Run it to its end in a session of its own, appending to files; return its exit code."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {
            "command": command,
            "folder": str(folder),
            "environment": dict(environment),
            "files": [os.devnull, str(stdout), str(stderr or stdout)],
        }
        with self._one_at_a_time:
            self._process.stdin.write(f"{json.dumps(asked)}\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())


@contextmanager
def forked(
    module: str,
    *folder: Path,
    python: Path = Path(sys.executable),
    environment: Mapping[str, str] = os.environ,
) -> Iterator[Forked]:
    """Import a module that has a `main`, which a folder may hold."""
    clean = {name: text for name, text in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(
        [python, SERVER, module, *folder],
        env=clean,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Forked(process)
        assert process.stdin is not None
        process.stdin.close()
