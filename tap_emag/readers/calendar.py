"""Time windows in the marketplace's local time: cut, split, claim. Pure.

eMAG stamps orders with local time and no zone, so windows are measured in *local seconds*: the
marketplace's local time, counted from 1970-01-01 00:00:00. One hour of it occurs twice in the
autumn night, another hour never occurs in the spring night.

A window `(after, until]` claims the seconds after + 1 … until. The request's bounds are `after` and
`until + 1`, one second wider on either side. So the reply is complete whether the API includes or
excludes its bounds. Rows of the two extra seconds belong to the neighbouring windows.

Both ends are *cuts*: neither the bounds nor the seconds between them fall into an hour that occurs
twice or never. There a server may read a bound either way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

DAY = 86_400
LONGEST = 28 * DAY  # eMAG takes at most a month between two bounds
QUARTER = 900  # clocks change on a quarter of an hour
LOOK_AHEAD = timedelta(hours=3)  # no clock goes back by more
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive on purpose: local seconds count from here


def second_of(wall: datetime) -> int:
    """Return the local second of a naive time; drop fractions."""
    return (wall - EPOCH) // timedelta(seconds=1)


def text_of(second: int) -> str:
    """Write a local second the way the API reads it."""
    return f"{EPOCH + timedelta(seconds=second):%Y-%m-%d %H:%M:%S}"


@dataclass(frozen=True)
class Calendar:
    """Converts between instants and the local seconds of one marketplace."""

    zone: ZoneInfo

    def local(self, instant: datetime) -> int:
        """Return the local second at an aware instant."""
        return second_of(instant.astimezone(self.zone).replace(tzinfo=None, fold=0))

    def instant(self, second: int) -> datetime:
        """Return the last instant, in UTC, at which the local time is this second."""
        wall = EPOCH + timedelta(seconds=second)
        return wall.replace(tzinfo=self.zone, fold=1).astimezone(timezone.utc)

    def horizon(self, now: datetime) -> int:
        """Return the newest local second that is over for good at `now`.

        No later instant has it again. In the first of two equal hours this is the second before
        the pair: eMAG may stamp further rows with the same times in the second hour.
        """
        coming = now + timedelta(seconds=QUARTER - now.timestamp() % QUARTER)
        shown = [self.local(now)]
        while coming <= now + LOOK_AHEAD:
            shown.append(self.local(coming))
            coming += timedelta(seconds=QUARTER)
        return min(shown) - 1

    def is_cut(self, second: int) -> bool:
        """Return whether a window may end with this second, and the next one begin after it."""
        return not (self._irregular(second) or self._irregular(second + 1))

    def cut_before(self, second: int) -> int:
        """Return the newest cut that is not after this second."""
        while not self.is_cut(second):
            second = (second + 1) // QUARTER * QUARTER - 2
        return second

    def cut_behind(self, second: int) -> int:
        """Return the oldest cut that is not before this second."""
        while not self.is_cut(second):
            second = (second // QUARTER + 1) * QUARTER
        return second

    def _irregular(self, second: int) -> bool:
        """Return whether this local second occurs twice, or never."""
        wall = (EPOCH + timedelta(seconds=second)).replace(tzinfo=self.zone)
        return wall.utcoffset() != wall.replace(fold=1).utcoffset()


@dataclass(frozen=True, order=True)
class Window:
    """The local seconds after + 1 … until, both ends cuts of the calendar."""

    after: int
    until: int

    @property
    def seconds(self) -> int:
        """Return how many seconds the window claims."""
        return self.until - self.after

    @property
    def bounds(self) -> tuple[str, str]:
        """Return the two bounds to ask with; rows may carry either of them."""
        return text_of(self.after), text_of(self.until + 1)

    def claims(self, second: int) -> bool:
        """Return whether this window delivers the rows of this second."""
        return self.after < second <= self.until

    def covers(self, second: int) -> bool:
        """Return whether a reply for this window may contain rows of this second."""
        return self.after <= second <= self.until + 1

    def split(self, parts: int, calendar: Calendar) -> list[Window]:
        """Split into at most `parts` windows of about equal length, gapless and in order.

        Returns the window alone when it has no cut inside: a single second, or the hour that
        occurs twice. `parts` is two or more.
        """
        cuts = {
            calendar.cut_before(self.after + self.seconds * part // parts)
            for part in range(1, parts)
        }
        inner = sorted(cut for cut in cuts if self.after < cut < self.until)
        if not inner:
            # `cut_before` went back to the start each time: take the first cut inside, if any.
            first = calendar.cut_behind(self.after + 1)
            inner = [first] if first < self.until else []
        return [Window(*ends) for ends in pairwise([self.after, *inner, self.until])]


def next_window(after: int, until: int, seconds: int, calendar: Calendar) -> Window:
    """Return the window that begins after `after`: about `seconds` long, at most up to `until`.

    Both `after` and `until` must be cuts, and `after` the earlier one.
    """
    longest = LONGEST - 1  # the bounds are a second further apart than the claim is long
    length = max(1, min(seconds, longest))
    left = until - after
    even = -(-left // -(-left // length))  # as many windows, all of about the same length
    end = calendar.cut_before(after + even)
    if end <= after:
        end = calendar.cut_behind(after + even)
    return Window(after, min(end, until))
