"""Logs what a first sync has ahead.

eMAG is asked for ten counts at most, those of both request budgets at the same time. The sync
waits for the first answer only, and never fails because of them: where eMAG is down or refuses the
caller, the first request of the sync reports it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, Protocol

from tap_emag.errors import EmagError
from tap_emag.progress import spoken

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import ClassVar

    from tap_emag.readers.forecast import Forecast
    from tap_emag.run import Run

logger = logging.getLogger("tap-emag")

PATIENCE: Final = 10.0  # seconds
LOOK: Final = 0.02  # seconds
DIGITS: Final = 2  # of a number that is about right


class UnreadStream(Protocol):
    """The attributes of a stream that an estimate needs."""

    bucket: ClassVar[str]

    @property
    def bookmarked(self) -> bool:
        """Whether an earlier run has read it."""

    def forecast(self) -> Forecast:
        """Return what a first sync of it takes."""


class FirstSync:
    """The streams of a run that no earlier run has read."""

    def __init__(self, run: Run, streams: Iterable[UnreadStream]) -> None:
        """Take the streams of the run that send requests."""
        self._run = run
        self._over = threading.Event()  # set when no further count is needed
        self._failed = False
        self._streams: dict[str, list[UnreadStream]] = defaultdict(list)
        if not run.settings.order_reread_days:  # each of those runs reads from the beginning
            for stream in streams:
                if not stream.bookmarked:
                    self._streams[stream.bucket].append(stream)

    @contextmanager
    def announced(self) -> Iterator[None]:
        """Count and log what is ahead, if anything is, while the sync is under way.

        The block begins when eMAG has answered, or after ten seconds: by then it is known whether
        this caller is let in.

        Raises:
            EmagError: The run was asked to end meanwhile.
        """
        found: dict[str, list[Forecast]] = {bucket: [] for bucket in self._streams}
        threads = [
            threading.Thread(target=self._ask, args=each, name="forecast", daemon=True)
            for each in found.items()
        ]
        for thread in threads:
            thread.start()
        logs = threading.Thread(target=self._log_when_counted, args=(threads, found), daemon=True)
        logs.start()
        try:
            while logs.is_alive() and not self._run.answered.is_set():
                self._run.watchdog.pause(LOOK)
            yield
            while logs.is_alive():  # a shop so small that it is read before it is counted
                self._run.watchdog.pause(LOOK)
        finally:
            self._over.set()
            logs.join()

    def _log_when_counted(
        self, threads: Sequence[threading.Thread], found: Mapping[str, list[Forecast]]
    ) -> None:
        until = time.monotonic() + PATIENCE
        while any(thread.is_alive() for thread in threads) and time.monotonic() < until:
            if self._over.wait(LOOK):
                return
        self._over.set()
        if not self._failed:
            with suppress(EmagError):
                self._log(found)

    def _ask(self, bucket: str, found: list[Forecast]) -> None:
        try:
            for stream in self._streams[bucket]:
                if self._over.is_set():
                    return
                found.append(stream.forecast())
        except (EmagError, RuntimeError):  # the latter when the run is over, and its threads
            self._failed = True

    def _log(self, found: Mapping[str, Sequence[Forecast]]) -> None:
        complete = all(len(some) == len(self._streams[bucket]) for bucket, some in found.items())
        named = [each for some in found.values() for each in some if each.what]
        if complete and all(each.rows == 0 for each in named):
            return  # short lists only, or a shop that has nothing yet
        rates = {bucket: self._run.limiter.rate(bucket) for bucket in found}
        logger.info(text_of(found, rates, complete=complete))


def text_of(
    found: Mapping[str, Sequence[Forecast]], rates: Mapping[str, float], *, complete: bool
) -> str:
    """Return what is ahead as one line.

    For example: `first sync: about 20,000 orders, 2,500 offers; some 250 requests, about 22 s`.

    Args:
        found: What streams take, by the bucket of their requests.
        rates: Requests per second of each bucket.
        complete: Whether all streams were asked.
    """
    named = [each for some in found.values() for each in some if each.what]
    named.sort(key=lambda each: -(each.rows or 0))
    known = [f"{rounded(each.rows):,} {each.what}" for each in named if each.rows is not None]
    unknown = [each.what for each in named if each.rows is None]
    parts = [f"about {', '.join(known)}"] if known else []
    if unknown or not complete:
        what = f"the number of {' and '.join(unknown)}" if unknown else "what else is ahead"
        parts.append(f"{what} and the time are not known, since eMAG gave no count")
    else:
        requests = {bucket: sum(each.requests for each in some) for bucket, some in found.items()}
        seconds = max(requests[bucket] / rates[bucket] for bucket in found)
        number = rounded(sum(requests.values()))
        parts.append(f"some {number:,} requests, about {spoken(seconds)}")
    return f"first sync: {'; '.join(parts)}"


def rounded(number: int) -> int:
    """Return a number that is about right without the digits that are not."""
    return round(number, DIGITS - len(str(number))) if number else 0
