"""A real Prometheus reads real runs in each of the three ways, and with them the alerts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.e2e.monitoring.programs import program
from tests.e2e.monitoring.servers import PATIENCE, free_port, prometheus, read, serving
from tests.repository.test_docs import ROOT
from tests.support.command import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.monitoring.servers import Prometheus

SHOP = SandboxConfig(
    orders=80,
    offers=30,
    history_days=10,
    categories=3,
    localities=5,
    unknown_keys=True,
    limits=False,
)
ALERTS = ROOT / "monitoring" / "prometheus" / "alerts.yml"
JOBS = ("tap-emag", "tap-emag-textfile", "tap-emag-pushgateway")
STREAMS = "orders,order_lines,products"


@dataclass
class Place:
    """Where the runs of a sandbox can be seen: a Prometheus, and what it reads from."""

    folder: Path
    shop: Sandbox
    server: Prometheus
    settings: dict[str, Any]
    addresses: dict[str, str]
    rows: int = 0

    def run(self, name: str) -> None:
        """Run the tap to its end, and note how many orders and lines it wrote."""
        ended = run(self.folder / name, self.shop, streams=STREAMS, **self.settings)
        assert ended.code == 0, ended.log
        assert "metrics cannot be" not in ended.log
        self.rows += ended.counts["orders"] + ended.counts["order_lines"]


def commands(folder: Path, ports: dict[str, int]) -> dict[str, list[str]]:
    ops = str(Path(sys.executable).with_name("emag-ops"))
    textfile = str(folder / "textfile")
    node = ["--collector.disable-defaults", "--collector.textfile"]
    return {
        "tap-emag": [ops, "metrics", f"--port={ports['tap-emag']}", f"--state-dir={folder}/state"],
        "tap-emag-textfile": [
            program("node_exporter"),
            *node,
            f"--collector.textfile.directory={textfile}",
            f"--web.listen-address=127.0.0.1:{ports['tap-emag-textfile']}",
        ],
        "tap-emag-pushgateway": [
            program("pushgateway"),
            f"--web.listen-address=127.0.0.1:{ports['tap-emag-pushgateway']}",
        ],
    }


def meltano_database(folder: Path) -> dict[str, str]:
    """Let Meltano make its database, and return the variables that lead to it."""
    project = folder / "project"
    project.mkdir()
    (project / "meltano.yml").write_text("default_environment: dev\nenvironments: [{name: dev}]\n")
    meltano = str(Path(sys.executable).with_name("meltano"))
    environ = {name: text for name, text in os.environ.items() if "MELTANO" not in name}
    environ |= {
        "MELTANO_PROJECT_ROOT": str(project),
        "MELTANO_DATABASE_URI": f"sqlite:///{folder / 'meltano.db'}",
    }
    command = [meltano, "state", "list"]
    subprocess.run(command, cwd=project, env=environ, check=True, capture_output=True)
    return environ


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "textfile").mkdir()
    ports = {job: free_port() for job in JOBS}
    addresses = {job: f"127.0.0.1:{port}" for job, port in ports.items()}
    started, environ = commands(folder, ports), meltano_database(folder)
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(ALERTS)],
        "scrape_configs": [
            {
                "job_name": job,
                "honor_labels": job == "tap-emag-pushgateway",
                "static_configs": [{"targets": [address]}],
            }
            for job, address in addresses.items()
        ],
    }
    settings = {
        "state_dir": str(folder / "state"),
        "metrics_textfile": str(folder / "textfile" / "emag.prom"),
        "pushgateway_url": f"http://{addresses['tap-emag-pushgateway']}",
    }
    with ExitStack() as stack:
        for job, command in started.items():
            ready = f"http://{addresses[job]}/metrics"
            stack.enter_context(serving(command, ready, folder / f"{job}.log", env=environ))
        server = stack.enter_context(prometheus(folder / "server", config))
        shop = stack.enter_context(Sandbox(SHOP))
        place = Place(folder, shop, server, settings, addresses)
        place.run("first")
        yield place


def by_job(server: Prometheus, query: str) -> dict[str, float]:
    return {dict(labels)["job"]: value for labels, value in server.ask(query).items()}


def test_all_three_ways_tell_the_same_of_each_run(place: Place) -> None:
    told = 'sum by (job) (emag_records_total{stream=~"orders|order_lines"})'
    assert place.server.wait_for(f"count({told})", 3) == 3
    place.server.wait_for(f"min({told})", place.rows)  # each of them is read once a second
    # What the gateway hands on keeps the job that the tap has given itself.
    jobs = ("tap-emag", "tap-emag-textfile", "tap_emag")
    assert by_job(place.server, told) == dict.fromkeys(jobs, place.rows)
    before = place.rows
    place.run("second")
    assert place.rows > before
    place.server.wait_for(f"min({told})", place.rows)
    assert by_job(place.server, told) == dict.fromkeys(jobs, place.rows)
    asked = "sum by (job) (emag_api_requests_total)"
    assert set(by_job(place.server, asked).values()) == {len(list(place.shop.log))}


def test_whatever_leaves_one_way_leaves_the_others(place: Place) -> None:
    texts = {job: read(f"http://{address}/metrics") for job, address in place.addresses.items()}
    ways = {job: set(re.findall(r"(?m)^(emag_\w+)[{ ]", text)) for job, text in texts.items()}
    live = {name for name in ways["tap-emag"] if name.startswith(("emag_budget_", "emag_job_"))}
    assert "emag_budget_requests" in live
    assert ways["tap-emag-textfile"] == ways["tap-emag-pushgateway"]
    assert ways["tap-emag"] - live == ways["tap-emag-textfile"] - live
    assert len(ways["tap-emag-textfile"]) > 20


def test_the_gateway_knows_when_it_was_last_pushed_to(place: Place) -> None:
    assert place.server.one("time() - push_time_seconds") < PATIENCE
    assert place.server.one("push_failure_time_seconds") == 0


def test_prometheus_evaluates_all_alerts_and_none_complains(place: Place) -> None:
    place.server.wait_for("min(up)", 1)
    [group] = place.server.get("rules")["data"]["groups"]
    assert {rule["health"] for rule in group["rules"]} == {"ok"}
    firing = {
        rule["name"] for rule in group["rules"] if rule.get("state", "inactive") != "inactive"
    }
    # The sandbox does send fields that nobody has announced.
    assert firing == {"EmagUnknownFields"}


def test_a_refused_account_is_told_at_once(place: Place) -> None:
    wrong = {**place.settings, "account_type": "other", "password": "wrong"}
    ended = run(place.folder / "refused", place.shop, streams=STREAMS, **wrong)
    assert ended.code == 3
    alert = 'ALERTS{alertname="EmagRefused",alertstate="firing",account_type="other"}'
    assert place.server.wait_for(alert, 1) == 1
    [labels] = place.server.ask(alert)
    assert dict(labels)["error_type"] == "CredentialsError"
    seen = ops_breaker(place)
    assert seen == {True}
    # The right password is let in: the alarm goes with the first request.
    put_right = run(
        place.folder / "right", place.shop, streams=STREAMS, **wrong | {"password": "demo"}
    )
    assert put_right.code == 0, put_right.log
    gone = 'vector(1) unless on () ALERTS{alertname="EmagRefused",alertstate="firing"}'
    assert place.server.wait_for(gone, 1) == 1
    assert place.server.wait_for("1 - max(emag_breaker_open)", 1) == 1
    assert ops_breaker(place) == {False}


def ops_breaker(place: Place) -> set[bool]:
    """Return whether `emag-ops limits` shows breakers open."""
    command = [str(Path(sys.executable).with_name("emag-ops")), "limits", "--json"]
    command += ["--state-dir", place.settings["state_dir"]]
    shown = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return {each["breaker_open"] for each in shown}


def test_the_very_first_error_of_a_known_account_is_an_increase(place: Place) -> None:
    selector = 'emag_sync_errors_total{account_type="main",error_type="CredentialsError"}'
    assert place.server.one(f"max({selector})") == 0
    ended = run(
        place.folder / "first-error",
        place.shop,
        streams=STREAMS,
        **place.settings,
        password="wrong again",
    )
    assert ended.code == 3
    increase = f"max(increase({selector}[10m])) > bool 0"
    assert place.server.wait_for(increase, 1) == 1
    alert = 'ALERTS{alertname="EmagRefused",alertstate="firing",account_type="main"}'
    assert place.server.wait_for(alert, 1) == 1
