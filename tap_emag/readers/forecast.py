"""Estimates what a first sync reads, from eMAG's counts: rows and requests of one stream.

A count may be refused, fail or be wrong, and rows are read without it. So it gets one attempt, and
a stream that is not counted is named as such.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_emag.api.client import PAGE_SIZE
from tap_emag.readers.calendar import LONGEST, Window
from tap_emag.readers.counts import count_or_none

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_emag.api.client import Client
    from tap_emag.readers.calendar import Calendar

ROWS_PER_REQUEST = 90  # of windows; counts and half empty pages take the rest
MOST_SAMPLES = 2  # windows that are counted of one range


@dataclass(frozen=True)
class Forecast:
    """What a first sync of one stream takes; `rows` is None where eMAG does not count them.

    A stream without `what`, a word for its rows, is too short to be named.
    """

    what: str = ""
    rows: int | None = 0
    requests: int = 2  # a page, and an empty one


def counted(client: Client, resource: str, filters: Mapping[str, Any] | None = None) -> int | None:
    """Return eMAG's count by a single attempt; None where it is refused or fails.

    Raises:
        EmagError: An error that is not about counts.
    """
    count = count_or_none(client, resource, filters or {}, once=True)
    return None if count is None else count.rows


def samples(after: int, until: int, calendar: Calendar) -> list[Window]:
    """Return windows of a range to count, each short enough for eMAG, spread evenly over it."""
    number = math.ceil((until - after) / (LONGEST - 1))
    whole = Window(after, max(after, until))
    windows = whole.split(number, calendar) if number > 1 else [whole]
    if len(windows) <= MOST_SAMPLES:
        return windows
    step = (len(windows) - 1) / (MOST_SAMPLES - 1)
    return [windows[round(place * step)] for place in range(MOST_SAMPLES)]


def extrapolated(rows: int, sampled: list[Window], range_seconds: int, total: int | None) -> int:
    """Return about how many rows a range has.

    Args:
        rows: The rows of some of its windows.
        sampled: These windows.
        range_seconds: The length of the range.
        total: The rows of all time, if they were counted.
    """
    seconds = sum(window.seconds for window in sampled)
    found = round(rows * range_seconds / seconds) if seconds else rows
    # A smaller total than the windows have is not one of all time.
    return found if total is None or total < rows else min(found, total)


def page_requests(rows: int) -> int:
    """Return how many requests a full scan takes: a count, and pages of which the last is short."""
    return rows // PAGE_SIZE + 2


def window_requests(rows: int, seconds: int) -> int:
    """Return how many requests windows take: a count for each month, and the pages."""
    return math.ceil(seconds / LONGEST) + math.ceil(rows / ROWS_PER_REQUEST)
