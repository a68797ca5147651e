"""The Meltano project, how it is found and asked, and the memory of its schedules."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrate.meltano.project import MeltanoError, Project
from orchestrate.meltano.schedules import (
    TAP_SECONDS,
    Schedule,
    Task,
    _key,
    _remember,
    _remembered,
    accounts,
    schedules,
)
from tests.e2e.orchestrate.environments import CHECKOUT
from tests.support.meltano_project import project_with

MELTANO = str(Path(sys.executable).with_name("meltano"))
LIMITED = {"TAP_EMAG_SYNC_TIMEOUT_SECONDS": str(TAP_SECONDS)}
CANNOT_START = r"/nowhere/meltano .* cannot be started: No such file .*; .* set MELTANO to the path"


def test_the_shared_package_needs_nothing_but_python() -> None:
    modules = ", ".join(
        f"orchestrate.meltano.{path.stem}"
        for path in (CHECKOUT / "orchestrate" / "meltano").glob("*.py")
        if path.stem != "__init__"
    )
    assert "process" in modules
    # -S: without site-packages.
    subprocess.run([sys.executable, "-S", "-c", f"import {modules}"], cwd=CHECKOUT, check=True)


def test_the_project_is_the_checkout_unless_another_is_named(tmp_path: Path) -> None:
    found = Project.from_environment({})
    assert (found.root, found.command, found.environment) == (CHECKOUT, MELTANO, "dev")
    named = {"MELTANO_ENVIRONMENT": "prod", "MELTANO": MELTANO}
    (tmp_path / "meltano.yml").write_text("", encoding="utf-8")
    found = Project.from_environment({**named, "MELTANO_PROJECT_ROOT": str(tmp_path)})
    assert (found.root, found.command, found.environment) == (tmp_path, MELTANO, "prod")


def test_a_project_without_a_meltano_of_its_own_is_run_by_the_checkouts(tmp_path: Path) -> None:
    (tmp_path / "meltano.yml").write_text("", encoding="utf-8")
    named = {"MELTANO_PROJECT_ROOT": str(tmp_path)}
    assert Project.from_environment(named).command == MELTANO
    beside = tmp_path / ".venv" / "bin" / "meltano"
    beside.parent.mkdir(parents=True)
    beside.symlink_to(MELTANO)
    assert Project.from_environment(named).command == str(beside)


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    for missing in (tmp_path, tmp_path / "nowhere"):
        told = rf"there is no meltano.yml in {missing} .*; set MELTANO_PROJECT_ROOT to its folder"
        with pytest.raises(MeltanoError, match=told):
            Project.from_environment({"MELTANO_PROJECT_ROOT": str(missing)})
        with pytest.raises(MeltanoError, match=told):
            schedules(Project(missing, "meltano", "dev"))
    with pytest.raises(MeltanoError, match="no command '/nowhere/meltano'; run `make setup`"):
        Project.from_environment({"MELTANO": "/nowhere/meltano"})


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


def test_an_environment_is_named_to_meltano_only_if_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MELTANO_ENVIRONMENT", raising=False)
    assert "MELTANO_ENVIRONMENT" not in Project(CHECKOUT, MELTANO).variables({})
    assert Project(CHECKOUT, MELTANO, "prod").variables({})["MELTANO_ENVIRONMENT"] == "prod"


def test_meltano_sees_nothing_of_the_schedulers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://a:secret@db/airflow")
    monkeypatch.setenv("_AIRFLOW_WWW_USER_PASSWORD", "secret")
    foreign = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
    for name in foreign:
        monkeypatch.setenv(name, "/somewhere")
    monkeypatch.setenv("TAP_EMAG_MARKETPLACE", "emag_hu")
    seen = Project(CHECKOUT, MELTANO, "prod").variables({"MORE": "1"})
    assert "secret" not in str(seen.values())
    assert set(foreign) & set(seen) == set()
    assert (seen["TAP_EMAG_MARKETPLACE"], seen["MORE"]) == ("emag_hu", "1")
    assert (seen["MELTANO_ENVIRONMENT"], seen["MELTANO_PROJECT_ROOT"]) == ("prod", str(CHECKOUT))


def test_the_tap_tells_its_levels_unless_another_form_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = Project(CHECKOUT, MELTANO)
    monkeypatch.delenv("TAP_EMAG_LOG_FORMAT", raising=False)
    assert project.variables({})["TAP_EMAG_LOG_FORMAT"] == "json"
    monkeypatch.setenv("TAP_EMAG_LOG_FORMAT", "text")
    assert project.variables({})["TAP_EMAG_LOG_FORMAT"] == "text"


def test_an_answer_that_is_no_json_is_told(tmp_path: Path) -> None:
    answers = tmp_path / "meltano"
    answers.write_text('#!/bin/sh\necho "$1"\n', encoding="utf-8")
    answers.chmod(0o700)
    project = Project(tmp_path, str(answers))
    assert project.ask_json("[1]") == [1]
    with pytest.raises(MeltanoError, match=r"meltano answered no JSON, but 'hello\\n'"):
        project.ask_json("hello")


@pytest.fixture
def project(tmp_path: Path, meltano_plugins: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project's own `meltano.yml` in a folder that may be changed."""
    root = project_with(meltano_plugins, tmp_path / "project")
    monkeypatch.delenv("MELTANO_ENVIRONMENT", raising=False)
    monkeypatch.delenv("MELTANO_DATABASE_URI", raising=False)
    return Project.from_environment({"MELTANO_PROJECT_ROOT": str(root), "MELTANO": MELTANO})


def remember_anything(project: Project, known: list[Schedule]) -> None:
    """Have an answer for the project as it is now, without half a minute of Meltano's."""
    memory = project.root / ".meltano" / "run" / "orchestrate" / "schedules-dev.json"
    _remember(memory, _key(project), known)
    assert schedules(replace(project, command="/nowhere/meltano")) == known


@pytest.mark.meltano
def test_meltano_is_asked_again_only_when_something_has_changed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = schedules(project)
    assert accounts(known) == ["emag_ro_fbe", "emag_ro_main"]
    assert (known[0].tasks[-2].limit, known[0].tasks[-2].variables) == (TAP_SECONDS, LIMITED)
    mute = replace(project, command="/nowhere/meltano")
    assert schedules(mute) == known
    (project.root / ".env").write_text("TAP_EMAG_SYNC_TIMEOUT_SECONDS=1800\n", encoding="utf-8")
    with pytest.raises(MeltanoError, match=CANNOT_START):
        schedules(mute)
    remember_anything(project, known)
    with (project.root / "meltano.yml").open("a", encoding="utf-8") as file:
        file.write("- {name: twice, interval: '@daily', job: orders, env: {A: '1'}}\n")
        file.write("- {name: by-hand, interval: '@manual', job: orders}\n")
    with pytest.raises(MeltanoError, match=CANNOT_START):
        schedules(mute)
    remember_anything(project, known)
    monkeypatch.setenv("TAP_EMAG_FBE_SYNC_TIMEOUT_SECONDS", "0")
    monkeypatch.setenv("TAP_EMAG_FBE_MARKETPLACE", "emag_hu")
    with pytest.raises(MeltanoError, match=CANNOT_START):
        schedules(mute)
    found = {each.name: each for each in schedules(project)}
    assert schedules(mute) == list(found.values())
    assert found.keys() == {*(each.name for each in known), "twice", "by-hand"}
    assert found["twice"].tasks == found["orders"].tasks
    assert (found["twice"].cron, found["twice"].variables) == ("0 0 * * *", {"A": "1"})
    assert (found["twice"].job, found["by-hand"].cron) == ("orders", None)
    reads = {name: each.tasks[-2] for name, each in found.items()}
    assert (reads["orders"].account, reads["orders"].limit) == ("emag_ro_main", 1800)
    assert (reads["fbe-orders"].account, reads["fbe-orders"].limit) == ("emag_hu_fbe", 0)
    assert {tuple(each.variables) for each in reads.values()} == {()}
    memory = project.root / ".meltano" / "run" / "orchestrate"
    assert [each.name for each in memory.iterdir()] == ["schedules-dev.json"]


def test_what_is_remembered_is_what_was_known(tmp_path: Path) -> None:
    tasks = (Task(("a:b",)), Task(("c", "d"), "e_f", 1.5, LIMITED))
    known = [Schedule("once", None, "job", tasks, {"A": "1"})]
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
