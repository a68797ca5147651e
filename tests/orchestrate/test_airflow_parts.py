"""What the DAGs are made of, without Airflow: schedules, processes, callbacks."""

from __future__ import annotations

import os
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from emag_meltano import callbacks
from emag_meltano.process import Process
from emag_meltano.project import MeltanoError, Project
from emag_meltano.schedules import (
    Schedule,
    Task,
    _remember,
    _remembered,
    accounts,
    schedules,
)
from tests.orchestrate.environments import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

MELTANO = str(Path(sys.executable).with_name("meltano"))
CANNOT_START = r"/nowhere/meltano .* cannot be started: No such file"
SAYS = "password: is missing; set it, or TAP_EMAG_PASSWORD"


STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(os.getpid(), flush=True)
time.sleep(60)
"""


@pytest.fixture
def stubborn(tmp_path: Path) -> Iterator[tuple[Process, list[psutil.Process]]]:
    """A command that ignores SIGTERM and has a child, and both as processes."""
    process = Process([sys.executable, "-c", STUBBORN], tmp_path, dict(os.environ))
    leader = psutil.Process(int(next(process.lines())))
    yield process, [leader, *leader.children()]
    process.end(0)


def test_what_ignores_sigterm_is_killed_with_its_children(
    stubborn: tuple[Process, list[psutil.Process]],
) -> None:
    process, family = stubborn
    assert len(family) == 2
    begin = time.monotonic()
    process.end(grace=0.3)
    assert time.monotonic() - begin < 5
    assert gone(family)
    assert process.wait() == -9


def test_a_signal_handler_does_not_wait_for_that(
    stubborn: tuple[Process, list[psutil.Process]],
) -> None:
    process, family = stubborn
    begin = time.monotonic()
    process.ask_to_end(grace=2)
    assert time.monotonic() - begin < 2
    assert list(process.lines()) == []
    assert process.wait() == -9
    psutil.wait_procs(family, timeout=5)
    assert [each for each in family if alive(each)] == []


def test_what_has_ended_in_order_is_left_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; print('ț'); sys.exit(3)"]
    process = Process(command, tmp_path, {**os.environ, "PYTHONIOENCODING": "utf-8"})
    assert list(process.lines()) == ["ț\n"]
    assert process.wait() == 3
    begin = time.monotonic()
    process.end(grace=5)
    assert time.monotonic() - begin < 4
    assert process.wait() == 3


def test_children_that_outlive_their_parent_are_ended(tmp_path: Path) -> None:
    child = "import subprocess, sys; print(subprocess.Popen(['sleep', '60'], stdout=2).pid)"
    process = Process([sys.executable, "-c", child], tmp_path, dict(os.environ))
    orphan = psutil.Process(int(next(process.lines())))
    assert process.wait() == 0
    assert alive(orphan)
    process.end(grace=5)
    assert gone([orphan])


def gone(processes: list[psutil.Process], within: float = 5) -> bool:
    """Wait until they are; a process that was killed takes a moment to end."""
    until = time.monotonic() + within
    while any(alive(each) for each in processes) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(alive(each) for each in processes)


def alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def test_a_failure_is_logged_with_the_last_thing_the_tap_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    callbacks.log_failure({"exception": Exception(f"one\n{SAYS}\n")})
    assert [record.getMessage() for record in caplog.records] == [f"a task has failed: {SAYS}"]
    callbacks.log_failure({})
    assert "no reason given" in caplog.text


def test_another_function_may_be_called_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    assert callbacks.chosen() is callbacks.log_failure
    monkeypatch.setenv(callbacks.VARIABLE, "os.path.basename")
    chosen: object = callbacks.chosen()
    assert chosen is os.path.basename
    for wrong in ("os.path.nowhere", "nowhere.function", "word"):
        monkeypatch.setenv(callbacks.VARIABLE, wrong)
        with pytest.raises(ImportError, match=f"EMAG_ON_FAILURE={wrong} names no function"):
            callbacks.chosen()


def test_the_project_is_the_checkout_unless_another_is_named(tmp_path: Path) -> None:
    found = Project.from_environment({})
    assert (found.root, found.command, found.environment) == (CHECKOUT, MELTANO, "dev")
    named = {"MELTANO_ENVIRONMENT": "prod", "MELTANO": MELTANO}
    (tmp_path / "meltano.yml").write_text("", encoding="utf-8")
    found = Project.from_environment({**named, "MELTANO_PROJECT_ROOT": str(tmp_path)})
    assert (found.root, found.command, found.environment) == (tmp_path, MELTANO, "prod")


def test_the_environment_is_the_one_that_meltano_itself_would_take(tmp_path: Path) -> None:
    def environment(**named: str) -> str:
        variables = {"MELTANO": MELTANO, "MELTANO_PROJECT_ROOT": str(tmp_path), **named}
        return Project.from_environment(variables).environment

    (tmp_path / "meltano.yml").write_text("jobs: []\n", encoding="utf-8")
    assert environment() == ""
    (tmp_path / "meltano.yml").write_text("a: b\ndefault_environment: dev\n", encoding="utf-8")
    assert environment() == "dev"
    (tmp_path / ".env").write_text("A=B\nMELTANO_ENVIRONMENT='prod'\n", encoding="utf-8")
    assert environment() == "prod"
    assert environment(MELTANO_ENVIRONMENT="trial") == "trial"


def test_meltano_sees_nothing_of_airflows_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://a:secret@db/airflow")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("TAP_EMAG_MARKETPLACE", "emag_hu")
    seen = Project(CHECKOUT, MELTANO, "prod").variables({"MORE": "1"})
    assert "secret" not in str(seen.values())
    assert "PYTHONPATH" not in seen
    assert (seen["TAP_EMAG_MARKETPLACE"], seen["MORE"]) == ("emag_hu", "1")
    assert seen["MELTANO_ENVIRONMENT"] == "prod"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project's own `meltano.yml` in a folder that may be changed."""
    shutil.copy(CHECKOUT / "meltano.yml", tmp_path)
    monkeypatch.delenv("MELTANO_ENVIRONMENT", raising=False)
    monkeypatch.delenv("MELTANO_DATABASE_URI", raising=False)
    return Project.from_environment({"MELTANO_PROJECT_ROOT": str(tmp_path), "MELTANO": MELTANO})


@pytest.mark.meltano
def test_meltano_is_asked_again_only_when_something_has_changed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = schedules(project)
    assert accounts(known) == ["emag_ro_fbe", "emag_ro_main"]
    assert known[0].tasks[-1].limit == 600
    mute = replace(project, command="/nowhere/meltano")
    assert schedules(mute) == known
    (project.root / ".env").write_text("TAP_EMAG_SYNC_TIMEOUT_SECONDS=1800\n", encoding="utf-8")
    with pytest.raises(MeltanoError, match=CANNOT_START):
        schedules(mute)
    monkeypatch.setenv("TAP_EMAG_FBE_SYNC_TIMEOUT_SECONDS", "0")
    monkeypatch.setenv("TAP_EMAG_FBE_MARKETPLACE", "emag_hu")
    with (project.root / "meltano.yml").open("a", encoding="utf-8") as file:
        file.write("- {name: twice, interval: '@daily', job: orders, env: {A: '1'}}\n")
    found = {each.name: each for each in schedules(project)}
    assert list(found) == [*(each.name for each in known), "twice"]
    assert found["twice"].tasks == found["orders"].tasks
    assert (found["twice"].cron, found["twice"].variables) == ("0 0 * * *", {"A": "1"})
    reads = {name: each.tasks[-1] for name, each in found.items()}
    assert (reads["orders"].account, reads["orders"].limit) == ("emag_ro_main", 1800)
    assert (reads["fbe-orders"].account, reads["fbe-orders"].limit) == ("emag_hu_fbe", 0)


def test_what_is_remembered_is_what_was_known(tmp_path: Path) -> None:
    known = [Schedule("once", None, (Task(("a:b",)), Task(("c", "d"), "e_f", 1.5)), {"A": "1"})]
    memory = tmp_path / "folder" / "memory.json"
    _remember(memory, "key", known)
    assert _remembered(memory, "key") == known
    assert _remembered(memory, "another") is None
    assert [each.name for each in memory.parent.iterdir()] == [memory.name]
    memory.write_text(memory.read_text(encoding="utf-8")[:-9], encoding="utf-8")
    assert _remembered(memory, "key") is None


def test_where_nothing_can_be_written_nothing_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file", encoding="utf-8")
    memory = tmp_path / "folder" / "memory.json"
    _remember(memory, "key", [])
    assert _remembered(memory, "key") is None


@pytest.mark.meltano
def test_what_meltano_cannot_read_is_told(project: Project) -> None:
    (project.root / "meltano.yml").write_text("jobs: [unfinished", encoding="utf-8")
    with pytest.raises(MeltanoError, match=r"schedule list --format=json` in .* ended with code 1"):
        schedules(project)
