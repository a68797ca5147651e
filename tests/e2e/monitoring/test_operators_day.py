"""An operator's day: real jobs fail in every way, are put right, and alarms come and go.

A real Prometheus with the shipped rules reads the real exporter meanwhile: it sees the alerts that
wait for nothing. The others are seen on the timeline that the same answers are laid out on.
"""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.e2e.monitoring.servers import free_port, prometheus, read, serving
from tests.e2e.monitoring.timeline import SETTLE, Timeline
from tests.repository.test_docs import ROOT
from tests.support.meltano_project import MeltanoProject
from tests.support.receiver import Receiver
from tests.unit.ops.hung import HungRun, json_of, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from emag_sandbox.postgres.server import Postgres
    from tests.e2e.monitoring.servers import Prometheus

pytestmark = pytest.mark.meltano

ALERTS = ROOT / "monitoring" / "prometheus" / "alerts.yml"
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
STALE = {"EmagStreamStale", "EmagJobStale"}
CLEANED = {"EmagStuckRunsCleaned"}
SETTINGS: dict[str, Any] = {
    "settle_seconds": SETTLE,
    "retry_wait_min_seconds": 0.1,
    "retry_wait_max_seconds": 0.2,
    "breaker_recovery_seconds": 1,
}
FAILING = "Failing runs: [errors.md](errors.md) has the remedy for each message"
STALE_JOB = "Runs fail: the errors below the table"
# What put an alert right on this day, and how the runbook's remedy for it says so.
REMEDIES = {
    ("EmagRefused", "the password"): "Write the new one into the settings: the next run uses it",
    ("EmagBreakerOpen", "the password"): "Refusals: [EmagRefused](#emagrefused)",
    ("EmagStreamStale", "the password"): FAILING,
    ("EmagJobStale", "the password"): STALE_JOB,
    ("EmagStreamStale", "the loader"): FAILING,
    ("EmagJobStale", "the loader"): "Loader: is Postgres up",
    ("EmagBreakerOpen", "eMAG"): "eMAG is down, and the tap goes on by itself",
    ("EmagStreamStale", "eMAG"): FAILING,
    ("EmagJobStale", "eMAG"): STALE_JOB,
    ("EmagStuckRunsCleaned", "nothing"): "Once: nothing.",
    ("EmagScrapeDown", "the exporter"): "No connection: `systemctl status tap-emag-metrics`",
}


class Day:
    """The job `orders` and what watches it."""

    def __init__(self, folder: Path, project: MeltanoProject, shop: Sandbox) -> None:
        """Begin with nothing run; `machine` is what ends when the machine does."""
        self.project = project
        self.shop = shop
        self.timeline = Timeline()
        self.machine = ExitStack()
        self.told: list[str] = []
        self.runs: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.healed: set[tuple[str, str]] = set()  # alerts that went, and what was put right
        self._puts_right = "nothing"
        self._firing: set[str] = set()
        self.address = f"127.0.0.1:{free_port()}"
        self._folder = folder
        self._begun = time.time()

    def start_exporter(self) -> None:
        """Start `emag-ops metrics`, as the machine does when it starts."""
        self._puts_right = "the exporter"
        ops = str(Path(sys.executable).with_name("emag-ops"))
        command = [ops, "metrics", f"--port={self.address.rpartition(':')[2]}"]
        command += ["--state-dir", self.project.pipeline.environment["TAP_EMAG_STATE_DIR"]]
        environment = {
            **self.project.pipeline.environment,
            "MELTANO_PROJECT_ROOT": str(self.project.pipeline.folder),
        }
        ready = f"http://{self.address}/metrics"
        log = self._folder / "exporter.log"
        self.machine.enter_context(serving(command, ready, log, env=environment))

    def run(self, *, ends: int = 0, puts_right: str = "", **environment: str) -> None:
        """Run the job once, with these variables, and look how it ends.

        `puts_right` is what an operator has put right before it.
        """
        self._puts_right = puts_right or self._puts_right
        self._begun = time.time()
        pipeline = self.project.pipeline
        before = dict(pipeline.environment)
        pipeline.environment.update(environment)
        result = self.project.run("orders", check=False)
        pipeline.environment.clear()
        pipeline.environment.update(before)
        assert bool(result.returncode) == bool(ends), result.tail()

    def kill(self, *, everything: bool) -> None:
        """Let eMAG hang, and kill Meltano within a run, or all that runs."""
        self.shop.set(fail_next=["hang"] * 1000)
        self._begun = time.time()
        run = HungRun(self.project, self.shop, "orders")
        try:
            for each in run.living() if everything else [run.living()[0]]:
                each.send_signal(signal.SIGKILL)
            run.meltano.wait()
            wait_for(lambda: not run.living())  # without Meltano the others end by themselves
        finally:
            run.abandon()
            self.shop.set(fail_next=[])

    def goes_on(self, minutes: int, firing: Mapping[int, set[str]], *, once: bool = False) -> None:
        """Hold what the exporter says now for so many minutes; expect these alerts to fire."""
        exposition = read(f"http://{self.address}/metrics")
        self.timeline.add(self._begun, exposition, minutes, firing, once=once)
        self._note(firing)

    def ends(self, minutes: int, firing: Mapping[int, set[str]]) -> None:
        """Answer nothing for so many minutes, as the machine is off; expect these alerts."""
        self.machine.close()
        self.timeline.add(time.time(), None, minutes, firing, once=True)
        self._note(firing)

    def _note(self, firing: Mapping[int, set[str]]) -> None:
        """Note which alerts went, and what had been put right before: later on, nothing."""
        for _, alerts in sorted(firing.items()):
            self.healed |= {(alert, self._puts_right) for alert in self._firing - alerts}
            self._firing = alerts
            self._puts_right = "nothing"

    def list_runs(self) -> list[dict[str, Any]]:
        """Return what `list-runs` shows, oldest first."""
        result = self.project.pipeline.call("invoke", "emag-ops", "list-runs", "--json")
        found: list[dict[str, Any]] = json_of(result.output)
        return found[::-1]


def firing(alert: str) -> str:
    return f'ALERTS{{alertname="{alert}",alertstate="firing"}}'


def wrong_password(day: Day, server: Prometheus) -> None:
    day.run(ends=3, TAP_EMAG_PASSWORD="wrong")
    assert server.wait_for(firing("EmagRefused"), 1) == 1
    late = {"EmagRefused", "EmagBreakerOpen"} | STALE
    day.goes_on(30, {1: {"EmagRefused"}, 29: late})
    day.run(puts_right="the password")
    assert server.wait_for(f"vector(1) unless on () {firing('EmagRefused')}", 1) == 1
    day.goes_on(10, {1: set(), 9: set()})


def loader_down(day: Day) -> None:
    day.run(ends=1, TARGET_POSTGRES_PORT=str(free_port()))
    day.goes_on(30, {1: set(), 29: STALE})
    day.run(puts_right="the loader")
    day.goes_on(10, {1: set(), 9: set()})


def emag_down(day: Day) -> None:
    day.shop.set(faults={"503": 1.0})
    day.run(ends=1)
    day.goes_on(5, {4: set()})
    day.run(ends=1)  # so many failures in a row open the breaker
    day.shop.set(faults={})
    day.goes_on(30, {1: set(), 29: STALE | {"EmagBreakerOpen"}})
    time.sleep(SETTINGS["breaker_recovery_seconds"])
    day.run(puts_right="eMAG")
    day.goes_on(10, {1: set(), 9: set()})


def sigkill(day: Day) -> None:
    day.kill(everything=False)
    day.goes_on(5, {4: set()}, once=True)
    day.run()
    day.goes_on(70, {1: CLEANED, 55: CLEANED, 65: set()})


def machine_restarted(day: Day) -> None:
    day.kill(everything=True)
    day.ends(20, {1: set(), 19: {"EmagScrapeDown"}})
    day.start_exporter()
    day.run()
    day.goes_on(70, {1: CLEANED, 35: CLEANED, 69: set()})


@pytest.fixture(scope="module")
def day(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, meltano_plugins: Path
) -> Iterator[Day]:
    """The day, lived through."""
    folder = tmp_path_factory.mktemp("operators-day")
    name = f"tap_emag_test_{uuid4().hex[:12]}"
    database = postgres.create_database(name)
    config = SandboxConfig(orders=20, offers=0, history_days=3)
    with Sandbox(config) as shop, Receiver() as receiver, ExitStack() as stack:
        project = MeltanoProject(
            folder,
            database,
            shop.url,
            plugins=meltano_plugins,
            webhook_url=receiver.url,
            state_dir=str(folder / "taps"),
            **SETTINGS,
        )
        day = Day(folder, project, shop)
        day.run()
        day.start_exporter()
        stack.callback(day.machine.close)
        day.goes_on(10, {9: set()})
        scraped = {"job_name": "tap-emag", "static_configs": [{"targets": [day.address]}]}
        server = stack.enter_context(
            prometheus(
                folder / "server",
                {
                    "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                    "rule_files": [str(ALERTS)],
                    "scrape_configs": [scraped],
                },
            )
        )
        server.wait_for("min(up)", 1)
        wrong_password(day, server)
        loader_down(day)
        emag_down(day)
        sigkill(day)
        machine_restarted(day)
        day.runs = day.list_runs()
        day.events = [json.loads(each.body) for each in receiver.received]
        yield day
    postgres.drop_database(name)


def test_every_alarm_comes_and_goes(day: Day, tmp_path: Path) -> None:
    problems = day.timeline.check(ALERTS, tmp_path)
    if problems:
        pytest.fail(problems)


def test_the_webhook_hears_of_each_run_once_as_it_ended(day: Day) -> None:
    heard = [(event["event"], event["error"]) for event in day.events]
    good = ("sync_completed", None)
    assert heard == [
        good,
        ("sync_failed", "CredentialsError"),
        good,
        ("sync_failed", "LoaderFailedError"),
        good,
        ("sync_failed", "TransientError"),
        ("sync_failed", "TransientError"),
        good,
        ("sync_failed", "LoaderFailedError"),
        good,
        ("sync_failed", "Killed"),
        good,
    ]
    [loader] = [event for event in day.events if "onnection refused" in (event["message"] or "")]
    assert loader["message"].startswith("target-postgres: ")


def test_the_list_of_runs_agrees_with_the_webhook(day: Day) -> None:
    states = {"sync_completed": "SUCCESS", "sync_failed": "FAIL"}
    heard = [(event["run_id"], states[event["event"]]) for event in day.events]
    assert heard == [(run["run_id"], run["state"]) for run in day.runs]


def test_each_alarm_went_by_what_the_runbook_names(day: Day) -> None:
    assert day.healed == REMEDIES.keys()


@pytest.mark.parametrize(("alert", "cause"), REMEDIES)
def test_the_runbook_names_what_put_it_right(alert: str, cause: str) -> None:
    [section] = re.findall(rf"(?ms)^## {alert}$(.*?)(?=^## |\Z)", RUNBOOK)
    [remedy] = re.findall(r"(?s)\*\*Do\.\*\* (.*?)\n\n", section)
    assert REMEDIES[alert, cause] in " ".join(remedy.split())
