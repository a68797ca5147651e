"""`emag-ops metrics` serves what all runs have counted, and what is only known at this moment."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.metrics import Totals
from tap_emag.ops.live_metrics import LiveCollector, job_samples
from tap_emag.ops.meltano.database import FAIL, RUNNING, RUNS, SUCCESS, Run
from tap_emag.state.store import StateStore
from tests.support.command import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.ops.booked import Books

OPS = str(Path(sys.executable).with_name("emag-ops"))
NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)


@contextmanager
def serving(state_dir: Path, environment: dict[str, str]) -> Iterator[str]:
    """Run the real command on a free port; end it as a supervisor would."""
    command = [OPS, "metrics", "--port", "0", "--state-dir", str(state_dir)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr
        try:
            yield process.stderr.readline().split()[-1].removesuffix("/metrics")
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=60) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def values(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    metrics = text_string_to_metric_families(text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for metric in metrics
        for sample in metric.samples
    }


def booked(state: str, begun: float, took: float | None, state_id: str = "dev:a-to-b") -> Run:
    """Return a run that began so many minutes ago, and took so many."""
    started = NOW - timedelta(minutes=begun)
    ended = None if took is None else started + timedelta(minutes=took)
    return Run(1, state_id, "0", state, started, ended or NOW, ended, None)


def jobs(*runs: Run, succeeded: float | None = None) -> dict[str, float]:
    """Return what is told of these runs; `succeeded` is when one last did, so many minutes ago."""
    successes = {} if succeeded is None else {"dev:a-to-b": NOW - timedelta(minutes=succeeded)}
    found = job_samples(runs, successes, timedelta(minutes=15), NOW)
    return {name.removeprefix("emag_job_"): value for (name, _), value in found.items()}


def test_a_job_is_told_by_its_latest_runs() -> None:
    found = jobs(
        booked(RUNNING, 5, None),
        booked(FAIL, 20, 3),
        booked(SUCCESS, 40, 10),
        booked(FAIL, 60, 1),
        succeeded=30,
    )
    assert found == {
        "running": 1,
        "stuck": 0,
        "last_start_timestamp_seconds": (NOW - timedelta(minutes=5)).timestamp(),
        "last_failed": 1,
        "last_duration_seconds": 180,
        "last_success_timestamp_seconds": (NOW - timedelta(minutes=30)).timestamp(),
    }


def test_a_run_that_never_ends_is_stuck_and_a_job_without_success_has_no_time_of_it() -> None:
    assert jobs(booked(RUNNING, 16, None)) == {
        "running": 1,
        "stuck": 1,
        "last_start_timestamp_seconds": (NOW - timedelta(minutes=16)).timestamp(),
    }


def test_a_job_is_told_of_however_often_others_run(tmp_path: Path, sqlite_books: Books) -> None:
    hours = 60
    daily = "prod:tap-emag-reference-to-target-postgres"
    sqlite_books.book(daily, minutes=24 * hours, state=SUCCESS, ended=24 * hours - 5)
    sqlite_books.book(daily, minutes=23 * hours, state=FAIL, ended=23 * hours - 1)
    sqlite_books.book(
        "prod:given-up", minutes=23 * 24 * hours, state=SUCCESS, ended=23 * 24 * hours
    )
    failed = {"state": FAIL, "payload": "{}", "payload_flags": 0, "trigger": None}
    failed |= {"started_at": datetime.now(timezone.utc).replace(tzinfo=None), "ended_at": None}
    often = "prod:tap-emag-orders-to-target-postgres"
    rows = [failed | {"job_name": often, "run_id": uuid4()} for _ in range(1100)]
    with sqlite_books.engine.begin() as connection:
        connection.execute(RUNS.insert(), rows)
    collector = LiveCollector(
        Totals(StateStore(tmp_path)), None, lambda: sqlite_books.runs, timedelta(minutes=15)
    )
    told = {
        sample.labels["state_id"]: sample.value
        for metric in collector.collect()
        for sample in metric.samples
        if sample.name == "emag_job_last_success_timestamp_seconds"
    }
    assert told.keys() == {daily}
    now = datetime.now(timezone.utc).timestamp()
    assert now - told[daily] == pytest.approx(60 * (24 * hours - 5), abs=60)


def test_runs_budgets_and_counts_are_served_together(tmp_path: Path, books: Books) -> None:
    with Sandbox(SandboxConfig(orders=5, offers=20, history_days=5)) as sandbox:
        assert run(tmp_path, sandbox, streams="products").code == 0
        asked = len(list(sandbox.log))
    with serving(tmp_path / "state", books.environment) as url:
        status, text = get(f"{url}/metrics")
        assert get(f"{url}/healthz") == (200, '{"status": "ok"}\n')
        assert get(f"{url}/else")[0] == 404
    assert status == 200
    found = values(text)
    account = {("marketplace", "emag_ro"), ("account_type", "main")}
    other = account | {("operation_type", "other"), ("window", "minute")}
    assert found["emag_budget_requests", frozenset(other)] == asked
    assert found["emag_budget_limit", frozenset(other)] == 180
    assert found["emag_breaker_open", frozenset(account)] == 0
    assert found["emag_breaker_refused", frozenset(account)] == 0
    offers = frozenset({("account_type", "main"), ("action", "created")})
    assert found["emag_sync_products_total", offers] == 20


def test_a_database_that_is_gone_fails_the_scrape_and_the_check(
    tmp_path: Path, books: Books
) -> None:
    gone = books.environment | {"MELTANO_DATABASE_URI": f"sqlite:///{tmp_path / 'gone.db'}"}
    with serving(tmp_path, gone) as url:
        status, text = get(f"{url}/healthz")
        assert (status, json.loads(text)["status"]) == (503, "failing")
        assert "there is no database" in json.loads(text)["reason"]
        assert get(f"{url}/metrics")[0] == 503


@pytest.mark.parametrize("option", [["--port", "99999"], ["--address", "nowhere.invalid"]])
def test_an_address_that_cannot_be_opened_is_refused(
    option: list[str], tmp_path: Path, books: Books
) -> None:
    command = [OPS, "metrics", "--state-dir", str(tmp_path), *option]
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, env=books.environment
    )
    assert ended.returncode == 2
    assert option[0] in ended.stderr
    assert "Traceback" not in ended.stderr
