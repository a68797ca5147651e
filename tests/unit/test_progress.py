"""A log gets a line every half minute for each list that takes longer than that."""

from __future__ import annotations

import logging
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_emag import progress as module
from tap_emag.progress import Progress, ProgressEntry, spoken


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (3599, "60 min"), (3 * 3600 + 120, "3 h 2 min")],
)
def test_times_are_told_roughly(seconds: float, words: str) -> None:
    assert spoken(seconds) == words


def test_the_time_left_is_reckoned_from_the_pace_since_the_beginning() -> None:
    entry = ProgressEntry(begun=100, done_at_first=0.5, done=0.75, where="page 3", rows=500)
    assert entry.text(200) == "page 3, 500 rows, 5 per second, about 2 min left"


@given(st.floats(0, 1), st.floats(0, 1.5), st.floats(0, 1e6))
def test_the_time_left_is_never_negative(first: float, done: float, elapsed: float) -> None:
    left = ProgressEntry(begun=0, done_at_first=first, done=done).left(elapsed)
    assert left is None or left >= 0


def test_a_reading_of_unknown_length_tells_where_it_is() -> None:
    assert (
        ProgressEntry(begun=0, done_at_first=0, where="opened up to May").text(9)
        == "opened up to May"
    )


def test_a_log_gets_a_line_now_and_then(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 0.01)
    now = [0.0]
    progress = Progress(clock=lambda: now[0])
    progress.update("offers", "100 of about 900 read (11 %)", 0.1, 100)
    progress.update("awbs", "1 of 9", 0.1)
    progress.ended("awbs")
    progress.start()
    with caplog.at_level(logging.INFO):
        for second in (15, 29, 31, 45, 60):
            now[0] = second
            time.sleep(0.05)
        progress.stop()
    assert [record.getMessage() for record in caplog.records] == [
        "offers: 100 of about 900 read (11 %), 100 rows, 3 per second"
    ]
