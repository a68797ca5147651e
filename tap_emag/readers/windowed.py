"""Reads a range of time in many windows at once and delivers them sealed, oldest first."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tap_emag.errors import ContractError
from tap_emag.readers.line import Line
from tap_emag.readers.reading import COUNT, Trust

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Executor
    from datetime import datetime

    from tap_emag.client import Client, Count, Page
    from tap_emag.life import Life
    from tap_emag.readers.reading import Ask, Axis
    from tap_emag.windows import Calendar

BEHIND_CLOCK = timedelta(seconds=2)


@dataclass(frozen=True)
class WindowReader:
    """Reads one resource by windows of time; `concurrency` is how many requests it has at once.

    `late` is how long ago the time may lie that a row is stored with. Whoever reads again so far
    back finds it.
    """

    client: Client
    axis: Axis
    calendar: Calendar
    executor: Executor
    life: Life
    concurrency: int
    late: timedelta = timedelta(0)
    trust: Trust = field(default_factory=Trust)

    def start(self, after: int, end: int | None, filters: Mapping[str, Any]) -> Line:
        """Begin to read every window of (after, now] or (after, end].

        Requests go out at once, from a thread of their own, so that the caller can write the rows
        of one range while the next is being read.

        Args:
            after: Local second behind which to begin, a cut of the calendar.
            end: Local second to stop at, a cut; None, or one still to come, means the present: two
                seconds behind the server's clock when the run began.
            filters: What else each request asks for, such as the order type.

        Returns:
            The windows under way; iterate it for the sealed ones, oldest first.
        """
        line = Line(self, after, end, dict(filters))
        threading.Thread(target=line.run, name="windows", daemon=True).start()
        return line

    def ask(self, ask: Ask, filters: Mapping[str, Any]) -> Page | Count | None:
        """Send one request of a window; None when the API refuses to count."""
        axis = self.axis
        asked = {**filters, axis.after: ask.bounds[0], axis.before: ask.bounds[1]}
        if ask.page != COUNT:
            return self.client.read(axis.resource, ask.page, asked)
        try:
            return self.client.count(axis.resource, asked)
        except ContractError:
            return None

    def settled(self, now: datetime) -> int:
        """Return the newest local second that is over for good, two seconds behind `now`."""
        return self.calendar.horizon(now - BEHIND_CLOCK)
