"""Reads the API's local times, and converts them to UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from tap_emag.schema.cleaning import MisfitError

if TYPE_CHECKING:
    from datetime import tzinfo

# Digits alone are Unix seconds from March 1973 on; smaller ones may also be a compact date.
EARLIEST_UNIX = 10**8
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, naive like all times between wire and text
STAMP = re.compile(
    r"(\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d:\d\d)?)(?:(?<=:\d\d)\.(\d+))?",
    re.ASCII,
)
# The form in the history of returns: `3 Feb 2025, 14:05`, in English on every platform.
WRITTEN = re.compile(
    r"(\d{1,2}) ([a-z]{3,9}) (\d{4}),? (\d\d?):(\d\d)(?::(\d\d))?",
    re.ASCII | re.IGNORECASE,
)
# Not from the calendar module, whose names follow the machine's language.
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
ZERO_DAY = "0000-00-00"
ZERO_STAMP = re.compile(r"0000-00-00(?:[ T]00:00:00(?:\.0+)?)?")
RECENT = 64  # times that are remembered: an order and its lines share many
UNIX = re.compile(r"\d{9,12}", re.ASCII)


def parse_naive(value: object) -> datetime | None:
    """Read a local stamp of the API.

    Args:
        value: `YYYY-MM-DD HH:MM:SS`, also with `T`, with a fraction, or the date alone (midnight);
            also `3 Feb 2025, 14:05`.

    Returns:
        The naive local time; None for null, "", a zero date, and any value that is not a local
        stamp (such as Unix seconds: their local time takes a `Clock`).
    """
    try:
        return read_stamp(value) if isinstance(value, str) else None
    except MisfitError:
        return None


def read_stamp(text: str) -> datetime | None:
    """Read a local stamp; None for a blank or zero one. Raise MisfitError for an invalid one."""
    text = text.strip()
    found = STAMP.fullmatch(text)
    if found is None:
        return _written(text) if text else None
    if text.startswith(ZERO_DAY) and ZERO_STAMP.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(found[1])
    except ValueError:
        raise MisfitError("no time of the calendar") from None
    fraction = found[2]
    return moment.replace(microsecond=int(fraction[:6].ljust(6, "0"))) if fraction else moment


@dataclass(frozen=True)
class Clock:
    """Converts a marketplace's local times to UTC.

    In autumn an hour of local time occurs twice, and the wire does not show which one is meant. The
    tap always reads it as the first, so that the same text gives the same instant in every run. A
    time that spring skips is read with the offset that was valid before the change.
    """

    zone: tzinfo

    def utc(self, value: object) -> str | None:
        """Return a time as `YYYY-MM-DDTHH:MM:SS+00:00`, fractions of a second cut off.

        Args:
            value: A local stamp as in `parse_naive`, or Unix seconds as a number or digits.

        Returns:
            The text; None for null, "" and a zero date.

        Raises:
            MisfitError: The value is not a time.
        """
        if value is None:
            return None
        return _utc_of_text(value, self.zone) if isinstance(value, str) else _utc(value, self.zone)


def _utc(value: object, zone: tzinfo) -> str | None:
    try:
        if isinstance(value, str) and not UNIX.fullmatch(value):
            moment = read_stamp(value)
            if moment is None:
                return None
            moment -= zone.utcoffset(moment) or timedelta()
        else:
            moment = EPOCH + _unix(value)
    except OverflowError:
        raise MisfitError("a time beyond the calendar") from None
    return moment.isoformat(timespec="seconds") + "+00:00"


_utc_of_text = lru_cache(maxsize=RECENT)(_utc)


def _written(text: str) -> datetime:
    found = WRITTEN.fullmatch(text)
    if found is None:
        raise MisfitError("no time")
    months = [place for place, name in enumerate(MONTHS, 1) if name.startswith(found[2].lower())]
    day, year, hour, minute, second = (int(found[group] or 0) for group in (1, 3, 4, 5, 6))
    try:
        return datetime(year, months[0], day, hour, minute, second)  # noqa: DTZ001
    except (IndexError, ValueError):
        raise MisfitError("no time of the calendar") from None


def _unix(value: object) -> timedelta:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise MisfitError("no time")
    if int(value) < EARLIEST_UNIX:
        raise MisfitError("no Unix time")
    return timedelta(seconds=int(value))
