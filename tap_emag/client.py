"""One call of the API: a POST of flat JSON, a slot for every attempt, a checked envelope."""

from __future__ import annotations

import logging
import re
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError

from tap_emag.clock import ServerClock
from tap_emag.errors import (
    ContractError,
    EmagError,
    Reply,
    ThrottledError,
    TransientError,
    UnreachableError,
    classify,
)
from tap_emag.limits import bucket_of
from tap_emag.metrics import Counts, families
from tap_emag.parsing import parse
from tap_emag.retries import retrying
from tap_emag.tables.account import Account
from tap_emag.tables.raw import rows_of
from tap_emag.types import parse_integer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from tap_emag.breaker import Breaker
    from tap_emag.life import Life
    from tap_emag.limits import Limiter
    from tap_emag.settings import Settings

PAGE_SIZE = 100  # the documented maximum; more is cut off or refused, depending on the resource
CONNECT_TIMEOUT = 10.0  # seconds
CHUNK = 65_536  # bytes
LONGEST_BODY = 64 * 1024 * 1024  # bytes; a page of 100 orders takes 0.4 MB
LARGEST_COUNT = 10_000_000  # rows; what counts more counts wrongly
FIRST_ATTEMPTS = 3  # as long as nothing has ever come back, the cause is hardly a passing one
logger = logging.getLogger("tap-emag")


@dataclass(frozen=True)
class Query:
    """What to ask: a resource such as `order/read` below a base URL, and how."""

    resource: str
    method: str
    base: str
    values: Mapping[str, Any]
    enveloped: bool = True

    @property
    def endpoint(self) -> str:
        """Return the resource without ids, so that there are only so many of them."""
        return re.sub(r"/\d+", "", self.resource)

    def request(self) -> requests.Request:
        """Return the request: flat JSON for POST, parameters in the URL for GET."""
        where = {"json" if self.method == "POST" else "params": dict(self.values)}
        return requests.Request(self.method, f"{self.base}/{self.resource}", **where)


@dataclass(frozen=True)
class Page:
    """The rows of one reply, which is one snapshot of the API.

    `taken` is the earliest time the server's clock can have shown when the snapshot was made.
    """

    rows: list[dict[str, Any]]
    taken: datetime

    @property
    def short(self) -> bool:
        """Tell whether fewer rows came than a page holds: then there are no further ones."""
        return len(self.rows) < PAGE_SIZE


@dataclass(frozen=True)
class Count:
    """How many rows the API says there are, and the earliest time its clock can have shown then."""

    rows: int
    taken: datetime


class Client:
    """Calls the API of one account. Safe to use from several threads.

    The first request of all goes alone: when it is refused, or nobody answers, nothing else is
    sent, and every later call raises the same error. So a wrong password costs one request, however
    many threads stand ready.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        life: Life,
        limiter: Limiter,
        breaker: Breaker,
        counts: Counts | None = None,
    ) -> None:
        """Open a session.

        Args:
            settings: Address, credentials, timeouts, retries.
            life: Ends every pause when the run ends.
            limiter: Gives every attempt its slot.
            breaker: Holds calls back while the API is down.
            counts: Where requests, waits and retries are counted; by default nobody else looks.
        """
        self.clock = ServerClock()
        account = Account(settings.marketplace, settings.account_type)
        self._counts = counts or Counts(account)
        self._counts.watch(lambda: breaker.is_open, limiter.rate)
        self._settings = settings
        self._life = life
        self._limiter = limiter
        self._breaker = breaker
        self._session = _session(settings)
        # Proxies and certificates from the environment.
        self._network = self._session.merge_environment_settings(
            settings.api_url, {}, stream=True, verify=None, cert=None
        )
        self._first = threading.Lock()
        self._greeted = False
        self._turned_away: EmagError | None = None
        self._told: set[tuple[str, str]] = set()

    @property
    def sent(self) -> int:
        """Return how many requests were sent, answered or not."""
        return round(self._counts.total(families.REQUESTS.name))

    def rate(self, resource: str) -> float:
        """Return how many requests a second may be sent to this resource."""
        return self._limiter.rate(bucket_of(resource))

    def read(self, resource: str, page: int, filters: Mapping[str, Any]) -> Page:
        """Read one page, numbered from 1, of the rows that pass the filters.

        Raises:
            EmagError: As `call` does; ContractError also when the results are no list.
        """
        body = {**filters, "currentPage": page, "itemsPerPage": PAGE_SIZE}
        results, begun = self._results(f"{resource}/read", body)
        rows = rows_of(results)
        if rows is None:
            raise ContractError(f"{resource}/read: the results are no list")
        return Page(rows, self.clock.at(begun))

    def count(self, resource: str, filters: Mapping[str, Any]) -> Count:
        """Return how many rows pass the filters, by the API's own count.

        Raises:
            EmagError: As `call` does; ContractError also when there is no number in the reply.
        """
        body = {**filters, "itemsPerPage": PAGE_SIZE}
        results, begun = self._results(f"{resource}/count", body)
        try:
            number = parse_integer(results["noOfItems"])
        except (TypeError, KeyError, ValueError):
            number = None
        if number is None or not 0 <= number <= LARGEST_COUNT:
            raise ContractError(f"{resource}/count: the reply holds no `noOfItems`")
        return Count(number, self.clock.at(begun))

    def call(self, resource: str, body: Mapping[str, Any]) -> Reply:
        """Call a resource such as `vat/read`, trying again while failures may pass.

        Raises:
            RefusedError: Credentials or IP address are refused.
            ContractError: The API refuses the request or its reply makes no sense.
            TransientError: The last attempt failed for a passing reason.
        """
        reply, _ = self._call(Query(resource, "POST", self._settings.api_url, body))
        return reply

    def call_bare(self, resource: str, body: Mapping[str, Any]) -> Reply:
        """Call a resource whose reply may come without the envelope; raises as `call` does."""
        query = Query(resource, "POST", self._settings.api_url, body, enveloped=False)
        return self._call(query)[0]

    def get(self, resource: str, params: Mapping[str, Any]) -> Reply:
        """Call a resource that is read by GET, its parameters in the URL; raises as `call` does."""
        reply, _ = self._call(Query(resource, "GET", self._settings.api_url, params))
        return reply

    def get_rest(self, resource: str) -> Reply:
        """Call a resource of the REST helpers, which live beside the API and have no envelope."""
        reply, _ = self._call(Query(resource, "GET", self._settings.rest_url, {}, enveloped=False))
        return reply

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _results(self, resource: str, body: Mapping[str, Any]) -> tuple[Any, float]:
        reply, begun = self._call(Query(resource, "POST", self._settings.api_url, body))
        if "results" not in reply.body:
            raise ContractError(f"{resource}: the reply holds no `results`")
        return reply.body["results"], begun

    def _call(self, query: Query) -> tuple[Reply, float]:
        if not self._greeted:
            with self._first:
                if not self._greeted:
                    return self._greet(query)
        return self._tried(query, self._enough)

    def _greet(self, query: Query) -> tuple[Reply, float]:
        if self._turned_away:
            raise self._turned_away
        try:
            answer = self._tried(query, self._enough_at_first)
        except ContractError:
            # It lets this caller in; that one resource makes no sense is that one's affair.
            self._greeted = True
            raise
        except EmagError as error:
            self._turned_away = error
            raise
        self._greeted = True
        return answer

    def _enough(self, failures: int) -> bool:
        """Give up after so many failures; but an open breaker is waited for."""
        return failures >= self._settings.retry_max_attempts and not self._breaker.is_open

    def _enough_at_first(self, failures: int) -> bool:
        most = min(FIRST_ATTEMPTS, self._settings.retry_max_attempts)
        return failures >= most or self._breaker.is_open

    def _tried(self, query: Query, give_up: Callable[[int], bool]) -> tuple[Reply, float]:

        def again(error: BaseException) -> None:
            self._counts.retried(query.endpoint, error)

        policy = retrying(self._settings, give_up, self._life.pause, again)
        return policy(self._guarded, query)

    def _guarded(self, query: Query) -> tuple[Reply, float]:
        """Make one attempt, and tell the breaker how it went."""
        self._breaker.enter(self._wait)
        try:
            answer = self._attempt(query)
        except EmagError as error:
            self._breaker.failed(error)
            raise
        except BaseException:
            self._breaker.abandoned()
            raise
        self._breaker.succeeded()
        return answer

    def _wait(self, seconds: float) -> None:
        """Pause on purpose: that is no stall."""
        self._life.pause(seconds)
        self._life.sign()

    def _attempt(self, query: Query) -> tuple[Reply, float]:
        """Send once; return the reply and the monotonic moment the request left."""
        bucket = bucket_of(query.resource)
        # Made ready before the slot comes, so that nothing but the wire lies between them.
        request = self._session.prepare_request(query.request())
        self._counts.waited(bucket, self._limiter.take(bucket))
        begun = time.monotonic()
        status = 0
        try:
            reply = self._send(query.resource, request)
            status = reply.status
        finally:
            self._counts.requested(query.endpoint, status, time.monotonic() - begun)
        self._life.sign()
        self.clock.observe(reply.headers.get("date", ""), time.monotonic())
        error = classify(reply, enveloped=query.enveloped)
        if isinstance(error, ThrottledError):
            self._limiter.refused(bucket, error.wait)
            self._counts.refused(bucket)
        if error:
            raise error
        return reply, begun

    def _send(self, resource: str, request: requests.PreparedRequest) -> Reply:
        try:
            response = self._session.send(
                request,
                timeout=(CONNECT_TIMEOUT, self._settings.request_timeout_seconds),
                allow_redirects=False,  # the password goes nowhere but to the host that was named
                **self._network,
            )
            content = self._content(resource, response)
        except requests.RequestException as error:
            raise self._failed(resource, error) from None
        headers = {name.lower(): value for name, value in response.headers.items()}
        status = response.status_code
        return Reply(resource, status, headers, self._parsed(resource, status, content))

    def _parsed(self, resource: str, status: int, content: bytes) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Parse a body; None when it is no JSON. What is odd about it is logged, once each.

        Raises:
            ContractError: It says the same thing twice, so that nobody knows which one counts.
        """
        parsed = parse(content)
        if parsed.ambiguous and status == HTTPStatus.OK:
            raise ContractError(f"{resource}: the reply names a key of its envelope twice")
        for oddity in parsed.oddities:
            if (resource, oddity) not in self._told:
                self._told.add((resource, oddity))
                logger.warning("%s: a reply %s", resource, oddity)
        return parsed.value

    def _content(self, resource: str, response: requests.Response) -> bytes:
        """Read the body, which the timeout bounds as a whole, not only from byte to byte.

        Raises:
            requests.ReadTimeout: The body takes too long.
            ContractError: It is longer than any that can be meant.
        """
        latest = time.monotonic() + self._settings.request_timeout_seconds
        content = bytearray()
        with response:
            for piece in _pieces(response):
                content += piece
                if len(content) > LONGEST_BODY:
                    raise ContractError(
                        f"{resource}: the reply is longer than {LONGEST_BODY >> 20} MB"
                    )
                if time.monotonic() > latest:
                    raise requests.ReadTimeout
        return bytes(content)

    def _failed(self, resource: str, error: requests.RequestException) -> EmagError:
        """Turn what requests raises into an error that says what to do."""
        url = self._settings.api_url
        if isinstance(error, requests.exceptions.SSLError):
            return ContractError(f"{resource}: the certificate of {url} cannot be verified")
        if isinstance(error, requests.ReadTimeout):
            seconds = self._settings.request_timeout_seconds
            return TransientError(f"{resource}: no answer within {seconds:g} s")
        if isinstance(error, requests.ConnectionError) and not _was_connected(error):
            return UnreachableError(
                f"{resource}: no connection to {url}. Check `api_url`, the network and the name"
            )
        return TransientError(f"{resource}: the connection broke ({type(error).__name__})")


def _session(settings: Settings) -> requests.Session:
    session = requests.Session()
    session.auth = HTTPBasicAuth(settings.username.encode(), settings.password.encode())
    session.headers["Accept"] = "application/json"
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = HTTPAdapter(pool_maxsize=settings.max_concurrent_requests)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """Give a body piece by piece as it arrives, unpacked; `iter_content` waits for whole ones.

    Raises:
        requests.RequestException: As `iter_content` does.
    """
    try:
        while piece := response.raw.read1(CHUNK, decode_content=True):
            yield piece
    except ReadTimeoutError:
        raise requests.ReadTimeout from None
    except DecodeError as error:
        raise requests.exceptions.ContentDecodingError(error) from None
    except HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from None


def _was_connected(error: requests.ConnectionError) -> bool:
    """Tell whether a connection stood before it failed: a reset, rather than nobody there."""
    reason = error.args[0] if error.args else None
    cause = getattr(reason, "reason", reason)
    return type(cause).__name__ not in {
        "NewConnectionError",
        "NameResolutionError",
        "ConnectTimeoutError",
        "ProxyError",
    }
