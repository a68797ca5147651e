"""Runs the real `tap-emag` command against a sandbox, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.api import config_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from emag_sandbox import Sandbox

COMMAND = str(Path(sys.executable).with_name("tap-emag"))
UNLIMITED = [sys.executable, "-m", "tests.support.unlimited"]
ROOT = Path(__file__).parents[2]
PATIENCE = 120.0  # seconds until what a test waits for has happened


@dataclass
class Finished:
    """A run that has come to its end; `messages` are those whose line is complete."""

    code: int
    seconds: float
    messages: list[dict[str, Any]]
    log: str

    @property
    def state(self) -> dict[str, Any]:
        states = [m["value"] for m in self.messages if m["type"] == "STATE"]
        return states[-1] if states else {}

    @property
    def counts(self) -> Counter[str]:
        return Counter(m["stream"] for m in self.messages if m["type"] == "RECORD")

    def rows(self, stream: str) -> list[dict[str, Any]]:
        return [
            m["record"] for m in self.messages if m["type"] == "RECORD" and m["stream"] == stream
        ]

    @property
    def critical(self) -> list[str]:
        return [line for line in self.log.splitlines() if "CRITICAL" in line]


class Command:
    """A run under way: its output goes to files, so that nothing blocks unless it is meant to."""

    def __init__(
        self,
        folder: Path,
        sandbox: Sandbox | None = None,
        state: dict[str, Any] | None = None,
        *,
        unread: bool = False,
        streams: str = "",
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        output: Path | None = None,
        **values: Any,  # noqa: ANN401 - settings
    ) -> None:
        """Start it, without request budgets where the sandbox keeps none.

        `unread` leaves its output in a pipe that nobody reads.

        `streams` names the only streams to read, as a comma separated list; `prefix` are words
        before the command, `environment` further variables, `output` is where it writes to.
        """
        folder.mkdir(exist_ok=True, parents=True)
        self.folder = folder
        config = {"state_dir": str(folder / "state"), **values}
        config = config_for(sandbox, **config) if sandbox else config
        limited = sandbox is None or sandbox.config.limits
        command = [COMMAND] if limited else UNLIMITED
        arguments = [*prefix, *command, "--config", self._write("config", config)]
        arguments += ["--state", self._write("state", state)] if state else []
        if streams:
            arguments += ["--catalog", self._write("catalog", self._catalog(streams))]
        self.output = output or folder / "output"
        stdout = subprocess.PIPE if unread else self.output.open("wb")
        variables = {**os.environ, **({} if limited else {"PYTHONPATH": str(ROOT)})}
        self.begun = time.monotonic()
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                arguments, stdout=stdout, stderr=log, env={**variables, **(environment or {})}
            )
        if not unread:
            stdout.close()  # type: ignore[union-attr]

    def _write(self, name: str, content: object) -> str:
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(content))
        return str(path)

    @staticmethod
    @cache
    def _catalog(streams: str) -> object:
        found = subprocess.run([COMMAND, "--discover"], capture_output=True, check=True)
        catalog = json.loads(found.stdout)
        for stream in catalog["streams"]:
            for entry in stream["metadata"]:
                if not entry["breadcrumb"]:
                    entry["metadata"]["selected"] = stream["stream"] in streams.split(",")
        return catalog

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def signal(self, signum: int) -> None:
        os.kill(self.process.pid, signum)

    def until(self, reached: Callable[[], bool]) -> None:
        """Wait for something to happen while the run goes on, however busy the machine is."""
        latest = time.monotonic() + PATIENCE
        while not reached():
            if time.monotonic() > latest or self.process.poll() is not None:
                self.process.kill()  # one that is left behind would fail another test
                pytest.fail(f"it did not come about: {self.finish().log}")
            time.sleep(0.02)

    def until_rows(self, stream: str, number: int) -> None:
        """Wait until so many rows of a stream are written."""
        written = f'"RECORD","stream":"{stream}"'
        self.until(lambda: self.output.read_text().count(written) >= number)

    def finish(self, within: float = 90) -> Finished:
        """Wait for the end, at most so many seconds."""
        try:
            code = self.process.wait(within)
        finally:
            self.process.kill()
            self.process.wait()
        seconds = time.monotonic() - self.begun
        lines = self.output.read_text().splitlines(keepends=True) if self.output.is_file() else []
        messages = [json.loads(line) for line in lines if line.endswith("\n")]
        if self.process.stdout:
            self.process.stdout.close()
        return Finished(code, seconds, messages, self.log)


def run(folder: Path, sandbox: Sandbox | None = None, **values: Any) -> Finished:  # noqa: ANN401
    """Run the command to its end."""
    return Command(folder, sandbox, **values).finish()
