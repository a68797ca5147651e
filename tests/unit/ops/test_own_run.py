"""A tap finds the run of Meltano that it belongs to, if any."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tap_emag.meltano.caller import is_invoked
from tap_emag.meltano.own_run import RecordedRun, own_run
from tap_emag.meltano.system_database import query
from tests.unit.ops.booked import STATE_ID
from tests.unit.ops.hung import HungRun, wait_for
from tests.unit.ops.reported import events

if TYPE_CHECKING:
    from tests.unit.ops.booked import Books
    from tests.unit.ops.reported import Jobs


def test_a_tap_finds_its_own_run_and_no_other(books: Books) -> None:
    environment = {
        **books.environment,
        "MELTANO_ENVIRONMENT": "dev",
        "MELTANO_EXTRACTOR_NAME": "tap-emag-orders",
    }
    books.book("dev:tap-emag-orders-extra-to-target-postgres")
    books.book(minutes=9, heartbeat=8)  # killed: it stays recorded as running
    assert own_run(environment) is None
    books.book(state="SUCCESS", ended=0)
    own = books.book()
    assert own_run(environment) == RecordedRun(STATE_ID, own.run_id)
    assert own_run({**environment, "MELTANO_ENVIRONMENT": "prod"}) is None
    assert own_run({}) is None


@pytest.mark.parametrize("name", ["plain", "with space", "a#b", "100%41", "ș"])
def test_a_project_s_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    with closing(sqlite3.connect(folder / "meltano.db")) as connection, connection:
        connection.execute("CREATE TABLE state (state_id)")
        connection.execute("INSERT INTO state VALUES ('dev:a')")
    for options in ("", "?timeout=5"):
        address = f"sqlite:///{folder}/meltano.db{options}"
        assert query(address, "SELECT state_id FROM state") == [("dev:a",)]
    assert [each.name for each in tmp_path.iterdir()] == [name]
    with pytest.raises(sqlite3.OperationalError):
        query(f"sqlite:///{folder}/other.db", "SELECT 1")
    assert not (folder / "other.db").exists()


def test_a_tap_finds_its_run_by_the_clock_that_signs_it(books: Books) -> None:
    environment = {
        **books.environment,
        "MELTANO_ENVIRONMENT": "dev",
        "MELTANO_EXTRACTOR_NAME": "tap-emag-orders",
    }
    now = datetime.now(timezone.utc)
    own = books.book(minutes=10, heartbeat=10)
    found = RecordedRun(STATE_ID, own.run_id)
    assert own_run(environment, now - timedelta(minutes=10)) == found
    assert own_run(environment, now) is None


@pytest.mark.meltano
def test_a_plugin_invoked_while_its_job_runs_has_a_run_id_of_its_own(jobs: Jobs) -> None:
    jobs.shop.set(fail_next=["hang"] * 1000)
    run = HungRun(jobs.project, jobs.shop, "orders")
    try:
        jobs.shop.set(fail_next=[])
        jobs.project.pipeline.call("invoke", "tap-emag-orders", check=False)
        [invoked] = events(jobs.receiver)
        assert invoked["run_id"] != jobs.listed()["run_id"]
        assert is_invoked(run.tap.pid) is False
    finally:
        run.abandon()


@pytest.mark.parametrize("proc", ["/proc", "/nowhere"])
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--environment dev invoke tap-emag", True),
        ("run --full-refresh tap-emag target-postgres", False),
        ("--log-level debug run invoke", False),
        ("schedule run orders", False),
    ],
)
def test_the_command_of_meltano_is_seen_by_proc_and_by_ps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proc: str, words: str, expected: bool
) -> None:
    monkeypatch.setattr("tap_emag.meltano.caller.PROC", Path(proc))
    meltano = tmp_path / "meltano"
    meltano.write_text("import subprocess; subprocess.run(['sleep', '60'])")
    with subprocess.Popen([sys.executable, str(meltano), *words.split()]) as process:
        try:
            wait_for(lambda: bool(psutil.Process(process.pid).children()))
            [child] = psutil.Process(process.pid).children()
            assert is_invoked(child.pid) is expected
            assert not is_invoked(process.pid)
        finally:
            child.kill()
            process.wait(10)
