"""Airflow runs what Meltano has scheduled: the real Airflow, Meltano, loader and database.

Its environment, its variables and each command that `docs/airflow.md` shows are that page's.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import sys
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.e2e.acceptance.comparison import differences
from tests.e2e.acceptance.truth import OF_ORDERS, Truth
from tests.e2e.monitoring.servers import free_port, read
from tests.e2e.orchestrate.airflow_home import PAGE, AirflowHome, for_airflow
from tests.e2e.orchestrate.page import block, commands
from tests.repository.test_docs import _blocks
from tests.support.accounts import MANY, write_accounts
from tests.support.declared import declared as declared_by_the_project
from tests.support.failing_loader import causes
from tests.support.meltano_project import project_with

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.meltano_project import MeltanoProject

# Servers and whole jobs take their time on a busy machine.
pytestmark = [pytest.mark.meltano, pytest.mark.timeout(1800)]

Shape = dict[str, Any]  # of all DAGs, see airflow_shape.py

SHOP = SandboxConfig(orders=60, offers=10, history_days=30)
MAIN, FBE = "emag_ro_main", "emag_ro_fbe"
SIDES = ("tap-emag", "emag-loader")
RUN = re.compile(r"meltano \S+ \S+ run \S+ tap-emag-orders target-postgres")


@pytest.fixture(scope="module")
def airflow(
    meltano_plugins: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowHome]:
    """An Airflow whose database is made, and that knows no pool yet."""
    home = AirflowHome(tmp_path_factory.mktemp("airflow"), meltano_plugins)
    [migrate, *_] = commands(PAGE, "airflow db migrate")
    migrated = home.paste(migrate)
    assert migrated.code == 0, migrated.output
    with home.opened():
        yield home


@pytest.fixture(scope="module")
def shape(airflow: AirflowHome) -> Shape:
    return airflow.shape()


@pytest.fixture(scope="module")
def declared() -> dict[str, Any]:
    return declared_by_the_project()


def test_each_schedule_is_a_dag(shape: Shape, declared: dict[str, Any]) -> None:
    assert shape["errors"] == {}
    crons = {name: dag["cron"] for name, dag in shape["dags"].items()}
    assert crons == {f"emag_{each['name']}": each["interval"] for each in declared["schedules"]}
    for dag in shape["dags"].values():
        assert (dag["catchup"], dag["max_active_runs"]) == (False, 1)


def test_what_a_job_runs_is_run_in_its_order_by_as_few_tasks_as_retries_need(
    shape: Shape, declared: dict[str, Any]
) -> None:
    jobs = {job["name"]: " ".join(job["tasks"]).split() for job in declared["jobs"]}
    for schedule in declared["schedules"]:
        first, second = tasks = shape["dags"][f"emag_{schedule['name']}"]["tasks"]
        assert [block for task in tasks for block in task["blocks"]] == jobs[schedule["job"]]
        assert first["blocks"][0] == "emag-ops:cleanup-stuck-runs"
        assert first["blocks"][-1] == "emag-ops:prepare-tables"
        assert second["blocks"][-2:] == ["target-postgres", "emag-ops:report-runs"]
        assert (first["after"], second["after"]) == ([], [first["id"]])
        # A run that has begun goes on before others begin.
        assert {first["weight"], second["weight"]} == {"upstream"}


def test_tasks_that_read_share_their_accounts_pool_and_outlast_the_tap(shape: Shape) -> None:
    for name, dag in shape["dags"].items():
        reading = [task for task in dag["tasks"] if task["id"].startswith("tap-emag")]
        others = [task for task in dag["tasks"] if task not in reading]
        assert {task["pool"] for task in others} == {"default_pool"}
        assert {task["pool"] for task in reading} == {FBE if "fbe" in name else MAIN}
        assert all(task["limit"] > 600 for task in reading)
        for task in dag["tasks"]:
            assert (task["retries"], task["backoff"]) == (3, 2)
            assert task["on_failure"] == ["log_failure"]


def test_another_function_may_be_told_of_failures(airflow: AirflowHome) -> None:
    shape = airflow.shape(EMAG_ON_FAILURE="os.path.basename")
    assert shape["errors"] == {}
    told = {tuple(t["on_failure"]) for dag in shape["dags"].values() for t in dag["tasks"]}
    assert told == {("basename",)}
    (error,) = airflow.shape(EMAG_ON_FAILURE="os.path.nowhere")["errors"].values()
    assert "EMAG_ON_FAILURE=os.path.nowhere names no function" in error


def test_airflow_says_that_meltano_or_its_project_is_missing(
    airflow: AirflowHome, tmp_path: Path
) -> None:
    (error,) = airflow.shape(MELTANO="/nowhere/meltano")["errors"].values()
    assert "there is no command '/nowhere/meltano'" in error
    assert "make setup" in error
    (error,) = airflow.shape(MELTANO_PROJECT_ROOT=str(tmp_path))["errors"].values()
    assert f"there is no meltano.yml in {tmp_path}" in error
    (tmp_path / "meltano.yml").write_text("jobs: [unfinished", encoding="utf-8")
    (error,) = airflow.shape(MELTANO_PROJECT_ROOT=str(tmp_path))["errors"].values()
    assert "schedule list --format=json` in" in error


def test_each_account_has_a_pool_with_one_slot(airflow: AirflowHome, shape: Shape) -> None:
    [_, write, import_] = commands(PAGE, "airflow db migrate")
    made = airflow.paste(f"{write}\n{import_}")
    assert made.code == 0, made.output
    with closing(sqlite3.connect(airflow.folder / "airflow.db")) as database:
        slots = dict(database.execute("SELECT pool, slots FROM slot_pool"))
    assert slots.pop("default_pool") > 1
    assert slots == {MAIN: 1, FBE: 1}
    for dag in shape["dags"].values():
        # Airflow itself does not say that a pool is missing: the task before tells what to do.
        pool = next(t["pool"] for t in dag["tasks"] if t["id"].startswith("tap-emag"))
        assert dag["tasks"][-1]["hint"] == ""
        assert pool in dag["tasks"][0]["hint"]
        assert "write_pools.py" in dag["tasks"][0]["hint"]
        assert pool in dag["doc"]


def test_accounts_of_a_table_have_dags_and_a_pool_each_and_take_them_along(
    airflow: AirflowHome, meltano_plugins: Path, tmp_path: Path
) -> None:
    root = project_with(meltano_plugins, tmp_path / "project")
    named = write_accounts(root, MANY)
    here = {"MELTANO_PROJECT_ROOT": str(root)}
    all_of_them = airflow.shape(**here)
    assert all_of_them["errors"] == {}
    pools = {f"{marketplace}_{name}" for name, marketplace in named.items()} | {MAIN}
    used = {task["pool"] for dag in all_of_them["dags"].values() for task in dag["tasks"]}
    assert used == pools | {"default_pool"}
    assert len(all_of_them["dags"]) == 6 * len(pools)
    [_, write, _] = commands(PAGE, "airflow db migrate")
    printed = airflow.paste(write.partition(" >")[0], here)
    assert json.loads(printed.output).keys() == pools
    *_, last = write_accounts(root, MANY - 1), f"shop-{MANY - 1}"
    fewer = airflow.shape(**here)["dags"]
    assert fewer == {
        name: dag
        for name, dag in all_of_them["dags"].items()
        if not name.startswith(f"emag_{last}-")
    }


def test_the_pages_policy_keeps_an_account_on_its_host(airflow: AirflowHome) -> None:
    [policy] = [each.text for each in _blocks("python") if "def task_policy" in each.text]
    path = airflow.folder / "config" / "airflow_local_settings.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(policy, encoding="utf-8")
    try:
        shape = airflow.fresh_shape()
    finally:
        path.unlink()
    assert shape["errors"] == {}
    for name, dag in shape["dags"].items():
        queues = {task["queue"] for task in dag["tasks"]}
        assert queues == {"host-2" if "fbe" in name else "default"}


def test_a_run_loads_what_the_shop_has(
    airflow: AirflowHome, meltano_project: Callable[..., MeltanoProject]
) -> None:
    with Sandbox(SHOP) as shop:
        project = meltano_project(shop.url)
        truth = Truth.of(shop.world)
        shown = block(PAGE, "airflow dags test")
        done = airflow.paste(shown, for_airflow(project.pipeline.environment))
        assert done.code == 0, done.output
        assert differences(project.postgres, truth, OF_ORDERS) == []
    assert len(truth.tables["orders"]) == SHOP.orders
    assert "Cleaned up 0 stuck runs" in done.output
    assert f"tap-emag-orders: orders: {SHOP.orders} rows" in done.output
    assert booked(project) == [("SUCCESS", "airflow")]


def test_wrong_credentials_fail_with_the_taps_own_words_and_are_not_tried_again(
    airflow: AirflowHome, meltano_project: Callable[..., MeltanoProject]
) -> None:
    with Sandbox(SHOP) as shop:
        project = meltano_project(shop.url, password="a wrong one")
        done = airflow.run(
            "dags", "test", "emag_orders", variables=for_airflow(project.pipeline.environment)
        )
    assert done.code != 0
    said = "tap-emag-orders: order/count: eMAG refuses the user or password"
    assert f"AirflowFailException: {said}" in done.output
    assert f"emag_orders.tap-emag-orders has failed: {said}" in done.output
    assert "up_for_retry" not in done.output
    assert len(RUN.findall(done.output)) == 1
    assert "a wrong one" not in done.output
    assert booked(project) == [("FAIL", "airflow")]


def test_a_loader_that_fails_is_reported_in_its_own_words(
    airflow: AirflowHome, meltano_project: Callable[..., MeltanoProject]
) -> None:
    with Sandbox(SHOP) as shop:
        project = meltano_project(shop.url)
        for cause in causes(project.postgres):
            given = for_airflow({**project.pipeline.environment, **cause.variables})
            # One try: a run of the DAG would wait for minutes, and try again.
            done = airflow.test_task("emag_orders", "tap-emag-orders", given)
            said = f"{cause.name}: {done.output}"
            [reason] = re.findall(r"AirflowException: (target-postgres: .*)", done.output)
            assert cause.is_reason(reason), said
            assert "new_state=up_for_retry" in done.output, said
            assert "BrokenPipe" not in done.output, said


def test_a_task_that_is_killed_leaves_no_process(
    airflow: AirflowHome, meltano_project: Callable[..., MeltanoProject]
) -> None:
    with Sandbox(SandboxConfig(orders=500, offers=10, latency=5)) as shop:
        project = meltano_project(shop.url)
        process = airflow.start(
            "airflow",
            "tasks",
            "test",
            "emag_orders",
            "tap-emag-orders",
            variables=for_airflow(project.pipeline.environment),
        )
        try:
            started = wait_for_both_sides(process)
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=300)
        finally:
            process.kill()
            process.communicate()
    _, alive = psutil.wait_procs(started, timeout=60)
    assert alive == []
    assert "AirflowException: " in output
    assert "new_state=up_for_retry" in output
    assert project.last_run() == "FAIL"


def test_standalone_runs_what_is_unpaused_and_triggered(
    airflow: AirflowHome, meltano_project: Callable[..., MeltanoProject]
) -> None:
    with Sandbox(SHOP) as shop:
        project = meltano_project(shop.url)
        truth = Truth.of(shop.world)
        done = "SELECT run_id FROM dag_run WHERE state = 'success'"
        before = known(airflow, done)  # by `dags test`
        port = str(free_port())
        given = for_airflow(project.pipeline.environment) | {
            "AIRFLOW__API__PORT": port,
            "AIRFLOW__CORE__PARALLELISM": "2",  # not 32 processes that wait for a task
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        }
        database = airflow.paste(block(PAGE, "airflow db migrate"))  # with the pools
        assert database.code == 0, database.output
        process = airflow.start(*block(PAGE, "airflow standalone").split(), variables=given)
        try:
            wait_until(lambda: "emag_orders" in known(airflow, "SELECT dag_id FROM dag"))
            wait_until(lambda: answers(f"http://127.0.0.1:{port}/api/v2/monitor/health"))
            shown = airflow.paste(block(PAGE, "airflow dags unpause"), given)
            assert shown.code == 0, shown.output
            wait_until(lambda: len(known(airflow, done)) > len(before))
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            output, _ = process.communicate(timeout=300)
            sys.stdout.write(output)  # what pytest shows of a test that fails
        assert differences(project.postgres, truth, OF_ORDERS) == []


def known(airflow: AirflowHome, query: str) -> list[str]:
    """Return what Airflow's database holds."""
    with closing(sqlite3.connect(airflow.folder / "airflow.db", timeout=60)) as database:
        return [str(row[0]) for row in database.execute(query)]


def answers(url: str) -> bool:
    with suppress(OSError):
        return bool(read(url))
    return False


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.3)


def wait_for_both_sides(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Wait until a tap and a loader run below a process, and return all that do."""
    lines: list[str] = []
    for _ in range(900):
        assert process.poll() is None, process.communicate()[0]
        with suppress(psutil.Error):
            found = psutil.Process(process.pid).children(recursive=True)
            lines = [" ".join(each.cmdline()) for each in found]
            if all(any(f"{side} --config" in line for line in lines) for side in SIDES):
                return found
        time.sleep(0.1)
    pytest.fail(f"no tap and no loader among {lines}")


def booked(project: MeltanoProject) -> list[tuple[str, str]]:
    """Return how Meltano booked each run, and who started it."""
    path = project.pipeline.environment["MELTANO_DATABASE_URI"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as database:
        return list(database.execute('SELECT state, "trigger" FROM runs ORDER BY id'))
