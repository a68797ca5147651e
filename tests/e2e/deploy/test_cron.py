"""Cron expressions: read as cron reads them, and said again as a systemd timer."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from deploy.cron import RANGES, Cron, CronError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

MINUTE = timedelta(minutes=1)
LENGTHS = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # of months, the longest
BEGIN = datetime(2026, 2, 27, 22, 30, tzinfo=timezone.utc)  # before the end of a short month


def fields(first: int, last: int) -> SearchStrategy[str]:
    """Make one field: a number, a range, a step, a list of these, or `*`."""
    value = st.integers(first, last)
    ranges = st.tuples(value, value).map(lambda pair: f"{min(pair)}-{max(pair)}")
    steps = st.builds("{}/{}".format, st.one_of(st.just("*"), ranges), st.integers(1, last))
    part = st.one_of(st.just("*"), value.map(str), ranges, steps)
    return st.lists(part, min_size=1, max_size=3).map(",".join)


@st.composite
def expressions(draw: Callable[[SearchStrategy[str]], str]) -> str:
    drawn = [draw(fields(first, last)) for first, last in RANGES]
    drawn[draw(st.sampled_from([2, 4]))] = "*"  # type: ignore[call-overload]
    days, months = meant(drawn[2], 1, 31), meant(drawn[3], 1, 12)
    # A 30th of February alone is refused, see below.
    assume(min(days) <= max(LENGTHS[month] for month in months))
    return " ".join(drawn)


def meant(field: str, first: int, last: int) -> set[int]:
    """Say the same as `deploy.cron` in another way: by asking each value."""

    def within(value: int, part: str) -> bool:
        span, _, step = part.partition("/")
        bounds = [first, last] if span == "*" else [int(end) for end in span.split("-")]
        low, high = bounds[0], bounds[-1]
        return low <= value <= high and (value - low) % int(step or 1) == 0

    return {
        value
        for value in range(first, last + 1)
        if any(within(value, part) for part in field.split(","))
    }


@given(expressions(), st.integers(0, 60 * 24 * 800))
def test_a_moment_is_due_when_each_field_means_it(text: str, minutes: int) -> None:
    moment = BEGIN + minutes * MINUTE
    parts = [
        meant(field, first, last) for field, (first, last) in zip(text.split(), RANGES, strict=True)
    ]
    weekday = moment.isoweekday() % 7
    expected = (
        moment.minute in parts[0]
        and moment.hour in parts[1]
        and moment.day in parts[2]
        and moment.month in parts[3]
        and bool({weekday, weekday or 7} & parts[4])
    )
    assert Cron.parse(text).due(moment) == expected


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@settings(max_examples=40)
@given(expressions())
def test_systemd_reads_the_timer_as_cron_reads_the_expression(text: str) -> None:
    cron = Cron.parse(text)
    command = [
        "systemd-analyze",
        "calendar",
        "--iterations=5",
        f"--base-time=@{int(BEGIN.timestamp())}",
    ]
    told = subprocess.run(
        [*command, cron.on_calendar()],
        capture_output=True,
        text=True,
        check=True,
        env={"TZ": "UTC"},
    )
    found = re.findall(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", told.stdout)
    moments = [datetime.fromisoformat(f"{each}+00:00") for each in found]
    # Rare ones, such as a 30th of a month, may have few of them, or none.
    assert all(map(cron.due, moments))
    ours: list[datetime] = []
    moment, last = BEGIN + MINUTE, min(moments, default=BEGIN) + timedelta(days=1)
    while moment <= last and len(ours) < len(moments):
        ours += [moment] if cron.due(moment) else []
        moment += MINUTE
    assert ours == moments[: len(ours)]
    assert bool(ours) == bool(moments)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("* * * *", "has 4 fields"),
        ("@daily", "has 1 fields"),
        ("60 * * * *", "'60 * * * *' cannot be read: Bad minute"),
        ("* 24 * * *", "'* 24 * * *' cannot be read: Bad hour"),
        ("9-3 * * * *", "cannot be read: Bad minute"),
        ("*/0 * * * *", "cannot be read"),
        ("*/-1 * * * *", "cannot be read: Bad minute"),
        ("five * * * *", "cannot be read: Bad minute"),
        ("0 0 L * *", "names a last or n-th day: write days by their numbers"),
        ("0 0 * * 1#3", "names a last or n-th day: write days by their numbers"),
        ("0 0 30 2 *", "cannot be read: Bad day-of-month"),
        ("0 0 0 1 1 *", "has 6 fields"),
        ("0 0 1 * 1", "make it two schedules"),
    ],
)
def test_what_is_no_expression_is_told(text: str, why: str) -> None:
    with pytest.raises(CronError, match=re.escape(why)):
        Cron.parse(text)
