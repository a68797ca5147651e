"""Reports the end of a run to a webhook: one signed POST, which never fails the run."""

from __future__ import annotations

import base64
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

from tap_emag.api.network import check_certificates
from tap_emag.errors import ConfigurationError
from tap_emag.redaction import Redactor, secrets_of
from tap_emag.reporting.report import EVENTS
from tap_emag.reporting.webhook_json import as_json, encoded
from tap_emag.reporting.webhook_slack import as_slack
from tap_emag.settings.kinds import STANDARD_SECRET

if TYPE_CHECKING:
    from tap_emag.reporting.report import RunReport
    from tap_emag.reporting.unconfirmed import Outlets
    from tap_emag.settings.settings import Settings

logger = logging.getLogger("tap-emag")

ATTEMPTS = 3
SHORTEST = 0.1  # seconds to wait for an answer; 0 would mean no timeout
OK = range(200, 300)
REDIRECTS = range(300, 400)
TOO_MANY = 429
SERVER_ERRORS = range(500, 600)


@dataclass(frozen=True)
class Timeouts:
    """How long a delivery may take, in seconds.

    - `attempt`: the longest wait for a connection, and again for an answer.
    - `pause`: the time before the second attempt; twice that before the third.
    - `attempts`: no attempt begins after this time.
    - `total`: ends the delivery, since a timeout covers neither the look-up of a name nor an answer
      that comes byte by byte.
    """

    attempt: float = 5.0
    pause: float = 1.0
    attempts: float = 10.0
    total: float = 12.0


@dataclass(frozen=True)
class Delivery:
    """A POST and its address; the id stays the same in each attempt."""

    url: str = field(repr=False)
    secret: str | None = field(repr=False)
    event: str
    id: str
    body: bytes = field(repr=False)

    def request(self, timestamp: int) -> requests.PreparedRequest:
        """Return the POST, signed if there is a secret; `timestamp` is in seconds since 1970.

        Its headers are the tap's own, and those of Standard Webhooks, standardwebhooks.com.
        """
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"tap-emag/{version('tap-emag')}",
            "X-Tap-Emag-Event": self.event,
            "X-Tap-Emag-Delivery": self.id,
            "X-Tap-Emag-Timestamp": str(timestamp),
            "webhook-id": self.id,
            "webhook-timestamp": str(timestamp),
        }
        if self.secret:
            headers["X-Tap-Emag-Signature"] = signature(self.secret, timestamp, self.body)
            headers["webhook-signature"] = standard_signature(
                self.secret, self.id, timestamp, self.body
            )
        return requests.Request("POST", self.url, headers, data=self.body).prepare()


class UndeliveredError(Exception):
    """An attempt failed; with `passing`, another one may succeed."""

    def __init__(self, reason: str, *, passing: bool) -> None:
        """Keep the reason, which names no address."""
        super().__init__(reason)
        self.passing = passing


PATIENCE = Timeouts()
HURRIED = Timeouts(attempt=2.0, attempts=2.0, total=3.0)


def send(settings: Settings | Outlets, report: RunReport, patience: Timeouts = PATIENCE) -> bool:
    """Report a run to the webhook, if there is one, within `patience`; return whether it arrived.

    Raises nothing: an error is logged as one warning, which names only the host of the address.
    """
    if not settings.webhook_url:
        return True
    event, host = EVENTS[report.status], _host(settings.webhook_url)
    problems: SimpleQueue[str | None] = SimpleQueue()
    try:
        # The thread may outlive this call: it ends with the process.
        work = Thread(
            target=lambda: problems.put(_problem(settings, report, patience)), daemon=True
        )
        work.start()
        problem = problems.get(timeout=patience.total)
    except Empty:
        problem = f"no answer within {patience.total:g} s"
    except RuntimeError:  # no thread can be started: then without `total`
        problem = _problem(settings, report, patience)
    if problem:
        logger.warning("The webhook at %s did not accept %s: %s", host, event, problem)
    else:
        logger.info("The webhook at %s accepted %s", host, event)
    return not problem


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Sign a body at a time in seconds since 1970; return `sha256=` and an HMAC in hex."""
    signed = f"{timestamp}.".encode() + body
    return f"sha256={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def standard_signature(secret: str, identity: str, timestamp: int, body: bytes) -> str:
    """Sign as Standard Webhooks does; return `v1,` and an HMAC in Base64.

    The key of a secret that begins with `whsec_` is what follows, decoded from Base64. The key of
    any other secret is its text.
    """
    key = secret.encode()
    if secret.startswith(STANDARD_SECRET):
        key = base64.b64decode(secret.removeprefix(STANDARD_SECRET))
    signed = f"{identity}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"


def delivery_of(settings: Settings | Outlets, report: RunReport) -> Delivery:
    """Return a report in the format of the settings, without credentials."""
    if report.message:
        clean = Redactor(secrets_of(vars(settings))).clean
        report = replace(report, message=clean(report.message))
    identity = str(uuid4())
    slack = settings.webhook_format == "slack"
    body = encoded(as_slack(report) if slack else as_json(report, identity))
    event = EVENTS[report.status]
    return Delivery(settings.webhook_url or "", settings.webhook_secret, event, identity, body)


def _problem(settings: Settings | Outlets, report: RunReport, patience: Timeouts) -> str | None:
    """Deliver; return why that failed, if it did."""
    try:
        _deliver(delivery_of(settings, report), patience)
    except UndeliveredError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - a notice must not fail the run
        return type(error).__name__  # its message may quote the address
    return None


def _deliver(delivery: Delivery, patience: Timeouts) -> None:
    """Send until the webhook accepts it.

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
        UndeliveredError: It did not arrive, or the webhook did not accept it.
    """
    request = delivery.request(int(time.time()))
    # Proxies and certificates from the environment.
    network: dict[str, Any] = dict(
        session.merge_environment_settings(delivery.url, {}, stream=True, verify=True, cert=None)
    )
    try:
        check_certificates()
    except ConfigurationError:
        # The report may be that this file is missing: then the usual certificates apply.
        network["verify"] = True
    try:
        # Not through the session, which would read the complete body of a redirect.
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
    """Return the cause in words of our own: the error's message quotes the address."""
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
