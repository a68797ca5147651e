"""A person at a terminal sees one moving line; a log gets a line a minute."""

from __future__ import annotations

import io
import json
import logging
import os
import pty
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_emag import progress as module
from tap_emag.progress import ERASE, Progress, Reading, StatusLine, spoken
from tap_emag.sandbox import Sandbox, SandboxConfig
from tests.api import config_for
from tests.command import COMMAND

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (3599, "60 min"), (3 * 3600 + 120, "3 h 2 min")],
)
def test_times_are_told_roughly(seconds: float, words: str) -> None:
    assert spoken(seconds) == words


def test_the_time_left_is_reckoned_from_the_pace_since_the_beginning() -> None:
    reading = Reading(begun=100, done_at_first=0.5, done=0.75, where="page 3", rows=500)
    assert reading.text(200) == "page 3, 500 rows, 5 a second, about 2 min left"


@given(st.floats(0, 1), st.floats(0, 1.5), st.floats(0, 1e6))
def test_the_time_left_is_never_negative(first: float, done: float, elapsed: float) -> None:
    left = Reading(begun=0, done_at_first=first, done=done).left(elapsed)
    assert left is None or left >= 0


def test_a_reading_of_unknown_length_tells_where_it_is() -> None:
    assert Reading(begun=0, done_at_first=0, where="opened up to May").text(9) == "opened up to May"


def test_a_log_gets_a_line_now_and_then(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DRAWN_EVERY", 0.01)
    now = [0.0]
    progress = Progress(clock=lambda: now[0])
    progress.met("offers", "100 of about 900 read", 0.1, 100)
    progress.met("awbs", "1 of 9", 0.1)
    progress.ended("awbs")
    progress.start()
    with caplog.at_level(logging.INFO):
        for second in (30, 59, 61, 90, 120):
            now[0] = second
            time.sleep(0.05)
        progress.stop()
    assert [record.getMessage() for record in caplog.records] == [
        "offers: 100 of about 900 read, 100 rows, 2 a second"
    ]


def test_log_lines_and_the_status_line_do_not_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    terminal = io.StringIO()
    line = StatusLine(terminal)
    handler = logging.StreamHandler(terminal)
    logging.getLogger().addHandler(handler)
    try:
        line.install()
        line.draw("offers: 100 of about 900 read")
        logging.getLogger("anything").warning("a slot was refused")
        line.remove()
        logging.getLogger("anything").warning("the end")
    finally:
        logging.getLogger().removeHandler(handler)
    shown = f"{ERASE}offers: 100 of abo…"
    assert terminal.getvalue() == (
        f"{shown}{ERASE}a slot was refused\n{shown.removeprefix(ERASE)}{ERASE}the end\n"
    )


def test_a_real_terminal_shows_progress_and_a_line_a_stream_at_the_end(tmp_path: Path) -> None:
    with Sandbox(SandboxConfig(orders=10, offers=900, history_days=10)) as sandbox:
        config = config_for(sandbox, state_dir=str(tmp_path / "state"))
        shown = on_a_terminal(tmp_path, config)
    assert f"{ERASE}offers: " in shown
    assert " of about 900 read" in shown
    last = [line for line in shown.splitlines() if "products: " in line]
    assert "900 rows (900 created), product_history 900; " in last[-1]


def on_a_terminal(folder: Path, config: dict[str, object]) -> str:
    """Run the tap with a terminal as standard error; return what the terminal was sent."""
    (folder / "config.json").write_text(json.dumps(config))
    ours, theirs = pty.openpty()
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [COMMAND, "--config", str(folder / "config.json")], stdout=output, stderr=theirs
        )
    os.close(theirs)
    shown = bytearray()
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # the other side has closed it
        pass
    finally:
        os.close(ours)
    assert process.wait(60) == 0
    return shown.decode(errors="replace")
