"""Pipelines that hang, and the real `emag-ops` that looks after them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable

    from emag_sandbox import Sandbox
    from tests.support.meltano_project import MeltanoProject

STATE_ID = "dev:tap-emag-orders-to-target-postgres"
PAIR = ("tap-emag-orders", "target-postgres")
NOW = ("--timeout-minutes", "0", "--force")
PATIENCE = 120.0


class HungRun:
    """A real `meltano run` whose tap waits for an answer that does not come."""

    def __init__(self, project: MeltanoProject, shop: Sandbox, *blocks: str) -> None:
        """Start it, and wait until tap and target are at work."""
        self.project = project
        before = len(shop.log)
        self.meltano = project.start(*(blocks or PAIR))
        try:
            wait_for(lambda: len(shop.log) > before and {"tap", "target"} <= set(self._parts()))
            parts = self._parts()
        except BaseException:
            self.meltano.kill()
            self.meltano.wait()
            raise
        self.tap, self.target = parts["tap"], parts["target"]
        self._passwords = [_config(self.tap), _config(self.target)]

    def _parts(self) -> dict[str, psutil.Process]:
        """Return tap and target, which are told by the configuration that Meltano gives them."""
        assert self.meltano.poll() is None, "the run was over before it could hang"
        found = {}
        for child in psutil.Process(self.meltano.pid).children():
            with suppress(psutil.Error):
                if "--config" in child.cmdline() and "--discover" not in child.cmdline():
                    found[_config(child).name.partition(".")[0]] = child
        return found

    def living(self) -> list[psutil.Process]:
        """Return those of its processes that still live."""
        self.meltano.poll()
        everyone = [psutil.Process(self.meltano.pid)] if self.meltano.returncode is None else []
        return [each for each in (*everyone, self.tap, self.target) if lives(each)]

    def passwords(self) -> list[Path]:
        """Return those files with passwords that Meltano wrote for its plugins and are there."""
        return [path for path in self._passwords if path.exists()]

    def abandon(self) -> None:
        """End it by force, whatever has become of it: what a test must not leave behind."""
        for each in self.living():
            with suppress(psutil.Error):
                each.kill()
        with suppress(subprocess.TimeoutExpired):
            self.meltano.wait(5)


def clean_up(project: MeltanoProject, *options: str, check: bool = True) -> dict[str, Any]:
    """Run the clean-up as a user does, and return its JSON."""
    result = project.pipeline.call(
        "invoke", "emag-ops", "cleanup-stuck-runs", "--json", *options, check=check
    )
    report: dict[str, Any] = json_of(result.output)
    return report


def json_of(output: str) -> Any:  # noqa: ANN401 - whatever was written
    """Return the JSON document within an output, between Meltano's own lines."""
    lines = output.splitlines()
    first = next(number for number, line in enumerate(lines) if line in {"{", "[", "[]"})
    return json.JSONDecoder().raw_decode("\n".join(lines[first:]))[0]


def lives(process: psutil.Process) -> bool:
    """Tell whether a process lives; one that waits to be collected does not."""
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _config(plugin: psutil.Process) -> Path:
    words = plugin.cmdline()
    return Path(words[words.index("--config") + 1])


def stop_for_good(process: psutil.Process) -> None:
    """Let a process do nothing any more, though it lives."""
    os.kill(process.pid, signal.SIGSTOP)
    wait_for(lambda: process.status() == psutil.STATUS_STOPPED)


def wait_for(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until something is so; fail when it does not come about."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.05)
