"""Many accounts under the real Dagster: one queue, and a code location on each host.

Each host's server of code and the file that names them are those that `docs/dagster.md` shows.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import yaml

from benchmarks.hosts import HOSTS, Outcome
from emag_sandbox.demo.pipeline import meltano_command
from emag_sandbox.postgres.server import LOOPBACK, _free_port
from tests.e2e.orchestrate.environments import clean_environ, environment
from tests.e2e.orchestrate.page import block, commands, lay

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Self

    from benchmarks.hosts import Fleet

PAGE: Final = "dagster.md"
START_SECONDS: Final = 300.0
PAUSE: Final = 1.0
ENDED: Final = ("SUCCESS", "FAILURE", "CANCELED")
LAUNCH: Final = """
mutation ($of: ExecutionParams!) {
  launchRun(executionParams: $of) {
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
RUNS: Final = """
{ runsOrError { ... on Runs { results { jobName status startTime endTime } } } }
"""


class DagsterHosts:
    """Dagster's daemon, its web server, and a server of code on each host, while it lasts."""

    def __init__(self, fleet: Fleet) -> None:
        """Use the fleet's hosts."""
        self._fleet = fleet
        self._made = environment("dagster")
        self._checkout = lay(fleet.folder / "dagster", {".dagster/venv": self._made})
        self._home = self._checkout / "home"
        self._url = f"http://{LOOPBACK}:{_free_port()}"
        self._log = fleet.folder / "dagster.log"
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._home.mkdir()
        shutil.copy(self._checkout / "orchestrate" / "dagster" / "dagster.yaml", self._home)
        with ExitStack() as stack:
            [make] = commands(PAGE, ".dagster/venv/bin/dagster instance migrate")
            self._run(make)
            [serve] = commands(PAGE, ".dagster/venv/bin/dagster api grpc")
            locations = yaml.safe_load(block(PAGE, "load_from:"))
            ports = []
            for host, location in enumerate(locations["load_from"]):
                port = _free_port()
                shown = serve.replace("0.0.0.0", LOOPBACK).replace("4000", str(port))
                self._start(stack, shown, host)
                ports.append(port)
                given = {"host": LOOPBACK, "port": port, "location_name": f"host-{host}"}
                location["grpc_server"] |= given
            for port in ports:
                _until(partial(_listens, port), self._log)
            workspace = self._checkout / "workspace.yaml"
            workspace.write_text(yaml.safe_dump(locations), encoding="utf-8")
            port = int(self._url.rpartition(":")[2])
            for command in commands(PAGE, ".dagster/venv/bin/dagster-daemon run"):
                self._start(stack, f"{command.replace('3000', str(port))} -w {workspace}")
            _until(self._knows_all, self._log)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def run_all(self) -> dict[str, Outcome]:
        """Queue every account's job; return when all but those that hang have ended."""
        begun = time.time()
        jobs = {each.name: each.job.replace("-", "_") for each in self._fleet.accounts}
        for each in self._fleet.accounts:
            selector = {
                "repositoryName": "__repository__",
                "repositoryLocationName": f"host-{each.host}",
                "jobName": jobs[each.name],
            }
            launched = self._ask(LAUNCH, of={"selector": selector, "runConfigData": {}})
            if "run" not in launched["launchRun"]:
                raise RuntimeError(launched["launchRun"])
        waited_for = [jobs[each.name] for each in self._fleet.accounts if each.fails != "hangs"]
        while True:
            runs = {each["jobName"]: each for each in self._ask(RUNS)["runsOrError"]["results"]}
            if all(runs[job]["status"] in ENDED for job in waited_for):
                break
            time.sleep(PAUSE)
        return {
            name: Outcome(
                begun,
                runs[job]["endTime"] or time.time(),
                code=int(runs[job]["status"] != "SUCCESS"),
            )
            for name, job in jobs.items()
        }

    def _run(self, command: str) -> None:
        with self._log.open("ab") as log:
            subprocess.run(
                command.split(),
                cwd=self._checkout,
                env=self._environ(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )

    def _environ(self) -> dict[str, str]:
        return clean_environ(self._made / "bin") | {"DAGSTER_HOME": str(self._home)}

    def _start(self, stack: ExitStack, command: str, host: int | None = None) -> None:
        """Start a command of Dagster, and end it with the context."""
        environ = self._environ()
        if host is not None:
            pipeline = self._fleet.pipelines[host]
            environ |= self._fleet.variables(host) | {
                "MELTANO": meltano_command(),
                "MELTANO_ENVIRONMENT": "dev",
                "MELTANO_PROJECT_ROOT": str(pipeline.folder),
                "XDG_STATE_HOME": pipeline.environment["XDG_STATE_HOME"],
            }
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                command.split(),
                cwd=self._checkout,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        stack.callback(_end, process)

    def _knows_all(self) -> bool:
        """Return whether the web server knows the jobs of all hosts."""
        query = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }"
        with suppress(OSError, LookupError):
            return len(self._ask(query)["repositoriesOrError"]["nodes"]) == HOSTS
        return False

    def _ask(self, query: str, **variables: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self._url}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            answer = json.loads(reply.read())
        found: dict[str, Any] = answer["data"]
        return found


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
        return True
    return False


def _until(holds: Callable[[], bool], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError(f"Dagster did not start:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(PAUSE)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server with all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(20)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
