"""The server's clock, as far as its replies tell."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest

from tap_emag.clock import ServerClock

NOON = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
NOON_HEADER = "Mon, 01 Jun 2026 12:00:00 GMT"


def test_before_the_first_reply_this_machine_has_to_do() -> None:
    clock = ServerClock()
    assert not clock.known
    assert abs(clock.now() - datetime.now(timezone.utc)) < timedelta(seconds=1)


def test_the_clock_runs_on_from_a_reply() -> None:
    clock = ServerClock()
    clock.observe(NOON_HEADER, 50.0)
    assert clock.known
    assert clock.at(50.0) == NOON
    assert clock.at(47.5) == NOON - timedelta(seconds=2.5)


def test_the_reply_that_came_fastest_counts() -> None:
    clock = ServerClock()
    clock.observe(NOON_HEADER, 53.0)  # three seconds on its way
    clock.observe(NOON_HEADER, 50.2)
    clock.observe(NOON_HEADER, 51.0)
    assert clock.at(50.2) == NOON


@pytest.mark.parametrize("header", ["", "yesterday", "Mon, 99 Jun 2026 12:00:00 GMT"])
def test_a_header_that_is_no_date_changes_nothing(header: str) -> None:
    clock = ServerClock()
    clock.observe(header, time.monotonic())
    assert not clock.known
