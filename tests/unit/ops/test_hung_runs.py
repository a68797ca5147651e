"""No run stays RUNNING for ever, though a hung tap looks alive to Meltano."""

from __future__ import annotations

import signal
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.e2e.acceptance.comparison import differences
from tests.e2e.acceptance.truth import ORDER_TABLES, Truth
from tests.support.meltano_project import project_with
from tests.unit.ops.hung import (
    NOW,
    PAIR,
    STATE_ID,
    HungRun,
    clean_up,
    lives,
    stop_for_good,
    wait_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.meltano_project import MeltanoProject

pytestmark = pytest.mark.meltano

ORDERS = 150
MELTANOS_OWN_LOCK = 300  # seconds


@pytest.fixture
def shop() -> Iterator[Sandbox]:
    """A shop that answers the first questions and then nothing more."""
    config = SandboxConfig(orders=ORDERS, offers=0, history_days=20, seed=6)
    with Sandbox(config) as shop:
        shop.set(fail_next=["ok"] * 3 + ["hang"] * 1000)
        yield shop


@pytest.fixture
def project(shop: Sandbox, meltano_project: Callable[..., MeltanoProject]) -> MeltanoProject:
    return meltano_project(shop.url, start_date="2025-08-01", request_timeout_seconds=600)


@pytest.fixture
def hung(project: MeltanoProject, shop: Sandbox) -> Iterator[HungRun]:
    run = HungRun(project, shop)
    yield run
    run.abandon()


def hang_the_target(run: HungRun) -> None:
    stop_for_good(run.target)


def kill_meltano(run: HungRun) -> None:
    stop_for_good(run.tap)
    run.meltano.kill()
    run.meltano.wait()
    wait_for(lambda: not lives(run.target))  # it has come to the end of its input


def restart_the_machine(run: HungRun) -> None:
    for each in run.living():
        each.send_signal(signal.SIGKILL)
    run.meltano.wait()
    wait_for(lambda: not run.living())
    time.sleep(1)


@pytest.mark.parametrize("disaster", [hang_the_target, kill_meltano, restart_the_machine])
def test_the_clean_up_ends_a_run_and_the_next_one_brings_everything(
    hung: HungRun, project: MeltanoProject, shop: Sandbox, disaster: Callable[[HungRun], None]
) -> None:
    disaster(hung)
    assert project.last_run() == "RUNNING"
    assert len(hung.passwords()) == 2
    survivors = {each.pid for each in hung.living()}

    report = clean_up(project, *NOW)

    [cleaned] = report["cleaned"]
    assert cleaned["state_id"] == STATE_ID
    assert cleaned["still_alive"] == []
    assert {int(each.split()[-1]) for each in cleaned["processes"]} == survivors
    wait_for(lambda: not hung.living(), 10)
    assert last_row(project) == ("FAIL", cleaned["error"])
    assert hung.passwords() == []

    shop.set(fail_next=[])
    project.run(*PAIR)
    assert project.last_run() == "SUCCESS"
    assert differences(project.postgres, Truth.of(shop.world), ORDER_TABLES) == []


def test_a_job_cleans_up_first_so_that_it_can_run_when_its_tap_has_hung(
    project: MeltanoProject, shop: Sandbox, meltano_plugins: Path, tmp_path: Path
) -> None:
    # In this project a run is old at once, as nothing but time makes processes old.
    project.pipeline.folder = project_with(meltano_plugins, tmp_path / "project")
    file = project.pipeline.folder / "meltano.yml"
    name = "cleanup-stuck-runs: cleanup-stuck-runs"
    file.write_text(file.read_text().replace(name, f"{name} {' '.join(NOW)}"))
    hung = HungRun(project, shop)
    try:
        # The tap's own watch is stopped with it, and Meltano signs the run as if all was well.
        stop_for_good(hung.tap)
        refused = project.run(*PAIR, check=False)
        assert "already running" in refused.output
        shop.set(fail_next=[])

        result = project.run("orders")

        assert "Cleaned up 1 stuck run." in result.output
        wait_for(lambda: not hung.living(), 10)
        assert hung.passwords() == []
        assert states(project) == ["FAIL", "SUCCESS"]
        assert differences(project.postgres, Truth.of(shop.world), ORDER_TABLES) == []
    finally:
        hung.abandon()


def test_a_job_runs_at_once_after_its_meltano_was_killed(
    hung: HungRun, project: MeltanoProject, shop: Sandbox
) -> None:
    hung.meltano.kill()
    hung.meltano.wait()
    killed = time.monotonic()
    # No process has asked the tap to end, and the API answers nothing: the tap sees it by itself.
    wait_for(lambda: not hung.living(), 10)
    assert "already running" in project.run(*PAIR, check=False).output
    shop.set(fail_next=[])

    result = project.run("orders")

    assert "Cleaned up 1 stuck run." in result.output
    assert "its Meltano is gone" in result.output
    assert time.monotonic() - killed < MELTANOS_OWN_LOCK / 2
    assert hung.passwords() == []
    assert states(project) == ["FAIL", "SUCCESS"]
    assert differences(project.postgres, Truth.of(shop.world), ORDER_TABLES) == []


def test_a_clean_up_ends_no_run_that_is_well(hung: HungRun, project: MeltanoProject) -> None:
    # It waits for the API, and Meltano signs it: the limits are still far.
    report = clean_up(project)
    assert (report["cleaned"], report["left_alone"], report["leftovers"]) == ([], [], [])
    assert report["removed_files"] == []
    assert len(hung.living()) == 3
    assert len(hung.passwords()) == 2


def test_a_meltano_that_waits_for_ever_for_a_tap_it_has_told_to_end_is_ended(
    project: MeltanoProject, shop: Sandbox
) -> None:
    # `meltano run --timeout` books the run as failed, asks the tap to end, and has no second plan.
    run = HungRun(project, shop, "--timeout", "40", *PAIR)
    try:
        stop_for_good(run.tap)
        wait_for(lambda: project.last_run() == "FAIL")
        time.sleep(3)
        left = {each.pid for each in run.living()}
        assert {run.meltano.pid, run.tap.pid} <= left

        report = clean_up(project, *NOW)

        assert report["cleaned"] == []
        [leftover] = report["leftovers"]
        assert {int(each.split()[-1]) for each in leftover["processes"]} == left
        wait_for(lambda: not run.living(), 10)
        assert run.passwords() == []
        assert last_row(project)[0] == "FAIL"
    finally:
        run.abandon()


def last_row(project: MeltanoProject) -> tuple[str, Any]:
    query = "SELECT state, json_extract(payload, '$.error') FROM runs ORDER BY id DESC LIMIT 1"
    with closing(sqlite3.connect(database(project))) as connection:
        state, error = connection.execute(query).fetchone()
    return state, error


def states(project: MeltanoProject) -> list[str]:
    with closing(sqlite3.connect(database(project))) as connection:
        return [row[0] for row in connection.execute("SELECT state FROM runs ORDER BY id")]


def database(project: MeltanoProject) -> str:
    return project.pipeline.environment["MELTANO_DATABASE_URI"].removeprefix("sqlite:///")
