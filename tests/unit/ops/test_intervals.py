"""Alerts know how often each account's schedules read a stream."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import yaml

from tap_emag.metrics import Totals
from tap_emag.metrics import definitions as f
from tap_emag.ops.accounts import project
from tap_emag.ops.accounts.table import parse
from tap_emag.ops.accounts.times import INTERVALS, cron
from tap_emag.ops.intervals import longest_pause, pipeline_intervals, stream_intervals
from tap_emag.ops.live_metrics import LiveCollector
from tap_emag.ops.meltano.database import SUCCESS
from tap_emag.state.store import StateStore
from tests.support.declared import ROOT, declared

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.ops.booked import Books
    from tests.unit.ops.reported import Reported

MINUTE, HOUR, DAY = 60, 3600, 86400
UNITS = {"m": MINUTE, "h": HOUR, "d": DAY}
ACCOUNTS = """
accounts:
- name: often
  account_type: often
  every: {orders: 10m, offers: never}
- name: daily
  marketplace: emag_bg
  account_type: daily
  read: [orders, returns]
  every: {orders: 1d, returns: "7 6 * * 1-5"}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """This project with two more accounts."""
    folder = tmp_path / "intervals"
    folder.mkdir()
    (folder / "meltano.yml").write_bytes((ROOT / "meltano.yml").read_bytes())
    project.write(folder, project.text_of(parse(ACCOUNTS), folder, {}))
    return folder


@pytest.mark.parametrize("interval", INTERVALS)
def test_the_pause_of_an_interval_is_its_length(interval: str) -> None:
    expression = cron(interval, "bg", "orders")
    assert expression
    assert longest_pause(expression) == int(interval[:-1]) * UNITS[interval[-1]]


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [
        ("7,37 * * * *", 30 * MINUTE),
        ("7,17 * * * *", 50 * MINUTE),
        ("*/5 8-18 * * *", 13 * HOUR + 5 * MINUTE),
        ("1-59/5 8-18 * * 1-5", 61 * HOUR + 5 * MINUTE),
        ("7 6 1 * *", 31 * DAY),
        ("@hourly", HOUR),
        ("@daily", DAY),
        ("@weekly", 7 * DAY),
        ("@once", math.inf),
        ("7 6 1 1 *", math.inf),
        ("not a time", math.inf),
    ],
)
def test_of_other_times_the_longest_pause_counts(expression: str, seconds: float) -> None:
    assert longest_pause(expression) == seconds


def test_each_plugin_has_the_interval_of_its_schedule(root: Path) -> None:
    found = pipeline_intervals(root)
    assert found["tap-emag-orders"] == 5 * MINUTE
    assert found["tap-emag-orders-nightly"] == DAY
    assert found["tap-emag-often-orders"] == 10 * MINUTE
    assert found["tap-emag-often-offers"] == math.inf
    assert found["tap-emag-daily-orders"] == DAY
    assert found["tap-emag-daily-orders-weekly"] == 7 * DAY
    assert found["tap-emag-daily-returns"] == 3 * DAY


def test_each_stream_has_the_interval_of_the_plugin_that_reads_it_most_often(root: Path) -> None:
    found = {
        (labels["marketplace"], labels["account_type"], labels["sync_type"]): seconds
        for (_, given), seconds in stream_intervals(root, {}).items()
        for labels in [dict(given)]
    }
    assert found["emag_ro", "main", "orders"] == 5 * MINUTE
    assert found["emag_ro", "main", "products"] == HOUR
    assert found["emag_ro", "main", "vat_rates"] == DAY
    assert found["emag_ro", "main", "order_statuses"] == found["emag_ro", "main", "syncs"] == DAY
    assert found["emag_ro", "often", "orders"] == 10 * MINUTE
    assert found["emag_ro", "often", "products"] == math.inf
    # Not that of the deep re-reads, which move no time of success.
    assert found["emag_bg", "daily", "orders"] == DAY
    assert found["emag_bg", "daily", "returns"] == found["emag_bg", "daily", "awbs"] == 3 * DAY
    assert found["emag_bg", "daily", "products"] == math.inf


def test_a_variable_names_another_account(root: Path) -> None:
    found = stream_intervals(root, {"TAP_EMAG_DAILY_MARKETPLACE": "emag_hu"})
    assert {dict(labels)["marketplace"] for _, labels in found} == {"emag_ro", "emag_hu"}


def test_a_job_of_several_plugins_gives_each_of_them_its_interval(tmp_path: Path) -> None:
    document = declared() | {
        "jobs": [{"name": "emag", "tasks": ["tap-emag-orders target-postgres tap-emag-offers x"]}],
        "schedules": [
            {"name": "day", "job": "emag", "interval": "7 6 * * *"},
            {"name": "hour", "job": "emag", "interval": "7 * * * *"},
            {"name": "of another job", "job": "is not there", "interval": "7 * * * *"},
            {"name": "by hand", "job": "emag", "interval": None},
        ],
    }
    (tmp_path / "meltano.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
    found = pipeline_intervals(tmp_path)
    assert found["tap-emag-orders"] == found["tap-emag-offers"] == HOUR
    assert found["tap-emag-returns"] == math.inf


def test_nothing_is_known_of_a_project_without_schedules(tmp_path: Path) -> None:
    document = {**declared(), "schedules": []}
    (tmp_path / "meltano.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
    assert pipeline_intervals(tmp_path) == {}
    assert stream_intervals(tmp_path, {}) == {}


def test_every_report_writes_the_intervals_of_all_accounts(root: Path, reported: Reported) -> None:
    (reported.books.root / "meltano.yml").write_bytes((root / "meltano.yml").read_bytes())
    assert reported.report() == []
    assert reported.value(f.SYNC_INTERVAL, account_type="main", sync_type="orders") == 5 * MINUTE
    assert reported.value(f.SYNC_INTERVAL, account_type="daily") == 0
    (reported.books.root / project.FILE).write_bytes((root / project.FILE).read_bytes())
    assert reported.report() == []
    assert reported.value(f.SYNC_INTERVAL, account_type="daily", sync_type="orders") == DAY
    table = parse(ACCOUNTS.replace("orders: 1d", "orders: 5m"))
    project.write(reported.books.root, project.text_of(table, root, {}))
    assert reported.report() == []
    assert reported.value(f.SYNC_INTERVAL, account_type="daily", sync_type="orders") == 5 * MINUTE


def test_a_job_is_served_with_its_interval(root: Path, tmp_path: Path, sqlite_books: Books) -> None:
    daily = "dev:tap-emag-daily-orders-to-target-postgres"
    for state_id in (daily, f"{daily}:backfill", "dev:tap-emag-often-offers-to-target-postgres"):
        sqlite_books.book(state_id, minutes=50, state=SUCCESS, ended=45)
    store = Totals(StateStore(tmp_path))
    live = LiveCollector(store, None, lambda: sqlite_books.runs, timedelta(minutes=15), root)
    found = {
        sample.labels["state_id"]: sample.value
        for metric in live.collect()
        for sample in metric.samples
        if sample.name == f.JOB_INTERVAL.name
    }
    assert found == {daily: DAY, "dev:tap-emag-often-offers-to-target-postgres": math.inf}
