"""The server's clock, read off the `Date` headers of its replies."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

YEARS = (2000, 2100)  # a clock that shows any other is none
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class ServerClock:
    """A lower bound of the server's time at any moment of this process.

    A reply that says 12:00:00 when it arrives left the server at 12:00:00 or up to a second later,
    so at its arrival the server's clock shows at least that; the best of all replies counts.
    Windows end behind this bound, and a machine whose own clock is wrong does no harm.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._lock = threading.Lock()
        self._offset: float | None = None

    @property
    def known(self) -> bool:
        """Tell whether any reply has said what time it is."""
        return self._offset is not None

    def observe(self, date_header: str, arrived: float) -> None:
        """Learn from a reply; `arrived` is time.monotonic() at its arrival.

        A header that is missing or no date is passed over: the bound stays what it was.
        """
        try:
            moment = parsedate_to_datetime(date_header)
        except (TypeError, ValueError, OverflowError, IndexError):
            return
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        if not YEARS[0] <= moment.year < YEARS[1]:
            return
        offset = (moment - EPOCH).total_seconds() - arrived
        with self._lock:
            if self._offset is None or offset > self._offset:
                self._offset = offset

    def at(self, monotonic: float) -> datetime:
        """Return the earliest time the server's clock can have shown at a monotonic moment.

        Before the first reply this machine's own clock has to do.
        """
        if self._offset is None:
            return datetime.now(timezone.utc) - timedelta(seconds=time.monotonic() - monotonic)
        return EPOCH + timedelta(seconds=self._offset + monotonic)

    def now(self) -> datetime:
        """Return the earliest time the server's clock can show now."""
        return self.at(time.monotonic())
