"""Cron expressions of five fields, as `meltano.yml` has them: when they are due, in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

# First and last minute, hour, day of month, month and day of week; Sunday is 0, and 7 as well.
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


class CronError(ValueError):
    """An expression cannot be read; the message says why."""


@dataclass(frozen=True)
class Cron:
    """When something is due: the values each field may have."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Read an expression such as `2-57/5 * * * *`: numbers, `*`, ranges, steps and lists.

        Raises:
            CronError: It is none, or it names both days of the month and days of the week. What
                cron makes of these two together, "either", no systemd timer can say.
        """
        fields = text.split()
        if len(fields) != len(RANGES):
            raise CronError(f"{text!r} has {len(fields)} fields, not {len(RANGES)}")
        if fields[2] != "*" and fields[4] != "*":
            raise CronError(f"{text!r} names days of month and of week: make it two schedules")
        read = [
            _values(field, first, last) for field, (first, last) in zip(fields, RANGES, strict=True)
        ]
        weekdays = frozenset(day % len(WEEKDAYS) for day in read[4])
        return cls(read[0], read[1], read[2], read[3], weekdays)

    def due(self, moment: datetime) -> bool:
        """Tell whether the minute of this moment, which is in UTC, is one of those meant."""
        return (
            moment.minute in self.minutes
            and moment.hour in self.hours
            and moment.day in self.days
            and moment.month in self.months
            and moment.isoweekday() % len(WEEKDAYS) in self.weekdays
        )

    def on_calendar(self) -> str:
        """Return the same as a systemd timer's `OnCalendar`, such as `*-*-* *:21:00 UTC`."""
        names = [WEEKDAYS[day] for day in sorted(self.weekdays)]
        days = "" if len(names) == len(WEEKDAYS) else f"{','.join(names)} "
        month, day = _listed(self.months, RANGES[3]), _listed(self.days, RANGES[2])
        hour, minute = _listed(self.hours, RANGES[1]), _listed(self.minutes, RANGES[0])
        return f"{days}*-{month}-{day} {hour}:{minute}:00 UTC"


def _values(field: str, first: int, last: int) -> frozenset[int]:
    values: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        low, dash, high = span.partition("-")
        try:
            begin = first if span == "*" else int(low)
            end = int(high) if dash else last if span == "*" or step else begin
            found = range(begin, end + 1, int(step or 1))
        except ValueError as error:
            raise CronError(f"{field!r} cannot be read: {error}") from None
        if not found or begin < first or end > last or found.step < 1:
            raise CronError(f"{part!r} is not within {first} to {last}")
        values |= set(found)
    return frozenset(values)


def _listed(values: frozenset[int], within: tuple[int, int]) -> str:
    if values == frozenset(range(within[0], within[1] + 1)):
        return "*"
    return ",".join(f"{value:02}" for value in sorted(values))
