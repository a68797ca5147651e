"""The parts that need no Dagster: processes that are ended, lines that are read, schedules kept."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrate.dagster import process
from orchestrate.dagster.meltano import Job, MeltanoError, command, identifier, schedules
from orchestrate.dagster.output import LEVELS, Line, Output
from orchestrate.dagster.settings import CHECKOUT, Settings
from tap_emag.sandbox.demo.pipeline import _meltano

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.meltano_project import MeltanoProject

# A leader and a child, of which the child does not heed SIGTERM; each writes its number first.
DEAF_CHILD = """
import os, signal, subprocess, sys, time
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
code += "print('ready', flush=True); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
"""
LINES = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
TAP = {"producer": True, "string_id": "tap-emag-orders", "level": "info"}


def run(code: str, lines: list[str], folder: Path, **limits: float) -> process.Ended:
    return process.run(
        [sys.executable, "-c", code], lines.append, folder=folder, environ=os.environ, **limits
    )


def is_gone(pid: int) -> bool:
    limit = time.monotonic() + 10
    while psutil.pid_exists(pid) and time.monotonic() < limit:
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return not psutil.pid_exists(pid)


def test_lines_come_from_both_streams_and_the_code_is_told(tmp_path: Path) -> None:
    lines: list[str] = []
    code = "import sys; print('one', flush=True); print('two', file=sys.stderr); sys.exit(7)"
    assert run(code, lines, tmp_path) == process.Ended(7, timed_out=False)
    assert lines == ["one", "two"]


def test_a_command_that_takes_too_long_is_ended_with_a_child_that_does_not_heed(
    tmp_path: Path,
) -> None:
    lines: list[str] = []
    begin = time.monotonic()
    ended = run(DEAF_CHILD + "time.sleep(60)", lines, tmp_path, longest_seconds=2.0)
    assert ended == process.Ended(-15, timed_out=True)
    assert time.monotonic() - begin < 20
    assert is_gone(int(lines[0]))


def test_a_command_that_does_not_heed_is_forced() -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True);"
    deaf = [sys.executable, "-c", f"{code} signal.pause()"]
    with subprocess.Popen(
        deaf, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as leader:
        assert leader.stdout
        leader.stdout.readline()
        process.end(leader, grace_seconds=0.3)
    assert leader.returncode == -signal.SIGKILL


def test_what_a_command_leaves_behind_is_ended(tmp_path: Path) -> None:
    lines: list[str] = []
    assert run(DEAF_CHILD + "os._exit(0)", lines, tmp_path).code == 0
    assert is_gone(int(lines[0]))


def test_an_exception_while_it_runs_ends_the_command(tmp_path: Path) -> None:
    lines: list[int] = []

    def stop(text: str) -> None:
        lines.append(int(text))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process.run(
            [sys.executable, "-c", DEAF_CHILD + "time.sleep(60)"],
            stop,
            folder=tmp_path,
            environ=os.environ,
        )
    assert is_gone(lines[0])


def event(**fields: Any) -> str:  # noqa: ANN401
    return json.dumps({**TAP, **fields})


@given(LINES)
def test_any_line_can_be_read(text: str) -> None:
    Output().take(text)
    assert Output().take(json.dumps(text)) is not None


@given(st.sampled_from(LEVELS), LINES)
def test_the_taps_own_level_and_text_are_told(level: str, text: str) -> None:
    own = json.dumps({"level": level, "message": f"_{text}"})
    assert Output().take(event(event=own)) == Line("tap-emag-orders", level, f"_{text}")


@given(
    st.lists(st.tuples(st.sampled_from(["orders", "products"]), st.integers(0, 9)), max_size=9),
    st.booleans(),
)
def test_rows_of_the_tap_are_added_up_by_stream(
    counted: list[tuple[str, int]], as_json: bool
) -> None:
    output = Output()
    for stream, value in counted:
        point = {"metric": "record_count", "value": value, "tags": {"stream": stream}}
        text = f"METRIC: {json.dumps(point)}"
        own = json.dumps({"level": "info", "message": "METRIC", "metric_info": point})
        assert output.take(event(event=own if as_json else text)) is None
        # What the loader counts is the same rows again.
        assert output.take(event(event=text, producer=False, consumer=True)) is None
    expected: Counter[str] = Counter()
    for stream, value in counted:
        expected[stream] += value
    assert output.rows == expected


@given(st.text(min_size=1))
def test_names_are_made_fit_for_dagster(name: str) -> None:
    fit = identifier(name)
    assert len(fit) == len(name)
    assert fit.replace("_", "a").isalnum()
    assert fit.isascii()


@pytest.mark.parametrize(
    ("name", "account", "group"),
    [("orders", "main", "orders"), ("fbe-orders", "fbe", "orders"), ("hu-2-x", "hu_2", "x")],
)
def test_a_jobs_name_tells_account_and_group(name: str, account: str, group: str) -> None:
    job = Job(name, ())
    assert (job.account, job.group) == (account, group)


@pytest.mark.parametrize("text", ["many", "-1", "inf", "nan"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="EMAG_LONGEST_SECONDS"):
        Settings.read({"EMAG_LONGEST_SECONDS": text})


def test_no_limit_is_no_limit() -> None:
    assert Settings.read({"EMAG_LONGEST_SECONDS": "0"}).run_seconds == 0
    assert Settings.read({}).project == CHECKOUT


def test_meltano_decides_about_its_environment_unless_one_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Meltano reads its own `.env` for that, which anything in the environment goes before.
    monkeypatch.delenv("MELTANO_ENVIRONMENT", raising=False)
    assert "MELTANO_ENVIRONMENT" not in Settings.read({}).environ()
    named = Settings.read({"MELTANO_ENVIRONMENT": "prod"}).environ()
    assert named["MELTANO_ENVIRONMENT"] == "prod"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A project that is a copy, so that what is remembered of it is not the checkout's."""
    shutil.copy(CHECKOUT / "meltano.yml", tmp_path)
    return Settings(project=tmp_path, environment="dev", meltano=_meltano())


@pytest.mark.meltano
def test_meltano_is_asked_again_only_when_its_project_has_changed(settings: Settings) -> None:
    known = schedules(settings)
    assert known
    silent = dataclasses.replace(settings, meltano="/there/is/no/meltano")
    assert schedules(silent) == known
    with (settings.project / "meltano.yml").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    with pytest.raises(MeltanoError, match="set MELTANO to the path of meltano"):
        schedules(silent)


def test_a_missing_project_is_told(tmp_path: Path) -> None:
    with pytest.raises(MeltanoError, match="set MELTANO_PROJECT_ROOT"):
        schedules(Settings(project=tmp_path, environment="dev", meltano="meltano"))


@pytest.mark.meltano
def test_wrong_settings_are_told_with_the_taps_code(
    meltano_project: Callable[..., MeltanoProject],
) -> None:
    project = meltano_project("http://127.0.0.1:9", marketplace="nowhere", order_types=[9])
    settings = Settings(project.pipeline.folder, "dev", _meltano())
    output = Output()
    ended = process.run(
        command(settings, "run", "tap-emag-orders", "target-postgres"),
        output.take,
        folder=settings.project,
        environ={**project.pipeline.environment, "TAP_EMAG_LOG_FORMAT": "json"},
    )
    assert ended.code == 1
    assert output.exit_code == 2
    assert "marketplace: 'nowhere' is unknown" in output.problem
    assert "order_types: " in output.problem


@pytest.mark.meltano
def test_a_job_that_is_not_there_is_told_by_meltano(
    meltano_project: Callable[..., MeltanoProject],
) -> None:
    project = meltano_project("http://127.0.0.1:9")
    settings = Settings(project.pipeline.folder, "dev", _meltano())
    output = Output()
    process.run(
        command(settings, "run", "no-such-job"),
        output.take,
        folder=settings.project,
        environ=project.pipeline.environment,
    )
    assert output.exit_code is None
    assert "no-such-job" in output.problem
