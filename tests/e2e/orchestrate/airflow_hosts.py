"""Many accounts under the real Airflow: its servers on the first host, and a worker on each.

They are set up as `docs/airflow.md` shows.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from contextlib import ExitStack, suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.hosts import HOSTS, Outcome
from emag_sandbox.postgres.server import LOOPBACK
from tests.e2e.monitoring.servers import free_port
from tests.e2e.orchestrate.airflow_home import PAGE, AirflowHome, for_airflow
from tests.e2e.orchestrate.page import block, commands
from tests.repository.test_docs import _blocks

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from benchmarks.hosts import Fleet

START_SECONDS: Final = 600.0
END_SECONDS: Final = 30.0
PAUSE: Final = 2.0
ENDED: Final = ("success", "failed")


class AirflowHosts:
    """Airflow's servers on the fleet's first host, and a worker on each, while it lasts."""

    def __init__(self, fleet: Fleet) -> None:
        """Make Airflow's database, the accounts' pools, and their queues."""
        self._fleet = fleet
        self._database = fleet.postgres.create_database("airflow")
        port = free_port()
        self._url = f"http://{LOOPBACK}:{port}"
        self._processes: list[subprocess.Popen[str]] = []
        self._servers = self._home(fleet.folder / "airflow", host=0)
        self._paste(block(PAGE, "(umask 077 && openssl rand"))
        self._workers = [
            self._home(fleet.folder / f"host-{host}" / "airflow", host) for host in range(HOSTS)
        ]
        for home in (self._servers, *self._workers):
            secret = Path(".airflow", "secret")
            if home is not self._servers:
                shutil.copy(self._servers.checkout / secret, home.checkout / secret)
            home.export(self._here(block(PAGE, "export AIRFLOW__CORE__EXECUTOR")))
        self._servers.export(self._here(block(PAGE, "export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN")))
        self._servers.variables |= {
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        }
        self._paste(block(PAGE, "airflow db migrate"))
        self._write_queues()

    def __enter__(self) -> Self:
        dags = [_dag(each.job) for each in self._fleet.accounts]
        with ExitStack() as stack:
            stack.callback(self._end)
            for command in commands(PAGE, "airflow api-server"):
                self._start(command, self._servers)
            self._until(self._answers, "its API server does not answer")
            [shown] = commands(PAGE, "airflow edge worker")
            for host, home in enumerate(self._workers):
                name, queue = f"host-{host + 1}", _queue(host)
                command = shown.replace("--queues host-2", f"--queues {queue}")
                command = command.replace("--edge-hostname host-2", f"--edge-hostname {name}")
                concurrency = f"--concurrency {self._fleet.sizes.at_once}"
                self._start(re.sub(r"--concurrency \d+", concurrency, command), home)
            self._until(lambda: self._knows(dags), "it does not find the accounts' DAGs")
            stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def run_all(self) -> dict[str, Outcome]:
        """Unpause every account's DAG; return when the first runs have ended, or hang.

        Airflow starts a run of a DAG as soon as it is not paused any more. The account with most
        to read comes first, as the page advises.
        """
        begun = time.time()
        paths = {each.name: f"/api/v2/dags/{_dag(each.job)}" for each in self._fleet.accounts}
        slowest = self._fleet.slowest.name
        self._unpause(paths[slowest])
        self._until(lambda: slowest in self._fleet.begun(), f"{slowest} does not begin")
        for path in paths.values():
            self._unpause(path)
        found: dict[str, Outcome] = {}
        waited_for = {each.name for each in self._fleet.accounts if each.fails != "hangs"}
        while waited_for - found.keys() or paths.keys() - found.keys() - self._fleet.begun():
            time.sleep(PAUSE)
            for name in paths.keys() - found.keys():
                runs = self._ask("GET", f"{paths[name]}/dagRuns?order_by=id&limit=1")["dag_runs"]
                if runs and runs[0]["state"] in ENDED:
                    ended = datetime.fromisoformat(runs[0]["end_date"]).timestamp()
                    found[name] = Outcome(begun, ended, code=int(runs[0]["state"] != "success"))
        for name in paths.keys() - found.keys():
            found[name] = Outcome(begun, time.time(), code=1)
        for name, path in paths.items():
            tasks = self._ask("GET", f"{path}/dagRuns/~/taskInstances")["task_instances"]
            found[name].worker = ", ".join({each["hostname"] for each in tasks if each["hostname"]})
        return found

    def _unpause(self, path: str) -> None:
        self._ask("PATCH", path, {"is_paused": False})

    def _home(self, folder: Path, host: int) -> AirflowHome:
        pipeline = self._fleet.pipelines[host]
        home = AirflowHome(folder, pipeline.folder)
        home.variables |= for_airflow(pipeline.environment)
        return home

    def _write_queues(self) -> None:
        """Write the page's policy, with the accounts of here."""
        [policy] = [each.text for each in _blocks("python") if "def task_policy" in each.text]
        queues = {
            f"{each.marketplace}_{each.name}": _queue(each.host)
            for each in self._fleet.accounts
            if each.host
        }
        path = self._servers.folder / "config" / "airflow_local_settings.py"
        path.parent.mkdir(exist_ok=True)
        text = re.sub(r"(?m)^QUEUES = .*$", f"QUEUES = {queues!r}", policy)
        path.write_text(text, encoding="utf-8")

    def _here(self, text: str) -> str:
        """Return what the page shows with the addresses of here."""
        for shown, real in {
            "http://host-1.example.com:8080": self._url,
            "0.0.0.0": LOOPBACK,
            "postgresql+psycopg2://airflow:password@db.example.com/airflow": (
                self._database.dsn.replace("postgresql://", "postgresql+psycopg2://", 1)
            ),
        }.items():
            text = text.replace(shown, real)
        return text

    def _paste(self, text: str) -> None:
        done = self._servers.paste(text)
        if done.code:
            raise RuntimeError(done.output)

    def _start(self, command: str, home: AirflowHome) -> None:
        name = " ".join(command.split()[1:4]).replace(" --edge-hostname", "")
        with (home.checkout / f"{name}.log").open("wb") as log:
            process = home.start(*command.split(), output=log)
        self._processes.append(process)

    def _end(self) -> None:
        """End all servers and workers at once, with all that they have started."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        until = time.monotonic() + END_SECONDS
        for process in self._processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _until(self, holds: Callable[[], bool], otherwise: str) -> None:
        until = time.monotonic() + START_SECONDS
        while not holds():
            if time.monotonic() > until:
                raise TimeoutError(f"Airflow: {otherwise}")
            time.sleep(PAUSE)

    def _answers(self) -> bool:
        with suppress(OSError):
            return bool(self._token)
        return False

    def _knows(self, dags: list[str]) -> bool:
        known: set[str] = set()
        with suppress(OSError, LookupError):
            while True:  # at most 100 are listed at once
                path = f"/api/v2/dags?limit=100&offset={len(known)}"
                page = self._ask("GET", path)["dags"]
                known |= {each["dag_id"] for each in page}
                if not page:
                    break
        return known >= set(dags)

    @cached_property
    def _token(self) -> str:
        with urllib.request.urlopen(f"{self._url}/auth/token", timeout=60) as reply:
            return str(json.loads(reply.read())["access_token"])

    def _ask(self, method: str, path: str, values: object = None) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self._url}{path}",
            None if values is None else json.dumps(values).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            answer: dict[str, Any] = json.loads(reply.read())
        return answer


def _dag(job: str) -> str:
    return f"emag_{job}"


def _queue(host: int) -> str:
    return f"host-{host + 1}" if host else "default"
