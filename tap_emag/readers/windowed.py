"""Reads a range of time in many windows at once and delivers them sealed, oldest first."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tap_emag.client import Count, Page
from tap_emag.errors import ContractError
from tap_emag.readers.line import Line
from tap_emag.readers.reading import COUNT, Ask, Sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Executor
    from datetime import datetime

    from tap_emag.client import Client
    from tap_emag.windows import Calendar

BEHIND_CLOCK = timedelta(seconds=2)


@dataclass(frozen=True)
class WindowReader:
    """Reads one resource by windows on `modified`.

    `moment` parses a naive local time as the API writes it; `concurrency` is how many requests may be
    under way at once.
    """

    client: Client
    calendar: Calendar
    executor: Executor
    concurrency: int
    moment: Callable[[Any], datetime | None]
    resource: str = "order"

    def read(self, after: int, end: int | None, filters: Mapping[str, Any]) -> Iterator[Sealed]:
        """Deliver every window of (after, now] or (after, end], sealed, oldest first.

        A thread of its own keeps requests under way while the caller writes rows to the target.

        Args:
            after: Local second behind which to begin, a cut of the calendar.
            end: Local second to stop at, a cut; None, or one still to come, means the present: two
                seconds behind the server's clock when the run began.
            filters: What else each request asks for, such as the order type.

        Raises:
            EmagError: What the client raises, or that the rows never held still.
        """
        line = Line(self, after, end, dict(filters))
        thread = threading.Thread(target=line.run, name="windows", daemon=True)
        thread.start()
        try:
            while (sealed := line.next()) is not None:
                yield sealed
        finally:
            line.stopped.set()
            thread.join(timeout=1)

    def ask(self, ask: Ask, filters: Mapping[str, Any]) -> Page | Count | None:
        """Send one request of a window; None when the API refuses to count."""
        asked = {**filters, "modifiedAfter": ask.bounds[0], "modifiedBefore": ask.bounds[1]}
        if ask.page != COUNT:
            return self.client.read(self.resource, ask.page, asked)
        try:
            return self.client.count(self.resource, asked)
        except ContractError:
            return None

    def settled(self, now: datetime) -> int:
        """Return the newest local second that is over for good, two seconds behind `now`."""
        return self.calendar.horizon(now - BEHIND_CLOCK)
