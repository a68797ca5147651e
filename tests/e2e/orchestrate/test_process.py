"""Processes are ended with all that they have started, and their lines come as they are written."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest

from orchestrate.meltano.process import Process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(os.getpid(), flush=True)
time.sleep(60)
"""
# A leader and a child, of which the child does not heed SIGTERM and keeps the leader's output open.
DEAF_CHILD = """
import os, signal, subprocess, sys, time
code = "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
code += "print('ready', flush=True); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
"""
# The leader heeds SIGTERM at once; its child needs half a second to write what is complete.
SLOW_CHILD = """
import subprocess, sys, time
code = '''
import signal, sys, time
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(time.monotonic()))
print("ready", flush=True)
while not asked:
    time.sleep(0.01)
time.sleep(0.5)
print("asked", len(asked), flush=True)
'''
subprocess.Popen([sys.executable, "-c", code])
time.sleep(60)
"""


def start(code: str, folder: Path, *, longest: float = 0.0, grace: float = 5.0) -> Process:
    return Process(
        [sys.executable, "-c", code],
        folder,
        {**os.environ, "PYTHONIOENCODING": "utf-8"},
        longest_seconds=longest,
        grace_seconds=grace,
    )


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


@pytest.fixture
def stubborn(tmp_path: Path) -> Iterator[tuple[Process, list[psutil.Process]]]:
    """A command that ignores SIGTERM and has a child, and both as processes."""
    with start(STUBBORN, tmp_path, grace=0.3) as process:
        leader = psutil.Process(int(next(process.lines())))
        yield process, [leader, *leader.children()]


def test_what_ignores_sigterm_is_killed_with_its_children(
    stubborn: tuple[Process, list[psutil.Process]],
) -> None:
    process, family = stubborn
    assert len(family) == 2
    begin = time.monotonic()
    process.end()
    assert 0.3 < time.monotonic() - begin < 5
    assert gone(family)
    assert process.wait() == -9
    assert not process.timed_out


def test_a_signal_handler_does_not_wait_for_that(tmp_path: Path) -> None:
    with start(STUBBORN, tmp_path, grace=60) as process:
        lines = process.lines()
        leader = psutil.Process(int(next(lines)))
        family = [leader, *leader.children()]
        begin = time.monotonic()
        process.ask_to_end(2)
        assert time.monotonic() - begin < 2
        assert list(lines) == []
        assert process.wait() == -9
    assert gone(family)
    assert time.monotonic() - begin < 15


def test_what_has_ended_in_order_is_left_alone(tmp_path: Path) -> None:
    code = "import sys; print('ț', flush=True); print('two', file=sys.stderr); sys.exit(3)"
    process = start(code, tmp_path, longest=60)
    assert list(process.lines()) == ["ț", "two"]
    assert process.wait() == 3
    begin = time.monotonic()
    process.end()
    assert time.monotonic() - begin < 4
    assert process.wait() == 3
    assert not process.timed_out


def test_lines_come_as_they_are_written(tmp_path: Path) -> None:
    with start("import time; print('one', flush=True); time.sleep(60)", tmp_path) as process:
        begin = time.monotonic()
        assert next(process.lines()) == "one"
        assert time.monotonic() - begin < 30


def test_children_that_outlive_their_parent_are_ended(tmp_path: Path) -> None:
    child = "import subprocess, sys; print(subprocess.Popen(['sleep', '60'], stdout=2).pid)"
    with start(child, tmp_path) as process:
        # The child has their output open, which would end in a minute otherwise.
        begin = time.monotonic()
        (pid,) = process.lines()
        assert process.wait() == 0
        assert time.monotonic() - begin < 30
    assert not psutil.pid_exists(int(pid)) or gone([psutil.Process(int(pid))])


def test_children_that_do_not_heed_either_are_killed(tmp_path: Path) -> None:
    with start(DEAF_CHILD + "os._exit(0)", tmp_path, grace=0.3) as process:
        lines = process.lines()
        child = psutil.Process(int(next(lines)))
        assert list(lines) == []
        assert process.wait() == 0
    assert gone([child])


def test_a_command_that_takes_too_long_is_ended_with_a_child_that_does_not_heed(
    tmp_path: Path,
) -> None:
    begin = time.monotonic()
    code = DEAF_CHILD + "time.sleep(60)"
    with start(code, tmp_path, longest=2.0, grace=0.3) as process:
        lines = process.lines()
        child = psutil.Process(int(next(lines)))
        assert list(lines) == []
        assert process.wait() == -15
        assert process.timed_out
    assert 2 < time.monotonic() - begin < 20
    assert gone([child])


def test_an_exception_while_it_runs_ends_the_command(tmp_path: Path) -> None:
    children = []

    def read() -> None:
        with start(DEAF_CHILD + "time.sleep(60)", tmp_path, grace=0.3) as process:
            children.append(psutil.Process(int(next(process.lines()))))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read()
    assert gone(children)


def test_what_outlives_its_leader_may_end_in_order_and_is_asked_once(tmp_path: Path) -> None:
    with start(SLOW_CHILD, tmp_path, grace=30) as process:
        lines = process.lines()
        assert next(lines) == "ready"
        process.ask_to_end(30)
        assert list(lines) == ["asked 1"]
        assert process.wait() == -15
