"""Sends the doctor's requests: one at a time, in the account's budget, and at most 30.

The requests take the tap's own way, so that they leave within the request budget that running taps
share. What differs: a request is tried at most twice, and no failure opens the circuit breaker that
runs obey.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from statistics import median_low
from typing import TYPE_CHECKING, Any, Final

from tap_emag.api.circuit_breaker import Breaker
from tap_emag.api.client import PAGE_SIZE, Client
from tap_emag.api.connection_test import hasty
from tap_emag.api.rate_limiter import Limiter
from tap_emag.api.server_clock import ServerClock, machine_now
from tap_emag.errors import (
    BudgetStoreError,
    CertificateError,
    ConfigurationError,
    EmagError,
    RefusedError,
    ThrottledError,
    TransientError,
    UnreachableError,
    classify,
)
from tap_emag.ops.doctor.answer import Answer
from tap_emag.ops.doctor.report import EnoughError
from tap_emag.singer_io import override
from tap_emag.state.store import StateStore
from tap_emag.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from types import TracebackType
    from typing import Self

    from tap_emag.api.rate_limiter import BudgetStore
    from tap_emag.errors import Reply
    from tap_emag.settings.settings import Settings

MOST_REQUESTS: Final = 30
MOST_THROTTLED: Final = 3  # replies with HTTP 429, after which no request is sent
MOST_FAILING: Final = 3  # resources that do not answer, none between them that does, likewise
MOST_TRIES: Final = 2  # requests that may fail before a resource is no longer asked
LONGEST: Final = 180.0  # seconds, after which no request is sent
FATAL: Final = (
    RefusedError,
    CertificateError,
    ConfigurationError,
    UnreachableError,
    BudgetStoreError,
)


@dataclass(frozen=True)
class Heard:
    """What a reply showed besides its rows.

    `ahead` is how many seconds the `Date` of a good one is ahead of this machine's clock.
    """

    status: int
    headers: Mapping[str, str]
    good: bool
    ahead: float | None


class CappedLimiter(Limiter):
    """A rate limiter with an end."""

    taken = 0

    @override
    def take(self, bucket: str) -> float:
        """Wait for a slot; return how many seconds that took.

        Raises:
            EnoughError: All requests of the doctor have been sent.
        """
        if self.taken >= MOST_REQUESTS:
            raise EnoughError(f"the doctor sends at most {MOST_REQUESTS} requests")
        self.taken += 1
        return super().take(bucket)


class _Trusting(ServerClock):
    """Asks for no further replies: the doctor proves no window by the clock."""

    @property
    @override
    def doubtful(self) -> bool:
        return False

    @override
    def observe(self, date_header: str, arrived: float) -> None:
        """Leave the comparison of clocks to the doctor."""


class Prober:
    """Asks eMAG, and returns errors instead of raising them. Use it as a context manager."""

    def __init__(self, settings: Settings, budgets: BudgetStore) -> None:
        """Take checked settings, and the store of the account's request budgets."""
        self.heard: list[Heard] = []
        self.stopped: EmagError | None = None
        self._settings = hasty(settings)
        self._watchdog = Watchdog()
        self._limiter = CappedLimiter(budgets, sleep=self._watchdog.pause)
        self._folder = tempfile.TemporaryDirectory(prefix="emag-doctor-")
        self._store = StateStore(Path(self._folder.name))
        self._client = self._connect()
        self._begun = time.monotonic()
        self._failing: set[str] = set()  # resources that failed since one last answered
        self._failures: Counter[str] = Counter()
        self._throttled = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()
        self._store.close()
        self._folder.cleanup()

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        return self._limiter.taken

    @property
    def ahead(self) -> float | None:
        """How many seconds eMAG's clock is ahead of this machine's, by most replies."""
        known = [each.ahead for each in self.heard if each.ahead is not None]
        return median_low(known) if known else None

    def now(self) -> datetime:
        """Return the time by eMAG's clock, or by this machine's where no reply is dated."""
        return machine_now() + timedelta(seconds=self.ahead or 0)

    def ask(
        self, resource: str, body: Mapping[str, Any] | None = None, *, bare: bool = False
    ) -> Answer:
        """Send one request, such as to `vat/read`; `bare` replies may have no envelope."""
        before = self._limiter.taken
        answer = self._tried(resource, body or {}, bare=bare)
        if self._may_go_on(resource, answer):
            self._watchdog.pause(self._settings.retry_wait_min_seconds)
            answer = self._tried(resource, body or {}, bare=bare)
        if not isinstance(answer.error, TransientError):
            self._failing.clear()
        elif self.stopped is None:
            self._failing.add(resource)
            if len(self._failing) >= MOST_FAILING:
                self.stopped = EnoughError("eMAG did not answer several times in a row")
        return replace(answer, sent=self._limiter.taken > before)

    def _may_go_on(self, resource: str, answer: Answer) -> bool:
        """Return whether a request is to be tried again."""
        transient = isinstance(answer.error, TransientError) and self.stopped is None
        return transient and self._failures[resource] < MOST_TRIES

    def read(
        self, resource: str, filters: Mapping[str, Any], page: int = 1, size: int = PAGE_SIZE
    ) -> Answer:
        """Read one page."""
        paging = {"currentPage": page, "itemsPerPage": size}
        return self.ask(f"{resource}/read", {**filters, **paging})

    def count(self, resource: str, filters: Mapping[str, Any]) -> Answer:
        """Ask how many rows pass the filters."""
        return self.ask(f"{resource}/count", {**filters, "itemsPerPage": PAGE_SIZE})

    def _tried(self, resource: str, body: Mapping[str, Any], *, bare: bool) -> Answer:
        if self.stopped is None and time.monotonic() - self._begun > LONGEST:
            self.stopped = EnoughError(f"the doctor asks for at most {LONGEST:.0f} s")
        if self.stopped is not None:
            return Answer(error=self.stopped)
        if self._failures[resource] >= MOST_TRIES:
            return Answer(error=EnoughError(f"{resource} has failed {MOST_TRIES} times"))
        call = self._client.call_bare if bare else self._client.call
        try:
            return Answer(call(resource, body, once=True))
        except EmagError as error:
            self._throttled += isinstance(error, ThrottledError)
            self._failures[resource] += isinstance(error, TransientError)
            many = self._throttled >= MOST_THROTTLED
            if many or isinstance(error, (*FATAL, EnoughError)):
                self.stopped = error
            return Answer(error=error)

    def _connect(self) -> Client:
        settings = self._settings
        admitted = threading.Event()
        admitted.set()  # the client would try a first request several times
        breaker = Breaker(
            self._store,
            "doctor",
            settings.api_identity,
            threshold=MOST_REQUESTS,
            recovery=settings.breaker_recovery_seconds,
        )
        client = Client(
            settings,
            watchdog=self._watchdog,
            limiter=self._limiter,
            breaker=breaker,
            answered=admitted,
        )
        client.clock = _Trusting(machine_now)
        client.on_reply = self._hear
        return client

    def _hear(self, reply: Reply) -> None:
        # The date of an error page may be that of another machine.
        good = classify(reply, enveloped=False) is None
        date = _date(reply.headers.get("date", "")) if good else None
        ahead = (date - machine_now()).total_seconds() if date else None
        self.heard.append(Heard(reply.status, reply.headers, good, ahead))


def _date(header: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(header)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
