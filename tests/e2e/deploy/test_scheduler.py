"""The container's scheduler, with real processes in the place of Meltano."""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import psutil
import pytest

from deploy import schedules
from deploy.scheduler import Scheduler, _chosen
from orchestrate.meltano.schedules import Schedule

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOON = datetime(2026, 11, 25, 12, 0, 30, tzinfo=timezone.utc)
NOTE = 'echo "$0 $EXTRA" >> started'


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def scheduler(folder: Path, script: str, *intervals: str) -> Scheduler:
    planned = [
        Schedule(f"s{number}", interval, f"job{number}", variables={"EXTRA": str(number)})
        for number, interval in enumerate(intervals)
    ]
    return Scheduler(folder, planned, NOON, lambda job: ["sh", "-c", script, job])


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.01)


def finished(made: Scheduler) -> None:
    for process in made.running.values():
        process.wait(10)


def started(folder: Path) -> list[str]:
    path = folder / "started"
    return path.read_text().splitlines() if path.exists() else []


def test_each_schedule_starts_in_its_minutes_with_its_variables(tmp_path: Path) -> None:
    made = scheduler(tmp_path, NOTE, "*/2 * * * *", "3 * * * *")
    for minutes in (0.2, 1, 1.4, 2, 2.1, 3, 3.2):
        made.tick(after(minutes))
        finished(made)
    assert started(tmp_path) == ["job0 0", "job1 1"]


def test_a_tap_is_given_the_scheduler_s_limit_unless_a_variable_gives_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = f'echo "${schedules.TAP_LIMIT}" >> started'
    made = scheduler(tmp_path, note, "* * * * *")
    made.tick(after(1))
    finished(made)
    monkeypatch.setenv(schedules.TAP_LIMIT, "1800")
    made.tick(after(2))
    finished(made)
    assert started(tmp_path) == [str(schedules.TAP_SECONDS), "1800"]


def test_minutes_that_were_slept_through_are_made_up_for_once(tmp_path: Path) -> None:
    made = scheduler(tmp_path, NOTE, "* * * * *", "10 12 * * *", "55 11 * * *")
    made.tick(after(30))
    finished(made)
    assert sorted(started(tmp_path)) == ["job0 0", "job1 1"]


def test_what_was_slept_through_long_ago_is_not_made_up_for(tmp_path: Path) -> None:
    made = scheduler(tmp_path, NOTE, "10 12 * * *")
    made.tick(after(60 * 5))
    finished(made)
    assert started(tmp_path) == []


def test_a_clock_that_is_set_back_by_itself_starts_nothing(tmp_path: Path) -> None:
    made = scheduler(tmp_path, NOTE, "1 12 * * *")
    for minutes in (1, -5, 0):
        made.tick(after(minutes))
        finished(made)
    assert started(tmp_path) == ["job0 0"]


def test_a_start_is_left_out_while_the_run_before_is_under_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = scheduler(tmp_path, f"{NOTE}; read line < gate", "* * * * *")
    os.mkfifo(tmp_path / "gate")
    made.tick(after(1))
    made.tick(after(2))
    assert "s0 is still running" in caplog.text
    (tmp_path / "gate").write_text("go on\n")
    finished(made)
    made.tick(after(3))
    (tmp_path / "gate").write_text("go on\n")
    finished(made)
    assert len(started(tmp_path)) == 2


def test_a_run_that_fails_is_told_and_does_not_keep_the_next_one_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = scheduler(tmp_path, f"{NOTE}; exit 3", "* * * * *")
    for minutes in (1, 2):
        made.tick(after(minutes))
        finished(made)
    made.tick(after(2))
    assert caplog.text.count("s0 ended with code 3") == 2
    assert len(started(tmp_path)) == 2


def test_stopping_leaves_no_process_even_of_those_that_want_to_stay(tmp_path: Path) -> None:
    # The inner process ignores SIGTERM, as a tap that hangs may; its parent is `timeout`.
    stubborn = (
        "import signal,time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    )
    script = 'echo $$ > "$0.pid"; "$PYTHON" -c "$STUBBORN" > ready & wait'
    planned = [
        Schedule(
            "s", "* * * * *", "job", variables={"PYTHON": sys.executable, "STUBBORN": stubborn}
        )
    ]
    command = ["timeout", "--kill-after=1", "60", "sh", "-c", script]
    made = Scheduler(tmp_path, planned, NOON, lambda job: [*command, job])
    made.tick(after(1))
    ready = tmp_path / "ready"
    wait_until(lambda: ready.exists() and ready.stat().st_size > 0)
    processes = psutil.Process(made.running["s"].pid).children(recursive=True)
    assert len(processes) == 2
    begun = time.monotonic()
    made.stop()
    assert time.monotonic() - begun < 5
    gone, alive = psutil.wait_procs(processes, timeout=5)
    assert (len(gone), alive) == (2, [])
    assert not made.running


def test_schedules_are_chosen_by_name() -> None:
    planned = [Schedule(name, "* * * * *", name) for name in ("orders", "offers", "returns")]
    assert _chosen(planned, []) == planned
    assert _chosen(planned, ["returns", "orders"]) == [planned[0], planned[2]]
    with pytest.raises(ValueError, match="no schedule oders"):
        _chosen(planned, ["orders", "oders"])
