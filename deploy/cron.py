"""Cron expressions of five fields, as `meltano.yml` has them: when they are due, in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Final

from cronsim import CronSim, CronSimError

# First and last minute, hour, day of month, month and day of week; Sunday is 0, and 7 as well.
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
ANY_TIME: Final = datetime(2026, 1, 1, tzinfo=timezone.utc)  # fields depend on none
# A range of one value with a step, which CronSim reads as one without an end.
ONE_VALUE: Final = re.compile(r"\b(\d+)-\1/[1-9]\d*")
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
            CronError: It is none, or never due, or no systemd timer expresses it: days of the month
                and of the week together, which cron takes for "either", or a last or third weekday.
        """
        fields = text.split()
        if len(fields) != len(RANGES):
            raise CronError(f"{text!r} has {len(fields)} fields, not {len(RANGES)}")
        if fields[2] != "*" and fields[4] != "*":
            raise CronError(f"{text!r} names days of month and of week: make it two schedules")
        try:
            read = CronSim(ONE_VALUE.sub(r"\1", text), ANY_TIME)
        except CronSimError as error:
            raise CronError(f"{text!r} cannot be read: {error}") from None
        if any(not isinstance(day, int) or day < 0 for day in (*read.days, *read.weekdays)):
            raise CronError(f"{text!r} names a last or n-th day: write days by their numbers")
        weekdays = frozenset(day % len(WEEKDAYS) for day in read.weekdays if isinstance(day, int))
        minutes, hours, days, months = map(
            frozenset, (read.minutes, read.hours, read.days, read.months)
        )
        return cls(minutes, hours, days, months, weekdays)

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


def _listed(values: frozenset[int], within: tuple[int, int]) -> str:
    if values == frozenset(range(within[0], within[1] + 1)):
        return "*"
    return ",".join(f"{value:02}" for value in sorted(values))
