"""The marketplace's clock: naive local text out, naive local bounds in."""

from __future__ import annotations

import calendar
import re
import time
from bisect import bisect_right
from datetime import datetime, timezone
from typing import Final
from zoneinfo import ZoneInfo

DAY: Final = 86_400
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2045
STAMP: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d))?")


class LocalTime:
    """One time zone, with its offset changes laid out for quick look-up.

    Instants are integer seconds since 1970 UTC. A `naive` number is what the zone's clock shows,
    counted as if it were UTC: `instant + offset`.
    """

    def __init__(self, name: str) -> None:
        """Prepare the zone called `name`.

        Raises:
            ValueError: when there is no such zone.
        """
        try:
            self._zone = ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            message = f"there is no time zone {name!r}"
            raise ValueError(message) from error
        self._changes, self._offsets = self._transitions()
        self._days: dict[int, str] = {}
        self._clock: dict[int, str] = {}

    def offset(self, instant: int) -> int:
        """Seconds that the zone is ahead of UTC at an instant."""
        return self._offsets[bisect_right(self._changes, instant)]

    def naive(self, instant: int) -> int:
        """What the zone's clock shows."""
        return instant + self._offsets[bisect_right(self._changes, instant)]

    def text(self, instant: int) -> str:
        """What the zone's clock shows, as `YYYY-MM-DD HH:MM:SS`."""
        day, second = divmod(instant + self._offsets[bisect_right(self._changes, instant)], DAY)
        date = self._days.get(day)
        if date is None:
            date = self._days[day] = time.strftime("%Y-%m-%d ", time.gmtime(day * DAY))
        clock = self._clock.get(second)
        if clock is None:
            clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
            self._clock[second] = clock
        return date + clock

    def fold(self, instant: int) -> int:
        """1 in the second half of a repeated hour, else 0."""
        return datetime.fromtimestamp(instant, self._zone).fold

    def instant(self, naive: int, fold: int = 0) -> int:
        """The instant at which the zone's clock shows `naive`; `fold` picks one of two."""
        shown = datetime.fromtimestamp(naive, timezone.utc)
        return int(shown.replace(tzinfo=self._zone, fold=fold).timestamp())

    def repeats(self, first: int, last: int) -> list[int]:
        """Instants between two at which the zone's clock is put back."""
        return [
            change
            for number, change in enumerate(self._changes)
            if first < change < last and self._offsets[number + 1] < self._offsets[number]
        ]

    def _transitions(self) -> tuple[list[int], list[int]]:
        first = calendar.timegm((FIRST_YEAR, 1, 1, 0, 0, 0))
        last = calendar.timegm((LAST_YEAR, 1, 1, 0, 0, 0))
        changes: list[int] = []
        offsets = [self._offset(first)]
        # No zone changes its offset twice within a week.
        for week in range(first, last, 7 * DAY):
            if self._offset(week + 7 * DAY) != offsets[-1]:
                changes.append(self._change_within(week, week + 7 * DAY))
                offsets.append(self._offset(week + 7 * DAY))
        return changes, offsets

    def _change_within(self, low: int, high: int) -> int:
        before = self._offset(low)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._offset(middle) == before else (low, middle)
        return high

    def _offset(self, instant: int) -> int:
        offset = datetime.fromtimestamp(instant, self._zone).utcoffset()
        return int(offset.total_seconds()) if offset else 0


def parse_stamp(text: object) -> int:
    """The naive number of `YYYY-MM-DD HH:MM:SS`, or of a bare date.

    Raises:
        ValueError: for anything else, a fraction or a `T` included.
    """
    found = STAMP.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        message = f"not a date: {text!r}"
        raise ValueError(message)
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    moment = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    return int(moment.timestamp())
