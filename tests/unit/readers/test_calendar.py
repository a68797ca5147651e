"""The marketplace's clock and the windows laid over it, on every night of the year."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_emag.readers.calendar import LONGEST, Calendar, Window, next_window, second_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ZONES = [ZoneInfo(name) for name in ("Europe/Bucharest", "Europe/Sofia", "Europe/Budapest")]
NIGHTS = [
    datetime(2026, 3, 29, 1, tzinfo=timezone.utc),  # an hour is never lived
    datetime(2026, 10, 25, 1, tzinfo=timezone.utc),  # an hour is lived twice
    datetime(2026, 6, 15, 12, tzinfo=timezone.utc),
]

STEADY = Calendar(ZoneInfo("UTC"))  # every second is a cut
BUCHAREST = Calendar(ZONES[0])
# The last cuts in Bucharest before an hour that is never lived, and before one lived twice.
BEFORE_THE_NIGHTS = ["2026-03-29 02:59:58", "2026-10-25 02:59:58"]

calendars = st.sampled_from(ZONES).map(Calendar)
instants = st.builds(
    lambda night, seconds: night + timedelta(seconds=seconds),
    st.sampled_from(NIGHTS),
    st.integers(-12 * 3600, 12 * 3600) | st.integers(-300 * 86400, 300 * 86400),
)


@given(calendars, instants, st.integers(0, 10**6))
def test_no_later_instant_shows_a_second_within_the_horizon(
    calendar: Calendar, now: datetime, later: int
) -> None:
    assert calendar.local(now + timedelta(seconds=later)) > calendar.horizon(now)


@given(calendars, instants)
def test_the_horizon_never_goes_back_and_is_at_most_two_hours_behind(
    calendar: Calendar, now: datetime
) -> None:
    horizon = calendar.horizon(now)
    assert horizon <= calendar.horizon(now + timedelta(seconds=1))
    assert calendar.local(now) - 7201 <= horizon < calendar.local(now)


@given(calendars, instants, st.integers(0, 999_999))
def test_the_second_behind_the_horizon_is_not_over_yet(
    calendar: Calendar, now: datetime, fraction: int
) -> None:
    now += timedelta(microseconds=fraction)
    assert calendar.instant(calendar.horizon(now) + 1) + timedelta(seconds=1) > now


@given(calendars, instants)
def test_the_instant_of_a_cut_shows_that_cut_again(calendar: Calendar, now: datetime) -> None:
    for cut in (
        calendar.cut_before(calendar.local(now)),
        calendar.cut_behind(calendar.local(now)),
    ):
        assert calendar.is_cut(cut)
        assert calendar.local(calendar.instant(cut)) == cut


@given(calendars, instants)
def test_cuts_lie_on_either_side_and_near(calendar: Calendar, now: datetime) -> None:
    second = calendar.local(now)
    before, behind = calendar.cut_before(second), calendar.cut_behind(second)
    assert second - 7200 <= before <= second <= behind <= second + 7200
    assert not any(calendar.is_cut(other) for other in range(before + 1, second + 1))
    assert not any(calendar.is_cut(other) for other in range(second, behind))


@given(calendars, instants)
def test_bounds_are_never_times_that_exist_twice_or_not_at_all(
    calendar: Calendar, now: datetime
) -> None:
    second = calendar.local(now)
    window = Window(calendar.cut_before(second - 7200), calendar.cut_behind(second))
    for text in window.bounds:
        wall = datetime.fromisoformat(text).replace(tzinfo=calendar.zone)
        assert wall.utcoffset() == wall.replace(fold=1).utcoffset()
        again = wall.astimezone(timezone.utc).astimezone(calendar.zone)
        assert again.replace(tzinfo=None) == wall.replace(tzinfo=None)


def windows_over(after: int, until: int, length: int, calendar: Calendar) -> list[Window]:
    windows = [next_window(after, until, length, calendar)]
    while windows[-1].until < until:
        assert windows[-1].seconds > 0
        windows.append(next_window(windows[-1].until, until, length, calendar))
    return windows


def second_at(text: str) -> int:
    return second_of(datetime.fromisoformat(text))


@given(calendars, instants, st.integers(1, 40 * 86400), st.integers(1, 50 * 86400))
def test_windows_cover_a_range_without_gap_or_overlap(
    calendar: Calendar, start: datetime, span: int, length: int
) -> None:
    after = calendar.cut_before(calendar.local(start))
    until = calendar.cut_behind(after + span)
    length = max(length, span // 50)
    windows = windows_over(after, until, length, calendar)
    assert windows[0].after == after
    assert windows[-1].until == until
    assert all(left.until == right.after for left, right in pairwise(windows))
    for window in windows:
        bounds = [datetime.fromisoformat(text) for text in window.bounds]
        assert timedelta(0) < bounds[1] - bounds[0] <= timedelta(seconds=LONGEST)
        assert calendar.is_cut(window.after)
        assert calendar.is_cut(window.until)


@given(st.integers(1, 10**7), st.integers(1, 10**7))
def test_windows_are_as_few_as_can_be_and_none_of_them_a_scrap(span: int, length: int) -> None:
    length = min(max(length, span // 50), LONGEST - 1)
    windows = windows_over(10**9, 10**9 + span, length, STEADY)
    assert len(windows) == -(-span // length)
    shortest = span // len(windows)
    assert {window.seconds for window in windows} <= {shortest, shortest + 1}


def test_the_bounds_of_the_longest_window_are_as_far_apart_as_emag_takes() -> None:
    assert next_window(0, LONGEST - 1, 10**9, STEADY).bounds == (text_of(0), text_of(LONGEST))
    assert len(windows_over(0, LONGEST, 10**9, STEADY)) == 2
    assert next_window(0, 9, 1, STEADY) == Window(0, 1)


@pytest.mark.parametrize("night", BEFORE_THE_NIGHTS)
def test_a_window_ends_before_a_night_hour_rather_than_in_it(night: str) -> None:
    before = second_at(night)
    # Half an hour more is asked for, and half an hour beyond that would pass what eMAG takes.
    after = before + 1800 - (LONGEST - 1)
    window = next_window(after, after + 2 * (LONGEST - 1), LONGEST - 1, BUCHAREST)
    assert window == Window(after, before)


@pytest.mark.parametrize("night", BEFORE_THE_NIGHTS)
def test_a_window_that_begins_before_a_night_hour_takes_it_whole(night: str) -> None:
    before = second_at(night)
    behind = before + 3602  # the hour, and a second on either side that its bounds need
    assert next_window(before, before + 86_400, 60, BUCHAREST) == Window(before, behind)
    parts = Window(before, behind + 1800).split(2, BUCHAREST)
    assert parts == [Window(before, behind), Window(behind, behind + 1800)]


def test_the_instant_of_a_second_that_is_shown_twice_is_the_last_one() -> None:
    shown_twice = second_at("2026-10-25 03:30:00")
    assert BUCHAREST.instant(shown_twice) == datetime(2026, 10, 25, 1, 30, tzinfo=timezone.utc)


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own clock shows Tokyo's time."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_tokyo")
def test_an_instant_is_told_in_utc_wherever_the_machine_is() -> None:
    told = BUCHAREST.instant(second_at("2026-06-01 12:00:00")).isoformat()
    assert told == "2026-06-01T09:00:00+00:00"


@given(st.integers(1, 10**6), st.integers(2, 60))
def test_a_window_is_split_into_as_many_parts_as_wished_of_about_equal_length(
    seconds: int, parts: int
) -> None:
    split = Window(10**9, 10**9 + seconds).split(parts, STEADY)
    assert len(split) == min(parts, seconds)
    shortest = seconds // len(split)
    assert {part.seconds for part in split} <= {shortest, shortest + 1}


@given(calendars, instants, st.integers(1, 5 * 86400), st.integers(2, 60))
def test_the_parts_of_a_window_are_the_window(
    calendar: Calendar, start: datetime, span: int, parts: int
) -> None:
    after = calendar.cut_before(calendar.local(start))
    window = Window(after, calendar.cut_behind(after + span))
    split = window.split(parts, calendar)
    assert 1 <= len(split) <= parts
    assert split[0].after == window.after
    assert split[-1].until == window.until
    assert all(left.until == right.after for left, right in pairwise(split))
    if len(split) == 1:  # only what cannot be cut stays whole
        assert not any(calendar.is_cut(cut) for cut in range(window.after + 1, window.until))


def test_a_single_second_and_the_repeated_hour_cannot_be_split() -> None:
    calendar = Calendar(ZONES[0])
    noon = second_of(datetime(2026, 6, 1, 12))  # noqa: DTZ001
    assert Window(noon, noon + 1).split(2, calendar) == [Window(noon, noon + 1)]
    night = second_of(datetime(2026, 10, 25, 3, 30))  # noqa: DTZ001
    hour = Window(calendar.cut_before(night), calendar.cut_behind(night))
    assert hour.bounds == ("2026-10-25 02:59:58", "2026-10-25 04:00:01")
    assert hour.split(9, calendar) == [hour]


def test_a_window_claims_what_lies_between_its_cuts_and_covers_its_bounds() -> None:
    window = Window(100, 200)
    assert not window.claims(100)
    assert window.claims(101)
    assert window.claims(200)
    assert not window.claims(201)
    assert window.covers(100)
    assert window.covers(201)
    assert not window.covers(99)
    assert not window.covers(202)


@given(st.integers(0, 2 * 10**9))
def test_a_local_second_is_written_and_read_back(second: int) -> None:
    assert second_of(datetime.fromisoformat(text_of(second))) == second
