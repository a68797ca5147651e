"""Tells a webhook how a run ended: one signed POST, tried a few times, never at the run's cost."""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import requests
from requests.exceptions import ProxyError, SSLError
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential,
)

from tap_emag.redaction import Redactor, secrets_of
from tap_emag.report import EVENTS
from tap_emag.slack import as_slack
from tap_emag.webhook_body import as_json, encoded

if TYPE_CHECKING:
    from tap_emag.report import RunReport
    from tap_emag.settings import Settings

logger = logging.getLogger("tap-emag")

ATTEMPTS = 3
SHORTEST = 0.1  # seconds to wait for an answer; none at all is no timeout
OK = range(200, 300)
REDIRECTS = range(300, 400)
TOO_MANY = 429
SERVER_ERRORS = range(500, 600)


@dataclass(frozen=True)
class Patience:
    """How long a delivery may take, in seconds.

    `attempt` is the longest wait for a connection and again for an answer, `pause` the time before
    the second attempt, twice that before the third; none begins after `attempts`. `whole` ends it
    all: a timeout heeds neither the look-up of a name nor an answer that comes byte by byte.
    """

    attempt: float = 5.0
    pause: float = 1.0
    attempts: float = 10.0
    whole: float = 12.0


@dataclass(frozen=True)
class Delivery:
    """What is to be told, and where; the id stays the same in each attempt."""

    url: str = field(repr=False)
    secret: str | None = field(repr=False)
    event: str
    id: str
    body: bytes = field(repr=False)

    def request(self, timestamp: int) -> requests.PreparedRequest:
        """Return the POST, signed if there is a secret; `timestamp` is in seconds since 1970."""
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"tap-emag/{version('tap-emag')}",
            "X-Tap-Emag-Event": self.event,
            "X-Tap-Emag-Delivery": self.id,
            "X-Tap-Emag-Timestamp": str(timestamp),
        }
        if self.secret:
            headers["X-Tap-Emag-Signature"] = signature(self.secret, timestamp, self.body)
        return requests.Request("POST", self.url, headers, data=self.body).prepare()


class UndeliveredError(Exception):
    """An attempt failed; `passing` tells whether another one may not."""

    def __init__(self, reason: str, *, passing: bool) -> None:
        """Keep the reason, which names no address."""
        super().__init__(reason)
        self.passing = passing


PATIENCE = Patience()
HURRIED = Patience(attempt=2.0, attempts=2.0, whole=3.0)


def send(settings: Settings, report: RunReport, patience: Patience = PATIENCE) -> None:
    """Tell the webhook of a run, if there is one; raise nothing, wait no longer than `patience`.

    What goes wrong is logged as one warning, which names the host but nothing else of the address.
    """
    if not settings.webhook_url:
        return
    event, host = EVENTS[report.status], _host(settings.webhook_url)
    problems: SimpleQueue[str | None] = SimpleQueue()
    try:
        # The thread may be left behind: it ends with the process.
        work = Thread(
            target=lambda: problems.put(_problem(settings, report, patience)), daemon=True
        )
        work.start()
        problem = problems.get(timeout=patience.whole)
    except Empty:
        problem = f"no answer within {patience.whole:g} s"
    except RuntimeError:
        problem = "no thread can be started"
    if problem:
        logger.warning("The webhook at %s was not told of %s: %s", host, event, problem)
    else:
        logger.info("The webhook at %s was told of %s", host, event)


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return what signs a body at a time, in seconds since 1970: `sha256=` and an HMAC in hex."""
    signed = f"{timestamp}.".encode() + body
    return f"sha256={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def delivery_of(settings: Settings, report: RunReport) -> Delivery:
    """Put a report into the form that the settings ask for, without credentials."""
    if report.message:
        clean = Redactor(secrets_of(vars(settings))).clean
        report = replace(report, message=clean(report.message))
    identity = str(uuid4())
    slack = settings.webhook_format == "slack"
    body = encoded(as_slack(report) if slack else as_json(report, identity))
    event = EVENTS[report.status]
    return Delivery(settings.webhook_url or "", settings.webhook_secret, event, identity, body)


def _problem(settings: Settings, report: RunReport, patience: Patience) -> str | None:
    """Deliver; return why that failed, if it did."""
    try:
        _deliver(delivery_of(settings, report), patience)
    except UndeliveredError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - a notice is not worth a run
        return type(error).__name__  # its message may quote the address
    return None


def _deliver(delivery: Delivery, patience: Patience) -> None:
    """Try until it is told.

    Raises:
        UndeliveredError: The last attempt failed.
    """
    latest = time.monotonic() + patience.attempts
    policy = Retrying(
        stop=stop_after_attempt(ATTEMPTS) | stop_before_delay(patience.attempts),
        wait=wait_exponential(multiplier=patience.pause),
        retry=retry_if_exception(lambda e: isinstance(e, UndeliveredError) and e.passing),
        reraise=True,
    )
    with requests.Session() as session:
        for attempt in policy:
            with attempt:
                left = max(SHORTEST, latest - time.monotonic())
                _attempt(session, delivery, min(patience.attempt, left))


def _attempt(session: requests.Session, delivery: Delivery, timeout: float) -> None:
    """Send once. The answer's body is not read.

    Raises:
        UndeliveredError: It did not arrive, or was not taken.
    """
    request = delivery.request(int(time.time()))
    # Proxies and certificates from the environment.
    network: dict[str, Any] = dict(
        session.merge_environment_settings(delivery.url, {}, stream=True, verify=True, cert=None)
    )
    try:
        # Not through the session: it would read the whole body of a redirect, followed or not.
        adapter = session.get_adapter(delivery.url)
        with adapter.send(request, timeout=(timeout, timeout), **network) as response:
            status = response.status_code
    except (requests.ConnectionError, requests.Timeout) as error:
        trusted = not isinstance(error, SSLError)
        raise UndeliveredError(_reason(error, timeout), passing=trusted) from None
    if status not in OK:
        hint = "; redirects are not followed" if status in REDIRECTS else ""
        passing = status == TOO_MANY or status in SERVER_ERRORS
        raise UndeliveredError(f"it answered HTTP {status}{hint}", passing=passing)


def _reason(error: requests.RequestException, timeout: float) -> str:
    """Say what happened in words of our own: the error's own words quote the address."""
    if isinstance(error, requests.Timeout):
        return f"no answer within {round(timeout, 1):g} s"
    if isinstance(error, SSLError):
        return "its certificate cannot be verified"
    if isinstance(error, ProxyError):
        return "the proxy did not let it through"
    return "no connection, or it broke"


def _host(url: str) -> str:
    """Return host and port of an address, without credentials."""
    return urlsplit(url).netloc.rpartition("@")[2]
