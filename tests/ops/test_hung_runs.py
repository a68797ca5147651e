"""No run stays RUNNING for ever, though a hung tap looks alive to Meltano."""

from __future__ import annotations

import signal
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tap_emag.sandbox import Sandbox, SandboxConfig
from tests.acceptance.comparison import differences
from tests.acceptance.truth import ORDER_TABLES, Truth
from tests.ops.hung import (
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

    from tests.meltano_project import MeltanoProject

pytestmark = pytest.mark.meltano

ORDERS = 150


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
    wait_for(lambda: not hung.living(), 2)
    assert last_row(project) == ("FAIL", cleaned["error"])
    assert hung.passwords() == []

    shop.set(fail_next=[])
    project.run(*PAIR)
    assert project.last_run() == "SUCCESS"
    assert differences(project.postgres, Truth.of(shop.world), ORDER_TABLES) == []


def test_a_job_cleans_up_first_so_that_it_can_run_when_its_tap_has_hung(
    hung: HungRun, project: MeltanoProject, shop: Sandbox
) -> None:
    # The tap's own watch is stopped with it, and Meltano signs the run as if all was well.
    stop_for_good(hung.tap)
    refused = project.run(*PAIR, check=False)
    assert "already running" in refused.output
    change(project, "UPDATE runs SET started_at = datetime(started_at, '-16 minutes')")
    shop.set(fail_next=[])

    result = project.run("orders")

    assert "Cleaned up 1 stuck run." in result.output
    wait_for(lambda: not hung.living(), 2)
    assert hung.passwords() == []
    with closing(sqlite3.connect(database(project))) as connection:
        states = connection.execute("SELECT state FROM runs ORDER BY id").fetchall()
    assert states == [("FAIL",), ("SUCCESS",)]
    assert differences(project.postgres, Truth.of(shop.world), ORDER_TABLES) == []


def test_a_meltano_that_waits_for_ever_for_a_tap_it_has_told_to_end_is_ended(
    project: MeltanoProject, shop: Sandbox
) -> None:
    # `meltano run --timeout` books the run as failed, asks the tap to end, and has no second plan.
    run = HungRun(project, shop, "--timeout", "12", *PAIR)
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
        wait_for(lambda: not run.living(), 2)
        assert run.passwords() == []
        assert last_row(project)[0] == "FAIL"
    finally:
        run.abandon()


def last_row(project: MeltanoProject) -> tuple[str, Any]:
    query = "SELECT state, json_extract(payload, '$.error') FROM runs ORDER BY id DESC LIMIT 1"
    with closing(sqlite3.connect(database(project))) as connection:
        state, error = connection.execute(query).fetchone()
    return state, error


def change(project: MeltanoProject, statement: str) -> None:
    with closing(sqlite3.connect(database(project))) as connection, connection:
        connection.execute(statement)


def database(project: MeltanoProject) -> str:
    return project.pipeline.environment["MELTANO_DATABASE_URI"].removeprefix("sqlite:///")
