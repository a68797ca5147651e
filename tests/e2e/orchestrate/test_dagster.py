"""The real Dagster runs the real Meltano: what it loads, what it knows of it, how it fails.

Its environment, its home and each command that `docs/dagster.md` shows are that page's.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psutil
import pytest

from emag_sandbox import Sandbox, SandboxConfig
from orchestrate.meltano.schedules import TAP_SECONDS
from tests.e2e.acceptance.comparison import differences
from tests.e2e.acceptance.truth import Truth
from tests.e2e.monitoring.servers import free_port, read
from tests.e2e.orchestrate.dagster_host import LOAD, PAGE, Dagster, looking
from tests.e2e.orchestrate.page import CHECKOUT, block, commands
from tests.support.accounts import MANY, write_accounts
from tests.support.declared import declared
from tests.support.failing_loader import causes
from tests.support.meltano_project import MeltanoProject, project_with

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from emag_sandbox.postgres.server import Postgres

# Servers and whole jobs take their time on a busy machine.
pytestmark = [pytest.mark.meltano, pytest.mark.timeout(1800)]

ORDERS = "dev:tap-emag-orders-to-target-postgres"
ORDER_TABLES = ("orders", "order_lines", "order_vouchers", "order_attachments")
PROJECT = declared()
Events = list[dict[str, Any]]


@dataclass(frozen=True)
class Loaded:
    """A shop whose orders and offers were loaded as assets, after one request had failed."""

    dagster: Dagster
    truth: Truth
    events: Events

    def materialization(self, asset: str) -> dict[str, Any]:
        (found,) = (e for e in of_type(self.events, "ASSET_MATERIALIZATION") if e["asset"] == asset)
        told: dict[str, Any] = found["metadata"]
        return told


def alive(process: psutil.Process) -> bool:
    """Tell whether a process runs; one that waits to be fetched by its parent does not."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    with Sandbox(SandboxConfig(orders=60, offers=30, history_days=20, limits=False)) as shop:
        yield shop


@pytest.fixture(scope="module")
def new_dagster(
    shop: Sandbox,
    postgres: Postgres,
    meltano_plugins: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Dagster]]:
    """Make Dagsters, each with an empty database and no memory."""
    names = []

    def make(**tap_settings: Any) -> Dagster:  # noqa: ANN401 - as many types as settings
        names.append(f"tap_emag_test_{uuid4().hex[:12]}")
        database = postgres.create_database(names[-1])
        folder = tmp_path_factory.mktemp("dagster")
        project = MeltanoProject(
            folder, database, shop.url, plugins=meltano_plugins, **tap_settings
        )
        return Dagster(project, folder / "checkout", look)

    with looking() as look:
        yield make
    for name in names:
        postgres.drop_database(name)


@pytest.fixture(scope="module")
def loaded(shop: Sandbox, new_dagster: Callable[..., Dagster]) -> Loaded:
    dagster = new_dagster(retry_max_attempts=1, max_concurrent_requests=1)
    # A count, which a run can do without, a page, and the two requests that would show that only
    # this resource fails.
    shop.set(fail_next=["500"] * 4)
    [_, materialize] = commands(PAGE, LOAD)
    ended = dagster.paste(materialize)
    assert ended.code == 0, ended.output
    return Loaded(dagster, Truth.of(shop.world), dagster.look("events"))


def of_type(events: Events, kind: str) -> Events:
    return [event for event in events if event["type"] == kind]


def test_assets_load_exactly_what_the_shop_has(loaded: Loaded) -> None:
    assert differences(loaded.dagster.project.postgres, loaded.truth) == []


def test_what_may_pass_is_tried_again(loaded: Loaded) -> None:
    (again,) = of_type(loaded.events, "STEP_UP_FOR_RETRY")
    assert "eMAG answered HTTP 500" in again["reason"]


def test_a_materialization_tells_rows_bookmark_and_duration(loaded: Loaded) -> None:
    told, project = loaded.materialization("main/orders"), loaded.dagster.project
    counts = project.results.counts()
    assert {table: told["rows_by_stream"][table] for table in ORDER_TABLES} == {
        table: counts[table] for table in ORDER_TABLES
    }
    assert told["rows"] == sum(told["rows_by_stream"].values())
    assert told["state_ids"] == [ORDERS]
    bookmarks = [
        datetime.fromisoformat(partition["replication_key_value"]).timestamp()
        for partition in project.state(ORDERS)["bookmarks"]["orders"]["partitions"]
    ]
    assert told["bookmark"] == min(bookmarks)
    assert 1 < told["duration_seconds"] < 60


def test_meltano_books_the_same_run_and_who_started_it(loaded: Loaded) -> None:
    with closing(sqlite3.connect(loaded.dagster.project._database)) as connection:
        query = "SELECT run_id, trigger FROM runs WHERE job_name = ? AND state = 'SUCCESS'"
        ((run_id, trigger),) = connection.execute(query, [ORDERS]).fetchall()
    assert UUID(run_id) == UUID(loaded.materialization("main/orders")["run_id"])
    assert trigger == "dagster"


def test_the_log_has_the_taps_lines_but_no_measurements(loaded: Loaded) -> None:
    lines = [event["text"] for event in of_type(loaded.events, "LOG")]
    assert any(line.startswith("tap-emag-orders: orders: 60 rows") for line in lines), lines
    assert [line for line in lines if "METRIC" in line] == []


def test_a_loader_that_fails_is_reported_in_its_own_words(
    new_dagster: Callable[..., Dagster],
) -> None:
    dagster = new_dagster()
    usual = dict(dagster.environ)
    for cause in causes(dagster.project.postgres):
        dagster.environ.update({**usual, **cause.variables})
        [failure] = of_type(dagster.look("one_try"), "STEP_FAILURE")
        assert cause.is_reason(failure["description"]), f"{cause.name}: {failure}"
        dagster.environ.update(usual)


def test_refused_credentials_fail_at_once_with_the_taps_own_message(
    shop: Sandbox, new_dagster: Callable[..., Dagster]
) -> None:
    dagster = new_dagster(password="wrong", max_concurrent_requests=1)
    shop.log.clear()
    assert dagster.execute("orders").code != 0
    events = dagster.look("events")
    (failure,) = of_type(events, "STEP_FAILURE")
    assert re.fullmatch(
        r"tap-emag-orders: order/\w+: eMAG refuses the user or password \(HTTP 403\)\."
        r" Check .* has the API right",
        failure["description"],
    )
    assert failure["metadata"]["exit_codes_of_plugins"] == {"extractors": 3}
    assert of_type(events, "STEP_UP_FOR_RETRY") == []
    assert len(shop.log) == 3  # orders, and the two that show that it is not only these


def test_a_job_that_is_ended_is_not_tried_again_and_leaves_no_process_behind(
    shop: Sandbox, new_dagster: Callable[..., Dagster]
) -> None:
    dagster = new_dagster(max_concurrent_requests=1)
    shop.log.clear()
    shop.set(latency=1.0)
    try:
        process = dagster.start_job("orders")
        limit = time.monotonic() + 300
        while not len(shop.log) and time.monotonic() < limit:
            time.sleep(0.05)
        below = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        _, told = process.communicate(timeout=300)
    finally:
        shop.set(latency=0.0)
    assert process.returncode != 0
    assert "was ended from outside" in told
    assert "Started re-execution" not in told
    assert len(below) >= len(("meltano", "tap", "loader"))
    assert [child for child in below if alive(child)] == []
    assert dagster.project.last_run() == "FAIL"


def test_a_try_that_takes_too_long_is_ended_and_tried_again(
    shop: Sandbox, new_dagster: Callable[..., Dagster]
) -> None:
    dagster = new_dagster(max_concurrent_requests=1)
    # Long enough for a busy machine's Meltano to note its run, which takes seconds of imports.
    dagster.environ["EMAG_LONGEST_SECONDS"] = "25"
    shop.set(latency=60.0)
    try:
        assert dagster.execute("orders").code != 0
    finally:
        shop.set(latency=0.0)
    events = dagster.look("events")
    assert len(of_type(events, "STEP_UP_FOR_RETRY")) == 2
    (failure,) = of_type(events, "STEP_FAILURE")
    over = "EMAG_LONGEST_SECONDS (25) is over; the last words were: "
    assert failure["description"].startswith(over)
    assert len(failure["description"]) > len(over)
    assert 25 <= failure["metadata"]["duration_seconds"] < 60
    assert dagster.project.last_run() == "FAIL"


@pytest.fixture(scope="module")
def defined(new_dagster: Callable[..., Dagster]) -> dict[str, Any]:
    found: dict[str, Any] = new_dagster().look("definitions")
    return found


def test_schedules_are_meltanos_and_off_at_first(defined: dict[str, Any]) -> None:
    assert PROJECT["schedules"]
    assert defined["schedules"] == {
        each["name"].replace("-", "_"): {
            "cron": each["interval"],
            "zone": "UTC",
            "job": each["job"].replace("-", "_"),
            "status": "STOPPED",
        }
        for each in PROJECT["schedules"]
    }


def test_a_schedule_leaves_out_a_time_at_which_its_job_still_runs(defined: dict[str, Any]) -> None:
    assert defined["asked"] == [1, 0]


def test_each_account_has_its_assets_and_its_pool(defined: dict[str, Any]) -> None:
    groups = ("orders", "orders_nightly", "orders_weekly", "offers", "returns", "reference")
    assert defined["assets"] == {
        f"{account}/{group}": {
            "group": account,
            "kinds": ["meltano", "postgres"],
            "tags": {"emag/account": account, "emag/group": group},
            "pools": [f"emag_{account}"],
        }
        for account in ("main", "fbe")
        for group in groups
    }


def test_accounts_of_a_table_have_assets_pools_and_tags(
    new_dagster: Callable[..., Dagster], meltano_plugins: Path, tmp_path: Path
) -> None:
    dagster = new_dagster()
    root = project_with(meltano_plugins, tmp_path / "project")
    dagster.project.pipeline.folder = root
    accounts = [name.replace("-", "_") for name in write_accounts(root, MANY)]
    found = dagster.look("definitions")
    pools: dict[str, set[str]] = {account: set() for account in ("main", *accounts)}
    for asset in found["assets"].values():
        pools[asset["tags"]["emag/account"]] |= {*asset["pools"]}
    assert pools == {account: {f"emag_{account}"} for account in pools}
    assert len(found["assets"]) == len(found["schedules"]) == 6 * len(pools)
    assert found["jobs"][f"{accounts[0]}_orders"]["emag/account"] == accounts[0]


def test_a_run_is_given_more_time_than_its_tap(defined: dict[str, Any]) -> None:
    tags = defined["jobs"]["fbe_orders"]
    assert (
        tags.items()
        >= {
            "emag/account": "fbe",
            "emag/group": "orders",
            "meltano/job": "fbe-orders",
        }.items()
    )
    assert float(tags["dagster/max_runtime"]) > 3 * TAP_SECONDS


def test_the_sensor_starts_the_clean_up_when_a_run_is_stuck(
    new_dagster: Callable[..., Dagster],
) -> None:
    dagster = new_dagster()
    assert dagster.look("sensor") == {"runs": 0, "skipped": "no run is stuck"}
    long_ago = datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(hours=1)
    with closing(sqlite3.connect(dagster.project._database)) as connection, connection:
        connection.execute(
            "INSERT INTO runs (job_name, run_id, state, started_at, last_heartbeat_at, payload,"
            " payload_flags, trigger) VALUES (?, ?, 'RUNNING', ?, ?, '{}', 0, 'cron')",
            [ORDERS, uuid4().hex, str(long_ago), str(long_ago)],
        )
    assert dagster.look("sensor") == {"runs": 1, "skipped": None}
    [preview, clean_up] = commands(PAGE, ".dagster/venv/bin/dagster sensor preview")
    shown = dagster.paste(preview)
    assert shown.code == 0, shown.output
    assert "run requests for 1 run(s)" in shown.output
    ended = dagster.paste(clean_up)
    assert ended.code == 0, ended.output
    assert dagster.project.last_run() == "FAIL"


def test_a_full_refresh_is_asked_for_by_a_run_s_variables(loaded: Loaded) -> None:
    dagster = loaded.dagster
    assert "`--config refresh.yaml`" in (CHECKOUT / "docs" / PAGE).read_text(encoding="utf-8")
    (dagster.checkout / "refresh.yaml").write_text(block(PAGE, "ops:\n"), encoding="utf-8")
    [load, _] = commands(PAGE, LOAD)
    done = dagster.paste(f"{load} --config refresh.yaml")
    assert done.code == 0, done.output
    [told] = [e["metadata"] for e in of_type(dagster.look("events"), "ASSET_MATERIALIZATION")]
    assert told["rows_by_stream"]["orders"] == len(loaded.truth.tables["orders"])


def test_its_servers_serve_the_page_and_schedules_are_turned_on(
    new_dagster: Callable[..., Dagster],
) -> None:
    dagster = new_dagster()
    [_, develop] = commands(PAGE, "export DAGSTER_HOME")
    [daemon, webserver] = commands(PAGE, ".dagster/venv/bin/dagster-daemon run")
    with serves(dagster, f"{develop} --port={{port}}"):
        pass
    with serves(dagster, webserver.replace("3000", "{port}"), daemon):
        pass
    shown = [
        dagster.paste(command)
        for beginning in (
            ".dagster/venv/bin/dagster schedule start",
            ".dagster/venv/bin/dagster instance concurrency",
        )
        for command in commands(PAGE, beginning)
    ]
    assert [each.code for each in shown] == [0] * len(shown), shown
    names = re.findall(r"Schedule: (\S+) \[RUNNING\]", shown[2].output)
    assert len(names) == len(PROJECT["schedules"])


@contextmanager
def serves(dagster: Dagster, server: str, *others: str) -> Iterator[None]:
    """Start servers, wait until the first one answers and all live, end them."""
    port = free_port()
    started = [
        dagster.start(command.format(port=port), own_session=True) for command in (server, *others)
    ]
    try:
        wait_for_page(f"http://127.0.0.1:{port}/server_info", started)
        yield
    finally:
        for each in started:
            os.killpg(each.pid, signal.SIGKILL)  # with what it has started
            each.communicate(timeout=60)


def wait_for_page(url: str, started: list[subprocess.Popen[str]]) -> None:
    until = time.monotonic() + 300
    while True:
        assert [each.poll() for each in started] == [None] * len(started)
        with suppress(OSError):
            read(url)
            return
        assert time.monotonic() < until, f"{url} did not come about"
        time.sleep(0.3)
