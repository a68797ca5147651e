"""The server's clock, as far as its replies and this machine's clock tell."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_emag.api.server_clock import ENOUGH, MOST_ASKED, RECENT, ServerClock

NOON = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
HOUR = 3600.0  # seconds
DAY = 24 * HOUR


class Answer(NamedTuple):
    """A reply that took `latency` seconds, of a clock that is `error` seconds ahead."""

    error: float = 0
    latency: float = 0.2
    header: str | None = None  # instead of a date


@dataclass
class Shop:
    """A server, a machine whose clock is `error` seconds ahead, and what it knows by replies."""

    error: float = 0

    def __post_init__(self) -> None:
        self.begun = time.monotonic()
        self.clock = ServerClock(lambda: self.true() + timedelta(seconds=self.error))

    def true(self) -> datetime:
        """Return what the server's clock shows."""
        return NOON + timedelta(seconds=time.monotonic() - self.begun)

    def hear(self, *answers: Answer) -> None:
        """Let replies arrive now."""
        for each in answers:
            moment = self.true() + timedelta(seconds=each.error - each.latency)
            header = format_datetime(moment, usegmt=True) if each.header is None else each.header
            self.clock.observe(header, time.monotonic())

    def lag(self) -> float:
        """Return by how many seconds the estimate is before the server's time."""
        now = self.clock.now()
        return (self.true() - now).total_seconds()


def test_before_the_first_reply_this_machine_has_to_do() -> None:
    clock = ServerClock()
    assert not clock.known
    assert clock.doubtful
    assert abs(clock.now() - datetime.now(timezone.utc)) < timedelta(seconds=1)


def test_the_clock_runs_on_from_a_reply() -> None:
    world = Shop()
    world.hear(Answer())
    assert world.clock.known
    monotonic = time.monotonic()
    first, second = world.clock.at(monotonic), world.clock.at(monotonic - 2.5)
    assert abs((first - second).total_seconds() - 2.5) < 0.01
    assert 0 < world.lag() < 1.3


@pytest.mark.parametrize("header", ["", "yesterday", "Mon, 99 Jun 2026 12:00:00 GMT", "9" * 400])
def test_a_header_that_is_no_date_changes_nothing(header: str) -> None:
    world = Shop()
    world.hear(Answer(header=header))
    assert not world.clock.known


def test_one_reply_is_believed_only_if_this_machine_agrees() -> None:
    agreed, alone = Shop(), Shop(error=3 * DAY)
    agreed.hear(Answer())
    alone.hear(Answer())
    assert not agreed.clock.doubtful
    for _ in range(ENOUGH - 1):
        assert alone.clock.doubtful
        alone.hear(Answer())
    assert not alone.clock.doubtful


def test_replies_without_a_date_are_not_asked_for_for_ever() -> None:
    world = Shop()
    world.hear(*[Answer(header="")] * (MOST_ASKED - 1))
    assert world.clock.doubtful
    world.hear(Answer(header=""))
    assert not world.clock.doubtful


ERRORS = st.sampled_from([0.0, 0.0, 59.0, 299.0, 2 * HOUR, 23 * HOUR, 400 * DAY])
LATENCY, DATED = st.floats(0, 90), st.none()
AHEAD = st.builds(Answer, ERRORS | st.floats(1, 30 * DAY), LATENCY, DATED)
RIGHT = st.builds(Answer, st.just(0.0), LATENCY, DATED)
BEHIND = st.builds(Answer, st.floats(-400 * DAY, -1), LATENCY, DATED)
NO_DATE = st.builds(
    Answer, st.just(0.0), st.just(0.0), st.sampled_from(["", "half past nine", "Mon, 01"])
)


@given(st.lists(AHEAD | RIGHT | BEHIND | NO_DATE, max_size=30), st.floats(-30 * DAY, 30 * DAY))
def test_the_estimate_never_passes_the_servers_time_if_less_than_half_are_ahead(
    answers: list[Answer], machine: float
) -> None:
    world = Shop(machine)
    dated: list[Answer] = []
    for each in answers:
        world.hear(each)
        dated = [*dated, each][-RECENT:] if each.header is None else dated
        ahead = [one for one in dated if one.error > 0]
        if machine <= 0 or (dated and 2 * len(ahead) < len(dated)):
            assert world.lag() >= 0


@given(st.lists(AHEAD | RIGHT, min_size=1, max_size=30), st.floats(-30 * DAY, 0))
def test_a_machine_that_is_not_ahead_is_never_passed(answers: list[Answer], machine: float) -> None:
    world = Shop(machine)
    world.hear(*answers)
    assert world.lag() >= -machine


@given(
    st.lists(RIGHT, min_size=1, max_size=30),
    st.floats(0, 30 * DAY) | st.sampled_from([0.0, 30.0]),
)
def test_the_estimate_is_near_when_replies_are_right(answers: list[Answer], machine: float) -> None:
    world = Shop(machine)
    world.hear(*answers)
    assert 0 <= world.lag() <= max(each.latency for each in answers[-RECENT:]) + 1.1


@given(st.lists(RIGHT, min_size=5, max_size=5), st.lists(BEHIND, max_size=4), st.randoms())
def test_a_few_replies_that_are_behind_delay_nothing(
    right: list[Answer], behind: list[Answer], order: st.DrawFn
) -> None:
    answers = [*right, *behind]
    order.shuffle(answers)  # type: ignore[attr-defined]
    world = Shop()
    world.hear(*answers)
    assert 0 <= world.lag() <= 300 + 90 + 1.1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (0, []),
        (-50, []),
        (150, ["0:02:30 earlier", "timedatectl set-ntp true"]),
        (-3 * HOUR, ["3:00:00 later", "up to the earlier time", "timedatectl set-ntp true"]),
        (3 * DAY, ["3 days, 0:00:00 earlier", "up to the earlier time"]),
    ],
)
def test_a_difference_is_reported_once_with_both_times_and_what_to_do(
    error: float, words: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    world = Shop(error)
    answers = [Answer(latency=0)] * (2 * RECENT)
    world.hear(*answers)
    found = [record.getMessage() for record in caplog.records]
    assert len(found) == bool(words)
    if words:
        machine = (world.true() + timedelta(seconds=error)).strftime("%Y-%m-%d %H:%M")
        for word in [machine, "2026-06-01 1", *words]:
            assert any(word in each for each in found), found


def test_one_wrong_reply_is_no_difference_between_clocks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = Shop()
    world.hear(Answer(3 * HOUR), *[Answer()] * 6)
    assert not caplog.records


def test_replies_without_a_date_are_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    world = Shop()
    world.hear(*[Answer(header="")] * 20)
    [record] = caplog.records
    assert "`Date`" in record.getMessage()


def test_a_stamp_follows_the_replies_where_this_machine_is_behind() -> None:
    world = Shop(-3 * DAY)
    world.hear(*[Answer()] * 3)
    assert abs(world.clock.likely() - world.true()) < timedelta(seconds=2)
