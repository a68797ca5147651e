"""Calls the API: reserves slots, retries, and finds a failure's cause."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tap_emag.api.admission import Admission
from tap_emag.api.rate_limiter import bucket_of
from tap_emag.api.retries import FIRST_ATTEMPTS, OPTIONAL_ATTEMPTS, Limit, retrying
from tap_emag.api.server_clock import ServerClock
from tap_emag.api.transport import Query, Transport
from tap_emag.errors import (
    BreakerOpenError,
    BudgetStoreError,
    ContractError,
    CredentialsError,
    EmagError,
    EndedEarlyError,
    FailingResourceError,
    ForbiddenError,
    NotThereError,
    RefusedError,
    ThrottledError,
    TransientError,
    UnreachableError,
    classify,
)
from tap_emag.metrics import Recorder
from tap_emag.metrics import definitions as families
from tap_emag.schema.column_types import parse_integer
from tap_emag.schema.identity import rows_of
from tap_emag.settings.account import Account

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tap_emag.api.circuit_breaker import Breaker
    from tap_emag.api.rate_limiter import Limiter
    from tap_emag.errors import Reply
    from tap_emag.settings.settings import Settings
    from tap_emag.watchdog import Watchdog

PAGE_SIZE = 100  # the documented maximum; more is cut off or refused, depending on the resource
LARGEST_COUNT = 10_000_000  # rows; a larger count is wrong
logger = logging.getLogger("tap-emag")


@dataclass(frozen=True)
class Page:
    """The rows of one reply, which is one snapshot of the API.

    `taken` is the earliest time that the server's clock can have shown at the snapshot.
    """

    rows: list[dict[str, Any]]
    taken: datetime


@dataclass(frozen=True)
class Count:
    """The API's number of rows, and the earliest time its clock can have shown then."""

    rows: int
    taken: datetime


class Client:
    """Calls the API of one account. Thread-safe.

    The first request is sent alone: when the caller is refused, or the host does not answer, no
    other request follows, and every later call raises the same error. So a wrong password costs few
    requests, even with many threads. `Admission` judges each refusal.

    The REST helpers have their own host and their own circuit breaker: a failure there fails only
    the call itself.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        watchdog: Watchdog,
        limiter: Limiter,
        breaker: Breaker,
        rest_breaker: Breaker | None = None,
        admission: Admission | None = None,
        recorder: Recorder | None = None,
        answered: threading.Event | None = None,
    ) -> None:
        """Open a session.

        Args:
            settings: Address, credentials, timeouts, retries.
            watchdog: Ends every pause when the run ends.
            limiter: Gives every attempt its slot.
            breaker: Lets no call through while the API is down.
            rest_breaker: The same for the host of the REST helpers; by default they have none.
            admission: Judges refusals; the default has no witnesses of earlier runs.
            recorder: Counts requests, waits and retries; the default is for this client alone.
            answered: Set when the API has let this caller in.
        """
        self.clock = ServerClock()
        self.on_reply: Callable[[Reply], object] = lambda _: None  # called with good and bad ones
        account = Account(settings.marketplace, settings.account_type)
        self._recorder = recorder or Recorder(account)
        self._recorder.watch(lambda: breaker.is_open, lambda: breaker.is_refused, limiter.rate)
        self._settings = settings
        self._watchdog = watchdog
        self._limiter = limiter
        self._breaker = breaker
        self._rest_breaker = rest_breaker
        self._admission = admission or Admission()
        self._transport = Transport(settings)
        self._first = threading.Lock()
        self._judging = threading.Lock()
        self._failing: set[str] = set()  # resources that fail while others are answered
        self._answered = answered or threading.Event()
        self._missed: EmagError | None = None  # why the first request failed, if it was optional
        self._timed = False
        self._turned_away: EmagError | None = None

    @property
    def sent(self) -> int:
        """Return how many requests were sent, answered or not."""
        return round(self._recorder.total(families.REQUESTS.name))

    def rate(self, resource: str) -> float:
        """Return how many requests per second may be sent to this resource."""
        return self._limiter.rate(bucket_of(resource))

    def read(
        self,
        resource: str,
        page: int,
        filters: Mapping[str, Any],
        params: Mapping[str, str] | None = None,
        *,
        once: bool = False,
    ) -> Page:
        """Read one page, numbered from 1, of the rows that pass the filters.

        Args:
            resource: The resource, such as `order`.
            page: The number of the page.
            filters: What is sent with it, as flat JSON.
            params: What is sent in the URL, such as the language.
            once: Make one attempt, whose failure the circuit breaker does not count.

        Raises:
            EmagError: As `call` does; ContractError also when the results are not a list.
        """
        body = {**filters, "currentPage": page, "itemsPerPage": PAGE_SIZE}
        results, begun = self._results(f"{resource}/read", body, params=params or {}, once=once)
        rows = rows_of(results)
        if rows is None:
            raise ContractError(f"{resource}/read: the results are not a list")
        return Page(rows, self.clock.at(begun))

    def count(self, resource: str, filters: Mapping[str, Any], *, once: bool = False) -> Count:
        """Return how many rows pass the filters, by the API's own count.

        Rows can be read without it. So it gets at most two attempts, and opens no circuit breaker.

        Args:
            resource: The resource, such as `order`.
            filters: What is sent with it, as flat JSON.
            once: Make one attempt.

        Raises:
            EmagError: As `call` does; ContractError also when there is no number in the reply.
        """
        body = {**filters, "itemsPerPage": PAGE_SIZE}
        results, begun = self._results(f"{resource}/count", body, optional=True, once=once)
        try:
            number = parse_integer(results["noOfItems"])
        except (TypeError, KeyError, ValueError):
            number = None
        if number is None or not 0 <= number <= LARGEST_COUNT:
            raise ContractError(f"{resource}/count: the reply has no `noOfItems`")
        return Count(number, self.clock.at(begun))

    def call(self, resource: str, body: Mapping[str, Any], *, once: bool = False) -> Reply:
        """Call a resource such as `vat/read`; retry transient errors.

        Args:
            resource: The resource to call.
            body: The flat JSON to send.
            once: Make one attempt, whose failure the circuit breaker does not count.

        Raises:
            RefusedError: Credentials or IP address are refused.
            ContractError: The API refuses the request, or its reply is invalid.
            TransientError: The last attempt failed with a transient error.
        """
        reply, _ = self._call(Query(resource, "POST", self._settings.api_url, body, once=once))
        return reply

    def call_bare(self, resource: str, body: Mapping[str, Any], *, once: bool = False) -> Reply:
        """Call a resource whose reply may come without the envelope; raises as `call` does."""
        query = Query(resource, "POST", self._settings.api_url, body, enveloped=False, once=once)
        return self._call(query)[0]

    def get(self, resource: str, params: Mapping[str, Any], *, once: bool = False) -> Reply:
        """Call a resource by GET, with parameters in the URL; raises as `call` does."""
        query = Query(resource, "GET", self._settings.api_url, params, once=once)
        reply, _ = self._call(query)
        return reply

    def get_rest(self, resource: str, *, once: bool = False) -> Reply:
        """Call a resource of the REST helpers, which have their own host and no envelope.

        Raises:
            ForbiddenError: The host refuses the user.
            TransientError: The call failed, or the host failed too often lately.
            EmagError: As `call` does. All of these errors are contained.
        """
        query = Query(resource, "GET", self._settings.rest_url, {}, enveloped=False, once=once)
        try:
            limit = Limit(self._settings.retry_max_attempts, "count")
            return self._tried(query, limit, self._rest_breaker)[0]
        except BreakerOpenError as error:
            failed: EmagError = TransientError(str(error))
        except EndedEarlyError:
            raise
        except EmagError as error:
            failed = error
        failed.contained = True
        raise failed

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _results(
        self,
        resource: str,
        body: Mapping[str, Any],
        **how: Any,  # noqa: ANN401 - of the query: params, once, optional
    ) -> tuple[Any, float]:
        query = Query(resource, "POST", self._settings.api_url, body, **how)
        reply, begun = self._call(query)
        if "results" not in reply.body:
            raise ContractError(f"{resource}: the reply has no `results`")
        return reply.body["results"], begun

    def _call(self, query: Query) -> tuple[Reply, float]:
        if self._turned_away:
            raise self._turned_away
        if not self._timed:
            with self._first:
                if not self._timed:
                    return self._timely(query)
        return self._asked(query)

    def _timely(self, query: Query) -> tuple[Reply, float]:
        """Call, and call again until several replies show the server's clock.

        All other calls wait meanwhile: by one wrong clock they would lose rows.
        """
        answer = self._asked(query) if self._answered.is_set() else self._greet(query)
        while self.clock.doubtful:
            answer = self._asked(query)
        self._timed = True
        return answer

    def _asked(self, query: Query) -> tuple[Reply, float]:
        try:
            return self._patiently(query, Limit(self._settings.retry_max_attempts))
        except RefusedError as error:
            self._turned_away = error
            raise

    def _greet(self, query: Query) -> tuple[Reply, float]:
        if self._turned_away:
            raise self._turned_away
        if self._missed and query.optional:
            raise self._missed
        try:
            most = min(FIRST_ATTEMPTS, self._settings.retry_max_attempts) - bool(self._missed)
            answer = self._patiently(query, Limit(most, "stop"))
        except EmagError as error:
            if error.contained:
                # The API lets this caller in; the error is of this resource only.
                self._answered.set()
            elif query.optional and isinstance(error, TransientError):
                self._missed = error  # the next one that is not optional shows how the API is
            else:
                self._turned_away = error
            raise
        self._answered.set()
        return answer

    def _patiently(self, query: Query, limit: Limit) -> tuple[Reply, float]:
        try:
            return self._tried(query, limit, self._breaker)
        except TransientError as error:
            return self._last_try(query, error)

    def _last_try(self, query: Query, error: TransientError) -> tuple[Reply, float]:
        """Make one more attempt after all have failed, if another resource succeeds.

        Raises:
            FailingResourceError: It fails again, while other resources succeed.
            TransientError: The given error, where the API itself may fail.
        """
        if query.lenient or isinstance(error, ThrottledError) or self._breaker.is_open:
            raise error
        if query.resource not in self._failing:
            if not self._vouched(query.resource, error):
                raise error
            try:  # the API may have been down until now
                return self._guarded(replace(query, once=True), self._breaker)
            except TransientError as again:
                error = again
            self._failing.add(query.resource)
        raise FailingResourceError(
            f"{error}; eMAG answers other resources well. The next run tries again; if it fails"
            " as well, ask eMAG about this resource"
        )

    def _vouched(self, resource: str, error: EmagError) -> bool:
        """Return whether another resource succeeds; do not try where the host is unreachable."""
        if isinstance(error, UnreachableError | BudgetStoreError):
            return False
        return self._admission.vouched(resource, self._asked_again)

    def _tried(self, query: Query, limit: Limit, breaker: Breaker | None) -> tuple[Reply, float]:
        if query.once:
            limit = Limit(0, "stop")
        elif query.optional:
            most = OPTIONAL_ATTEMPTS if self._answered.is_set() else 1
            limit = Limit(most, "stop" if limit.when_open == "stop" else "count")

        def enough(failures: int) -> bool:
            given_up = query.resource in self._failing
            return given_up or limit.reached(failures, is_open=self._breaker.is_open)

        def again(error: BaseException) -> None:
            self._recorder.retried(query.endpoint, error)

        policy = retrying(self._settings, enough, self._watchdog.pause, again)
        return policy(self._guarded, query, breaker)

    def _guarded(self, query: Query, breaker: Breaker | None) -> tuple[Reply, float]:
        """Make one attempt, and report its result to the circuit breaker."""
        if breaker is None:
            return self._attempt(query)
        if breaker is self._rest_breaker:
            breaker.check()  # waiting for a helper would cost the time of all other streams
        breaker.enter(self._wait)
        try:
            answer = self._attempt(query)
        except EmagError as error:
            if query.lenient and isinstance(error, TransientError):
                breaker.abandoned()
            elif breaker is self._breaker:
                self._count_failure(query, error)
            else:
                breaker.failed(error)
            raise
        except BaseException:
            breaker.abandoned()
            raise
        breaker.succeeded()
        self._failing.discard(query.resource)
        return answer

    def _count_failure(self, query: Query, error: EmagError) -> None:
        """Let the circuit breaker count a failure, unless only this resource fails."""
        with self._judging:
            if not (self._breaker.would_open(error) and self._vouched(query.resource, error)):
                self._breaker.failed(error)

    def _wait(self, seconds: float) -> None:
        """Pause with a heartbeat: the watchdog must not take this for a stall."""
        self._watchdog.pause(seconds)
        self._watchdog.heartbeat()

    def _attempt(self, query: Query) -> tuple[Reply, float]:
        """Send once; return the reply and the monotonic time at which the request left.

        Raises:
            EmagError: The reply is an error, or none came.
        """
        reply, begun = self._exchange(query)
        arrived = time.monotonic()
        error = self._meaning(query, reply, begun)
        if isinstance(error, CredentialsError):
            error = self._judged(query, error)
        if error:
            if isinstance(error, NotThereError) and not self._admission.any_answered:
                error = type(error)(f"{error}. Check `api_url` and `marketplace`")
            raise error
        if query.base == self._settings.api_url:  # others have clocks of their own
            self.clock.observe(reply.headers.get("date", ""), arrived)
        if query.enveloped and query.method == "POST":
            self._admission.answered(query.resource, query.values)
        return reply, begun

    def _judged(self, query: Query, refusal: CredentialsError) -> EmagError:
        """Return the error of a refusal: of the caller, or of the resource only."""
        if query.base != self._settings.api_url:
            return ForbiddenError(
                f"{query.resource}: {query.base} refuses the user ({refusal.answer}). Leave the"
                " stream out of the plugin's `select` if the account has no right to it"
            )
        return self._admission.judge(query.resource, refusal, self._asked_again)

    def _asked_again(self, resource: str, values: Mapping[str, Any]) -> EmagError | None:
        """Send a request that succeeded before; return its error, None if it succeeds again."""
        query = Query(resource, "POST", self._settings.api_url, values)
        try:
            error = self._meaning(query, *self._exchange(query))
        except (TransientError, ContractError) as caught:
            return caught
        if error is None:
            self._breaker.succeeded()
        return error

    def _exchange(self, query: Query) -> tuple[Reply, float]:
        """Send once; return the reply, good or bad, and the time at which the request left."""
        bucket = bucket_of(query.resource)
        # Prepared before the wait for the slot, so that it can leave in its slot at once.
        request = self._transport.prepare(query)
        self._recorder.waited(bucket, self._limiter.take(bucket))
        begun = time.monotonic()
        status = 0
        try:
            reply = self._transport.send(query, request)
            status = reply.status
        finally:
            self._recorder.requested(query.endpoint, status, time.monotonic() - begun)
        self._watchdog.heartbeat()
        self.on_reply(reply)
        return reply, begun

    def _meaning(self, query: Query, reply: Reply, begun: float) -> EmagError | None:
        error = classify(reply, enveloped=query.enveloped)
        if isinstance(error, ThrottledError):
            bucket = bucket_of(query.resource)
            self._limiter.refused(bucket, error.wait, time.monotonic() - begun)
            self._recorder.refused(bucket)
        return error
