"""Runs the real Meltano in a project folder of its own, apart from the user's pipelines.

It does not use the checkout's own `.meltano` and `.env`: a demo or a test must never write to an
address in there.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKOUT = Path(__file__).resolve().parents[2]
ACCOUNTS = "accounts.meltano.yml"  # what meltano.yml includes
FOREIGN = ("TAP_EMAG_", "TARGET_POSTGRES_", "MELTANO_")
GRACE_SECONDS = 15.0
TAIL_LINES = 30


class PipelineError(Exception):
    """Meltano failed; the message contains the end of its output."""


@dataclass(frozen=True)
class Result:
    """How one call of Meltano ended."""

    returncode: int
    output: str
    seconds: float

    def tail(self) -> str:
        """Return the last lines, which nearly always contain the reason."""
        return "\n".join(self.output.splitlines()[-TAIL_LINES:])


class Pipeline:
    """A Meltano project whose plugins are those of this checkout's `meltano.yml`."""

    def __init__(self, folder: Path, environment: Mapping[str, str], log: Path) -> None:
        self.folder = folder
        self.log = log
        self.environment = {**_clean_environment(), **environment}

    def install(self) -> Result:
        """Write the project and install its plugins, unless they are there and up to date."""
        source = CHECKOUT / "meltano.yml"
        if not source.is_file():
            raise PipelineError(
                f"there is no meltano.yml in {CHECKOUT}: run this from a checkout of the project,"
                " installed with `make setup`"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8")
        (self.folder / "meltano.yml").write_text(_with_absolute_paths(text), encoding="utf-8")
        for name in ("logging.yaml", ACCOUNTS):
            if (CHECKOUT / name).is_file():
                shutil.copy(CHECKOUT / name, self.folder)
        return self.call("install")

    def run(self, *blocks: str, check: bool = True) -> Result:
        """Run `meltano run` with these plugins or jobs."""
        return self.call("run", *blocks, check=check)

    def call(self, *arguments: str, check: bool = True) -> Result:
        """Run one command of Meltano; its output goes to the log as it comes.

        Raises:
            PipelineError: It ended with another code than 0, and `check` is true.
        """
        begin = time.monotonic()
        with self.log.open("ab") as log:
            offset = log.tell()
            code = self._wait([meltano_command(), *arguments], log)
        with self.log.open("rb") as log:
            log.seek(offset)
            output = log.read().decode(errors="replace")
        result = Result(code, output, time.monotonic() - begin)
        if check and code != 0:
            raise PipelineError(
                f"`meltano {' '.join(arguments)}` ended with code {code}. Its log: {self.log}\n\n"
                f"{result.tail()}"
            )
        return result

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command of Meltano and return at once; the caller ends it with `stop`."""
        with self.log.open("ab") as log:
            return self._popen([meltano_command(), *arguments], log)

    def _wait(self, command: list[str], log: IO[bytes]) -> int:
        process = self._popen(command, log)
        try:
            return process.wait()
        finally:
            stop(process)

    def _popen(self, command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        # A session of its own makes one group of Meltano, tap and target, to end them together.
        return subprocess.Popen(  # noqa: S603 - our own command, no shell
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a command started here, with everything it has started; harmless when it has ended."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def meltano_command() -> str:
    """Return the path of Meltano next to this Python.

    Raises:
        PipelineError: It is not there.
    """
    beside_python = Path(sys.executable).with_name("meltano")
    if not beside_python.exists():
        raise PipelineError(f"there is no {beside_python}: run `make setup`, then use .venv")
    return str(beside_python)


def _clean_environment() -> dict[str, str]:
    """Return this process' environment without what steers a Meltano of the user's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    # With this set, as images of containers like to, every start would compile all modules again.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    # A virtual environment around us is not the one plugins are installed into.
    kept.pop("VIRTUAL_ENV", None)
    return {
        **kept,
        "MELTANO_ENVIRONMENT": "dev",
        "NO_COLOR": "1",
        "UV_COMPILE_BYTECODE": "1",
        "UV_SYSTEM_CERTS": kept.get("UV_SYSTEM_CERTS", "1"),
    }


def _with_absolute_paths(project: str) -> str:
    """Let each path of a project file lead into the checkout from any folder."""

    def absolute(word: str) -> str:
        # `.` may be followed by an extra: `.[ops]`.
        if word == "." or word.startswith(".["):
            return f"{CHECKOUT}{word[1:]}"
        path = CHECKOUT / word
        return str(path) if path.is_file() else word

    def line(found: re.Match[str]) -> str:
        words = [absolute(word) for word in shlex.split(found["value"])]
        # A JSON string is a YAML string too, whatever is in a path.
        return f"{found['key']}{json.dumps(shlex.join(words))}"

    project = re.sub(r"(?m)^(?P<key>\s+pip_url: )(?P<value>.+)$", line, project)
    marts = json.dumps(str(CHECKOUT / "transform"))
    return re.sub(r"(?m)(?<=value: )\$MELTANO_PROJECT_ROOT/transform$", lambda _: marts, project)
