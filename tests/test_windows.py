"""The marketplace's clock and the windows laid over it, on every night of the year."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from tap_emag.windows import LONGEST, Calendar, Window, next_window, second_of, text_of

ZONES = [ZoneInfo(name) for name in ("Europe/Bucharest", "Europe/Sofia", "Europe/Budapest")]
NIGHTS = [
    datetime(2026, 3, 29, 1, tzinfo=timezone.utc),  # an hour is never lived
    datetime(2026, 10, 25, 1, tzinfo=timezone.utc),  # an hour is lived twice
    datetime(2026, 6, 15, 12, tzinfo=timezone.utc),
]

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


@given(calendars, instants, st.integers(1, 40 * 86400), st.integers(1, 50 * 86400))
def test_windows_cover_a_range_without_gap_or_overlap(
    calendar: Calendar, start: datetime, span: int, length: int
) -> None:
    after = calendar.cut_before(calendar.local(start))
    until = calendar.cut_behind(after + span)
    length = max(length, span // 50)
    windows = [next_window(after, until, length, calendar)]
    while windows[-1].until < until:
        windows.append(next_window(windows[-1].until, until, length, calendar))
    assert windows[0].after == after
    assert windows[-1].until == until
    assert all(left.until == right.after for left, right in pairwise(windows))
    for window in windows:
        bounds = [datetime.fromisoformat(text) for text in window.bounds]
        assert timedelta(0) < bounds[1] - bounds[0] <= timedelta(seconds=LONGEST)
        assert calendar.is_cut(window.after)
        assert calendar.is_cut(window.until)


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
