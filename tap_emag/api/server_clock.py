"""Estimates the earliest time that eMAG's clock can show.

Rows up to a time are complete only if eMAG's clock, which stamps them, has passed that time. No
single source of it is reliable. A reply's `Date` may come from another node, from a cache, or from
a clock that calls local time GMT. This machine's clock may lack NTP. So the earliest plausible time
counts. A clock that is slow delays rows, and loses none.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from statistics import median_low
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

YEARS = (2000, 2100)  # a date of any other year is invalid
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
RECENT = 9  # dated replies that are remembered
ENOUGH = 5  # dated replies, after which the clock is not doubtful
MOST_ASKED = 10  # good replies, dated or not, likewise
NOTABLE = 60.0  # seconds between two clocks that are worth a warning
SERIOUS = 300.0  # seconds between two clocks of which one must be wrong
REMEDY = "If this machine's clock is wrong, set it by NTP (`timedatectl set-ntp true`)"
logger = logging.getLogger("tap-emag")


def machine_now() -> datetime:
    """Return the time that this machine's clock shows."""
    return datetime.now(timezone.utc)


class ServerClock:
    """A lower bound of the server's time at any moment of this process.

    A reply dated 12:00:00 left the server at 12:00:00 or up to a second later. So at its arrival a
    correct clock shows at least that. The bound is the earliest of this machine's clock and the
    latest RECENT replies. So it exceeds the server's time only if this machine's clock is ahead. In
    addition, all of those replies are, or more than half of them by just as much.
    """

    def __init__(self, machine: Callable[[], datetime] = machine_now) -> None:
        """Start without replies; `machine` returns the time of this machine's clock."""
        self._machine = machine
        self._lock = threading.Lock()
        self._offsets: deque[float] = deque(maxlen=RECENT)  # of server time against time.monotonic
        self._heard = 0
        self._reported: set[str] = set()

    @property
    def known(self) -> bool:
        """Return whether any good reply carried a date."""
        return bool(self._offsets)

    @property
    def doubtful(self) -> bool:
        """Return whether further replies are needed before any window is proven.

        A single reply is not enough: this machine's clock or other replies have to agree with it.
        """
        with self._lock:
            offsets, heard = list(self._offsets), self._heard
        if len(offsets) >= ENOUGH or heard >= MOST_ASKED:
            return False
        machine = self._machine_offset()
        return not offsets or any(abs(offset - machine) > NOTABLE for offset in offsets)

    def observe(self, date_header: str, arrived: float) -> None:
        """Learn from a good reply; do not pass the date of an error page.

        Args:
            date_header: Its `Date`; ignored if missing or not a date.
            arrived: time.monotonic() at its arrival.
        """
        moment = _parsed(date_header)
        with self._lock:
            self._heard += 1
            if moment is not None:
                self._offsets.append((moment - EPOCH).total_seconds() - arrived)
            offsets, heard = list(self._offsets), self._heard
        if len(offsets) >= ENOUGH:
            self._compare(median_low(offsets))
        elif not offsets and heard >= ENOUGH:
            self._report(
                "undated",
                "eMAG's replies carry no usable `Date`: only this machine's clock shows how far"
                " orders may be read. Make sure that it is set by NTP, and that no proxy removes"
                " `Date` from replies",
            )

    def at(self, monotonic: float) -> datetime:
        """Return the earliest time the server's clock can have shown at a monotonic moment."""
        return EPOCH + timedelta(seconds=self._earliest() + monotonic)

    def now(self) -> datetime:
        """Return the earliest time the server's clock can show now."""
        return self.at(time.monotonic())

    def likely(self) -> datetime:
        """Return the time that most replies show: good for a stamp, not for a proof.

        A machine whose clock is slow must not stamp rows with earlier times than rows before them.
        """
        with self._lock:
            offsets = list(self._offsets)
        offset = median_low(offsets) if offsets else self._machine_offset()
        return EPOCH + timedelta(seconds=offset + time.monotonic())

    def _earliest(self) -> float:
        """Return the smallest plausible offset.

        A reply dated long before all others is implausible where more than half of the replies
        agree with this machine.
        """
        machine = self._machine_offset()
        with self._lock:
            offsets = list(self._offsets)
        near = [offset for offset in offsets if abs(offset - machine) <= SERIOUS]
        return min([machine, *(near if 2 * len(near) > len(offsets) else offsets)])

    def _machine_offset(self) -> float:
        return (self._machine() - EPOCH).total_seconds() - time.monotonic()

    def _compare(self, server: float) -> None:
        """Log once that most replies and this machine's clock differ, and what follows."""
        monotonic = time.monotonic()
        ahead = server - self._machine_offset()
        if abs(ahead) <= NOTABLE:
            return
        shown = EPOCH + timedelta(seconds=server + monotonic)
        what = (
            f"this machine's clock shows {shown - timedelta(seconds=ahead):%Y-%m-%d %H:%M:%S} UTC,"
            f" eMAG's replies {shown:%Y-%m-%d %H:%M:%S} UTC, which is"
            f" {timedelta(seconds=round(abs(ahead)))} {'later' if ahead > 0 else 'earlier'}. "
        )
        if abs(ahead) > SERIOUS:
            follows = (
                f"Rows are read up to the earlier time: none is lost, the newest may come late."
                f" {REMEDY}; if it is right, report the difference to eMAG"
            )
        else:
            follows = f"The earlier time counts. {REMEDY}"
        self._report("differ", what + follows)

    def _report(self, kind: str, message: str) -> None:
        with self._lock:
            new = kind not in self._reported
            self._reported.add(kind)
        if new:
            logger.warning("%s", message)


def _parsed(header: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(header)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return aware if YEARS[0] <= aware.year < YEARS[1] else None
