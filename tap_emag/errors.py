"""Defines the tap's errors, and classifies replies of the API.

    EmagError                         exit code
    ├── ConfigurationError            2      a setting is wrong
    ├── RefusedError                  3      eMAG does not let this caller in
    │   ├── CredentialsError                 user or password
    │   └── AddressError                     IP address not registered
    ├── CertificateError              1      the host's certificate cannot be trusted
    ├── ForbiddenError                1      one resource is refused, others are not
    ├── ContractError                 1      an invalid reply, or a request that eMAG refuses
    │   ├── NotThereError                    the resource or the item does not exist
    │   │   └── NoRouteError                 the resource: the gateway has no route to it
    │   ├── SkippedItemsError                single items failed, all others were read
    │   └── VanishedError                    too many known rows were missing at once
    ├── UnsteadyError                 1      rows kept changing while they were read
    ├── TransientError                1      may work later: retried before it is raised
    │   ├── ThrottledError                   HTTP 429
    │   ├── FailingResourceError             one resource fails, others do not
    │   ├── UnreachableError                 no connection to the host at all
    │   └── BudgetStoreError                 the database with the request budgets
    ├── TargetGoneError               1      the target has closed the tap's output
    ├── BreakerOpenError              5      too many failures lately: no request was made
    ├── AnotherRunError               5      another run uses this state: no request was made
    └── EndedEarlyError                      complete rows are written, the next run goes on
        ├── DeadlineError             4      the run's time is over
        ├── StallError                4      no data came or went any more
        └── InterruptedSyncError  128 + n    ended by signal n

Messages name the resource, the reason and the next step; they never contain a credential or a
reply's rows.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from tap_emag.meltano.variables import variable
from tap_emag.quoting import quote

if TYPE_CHECKING:
    from collections.abc import Mapping


class EmagError(Exception):
    """The base of all errors that this tap raises on purpose.

    The process ends with its `exit_code`. A `contained` error fails one stream: the others are
    still read.
    """

    exit_code: int = 1
    contained: bool = False


class ConfigurationError(EmagError):
    """One or more settings are wrong; `problems` has a sentence for each."""

    exit_code = 2

    def __init__(self, problems: list[str]) -> None:
        """Join the problems, one per line."""
        super().__init__("\n".join(problems))
        self.problems = problems


class RefusedError(EmagError):
    """The API does not let this caller in; asking again does not help."""

    exit_code = 3


class CredentialsError(RefusedError):
    """User or password are wrong, or the user has no right to use the API."""

    answer: str = "refused"


class AddressError(RefusedError):
    """The caller's IP address is not registered in the seller's eMAG account."""


class CertificateError(EmagError):
    """The host's certificate cannot be trusted, so that no password may be sent to it."""


class ForbiddenError(EmagError):
    """eMAG refuses one resource to a caller that it lets in elsewhere."""

    contained = True


class ContractError(EmagError):
    """The API sent an invalid reply, or refused the request itself."""

    contained = True


class NotThereError(ContractError):
    """HTTP 404 or 412: a route, or an item that was asked for by its id, does not exist."""


class NoRouteError(NotThereError):
    """The gateway has no route to the resource: the reply is about no single item."""


class SkippedItemsError(ContractError):
    """Single items could not be read; all others were. The next run asks for these again."""


class VanishedError(ContractError):
    """Too many known rows were missing at once, and still missing when they were asked for."""


class UnsteadyError(EmagError):
    """Rows kept changing, so that no reading was complete."""

    contained = True


class TransientError(EmagError):
    """A transient error; `wait` is the pause in seconds that the server asked for, if it did."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        """Take the message and the pause."""
        super().__init__(message)
        self.wait = wait


class ThrottledError(TransientError):
    """HTTP 429: the account's request budget is used up."""


class FailingResourceError(TransientError):
    """One resource failed in every attempt, while another one succeeded."""

    contained = True


class UnreachableError(TransientError):
    """No connection to the host could be made."""


class BudgetStoreError(TransientError):
    """The database with the request budgets does not answer; eMAG is not involved."""


TARGET_GONE: Final = (
    "the target has closed the pipe; its own log shows why. If it logged nothing, it was killed, or"
    " Meltano was: see that they have memory enough"
)


class TargetGoneError(EmagError):
    """The reader of the tap's output has closed it."""


class BreakerOpenError(EmagError):
    """The API failed too often lately; no request was made."""

    exit_code = 5


class AnotherRunError(EmagError):
    """Another run uses the same state; no request was made."""

    exit_code = 5


class EndedEarlyError(EmagError):
    """The run was asked to end early; complete rows have been written."""


class DeadlineError(EndedEarlyError):
    """The run's time is over."""

    exit_code = 4


class StallError(EndedEarlyError):
    """Nothing came from the API and nothing went to the target for too long."""

    exit_code = 4


class InterruptedSyncError(EndedEarlyError):
    """The run was ended by a signal."""

    def __init__(self, signum: int) -> None:
        """Set the exit code to 128 + the signal's number, as shells do."""
        super().__init__(f"ended by signal {signum}; the next run goes on where this one stopped")
        self.exit_code = 128 + signum


@dataclass(frozen=True)
class Reply:
    """The reply to one request: status, lower-cased headers, and the body if it was JSON.

    `body` is None when the bytes were not JSON. Dicts, lists and scalars are as the API sent them,
    numbers with a fraction as Decimal.
    """

    resource: str
    status: int
    headers: Mapping[str, str]
    body: Any


TRANSIENT_STATUSES = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
        HTTPStatus.MISDIRECTED_REQUEST,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.INSUFFICIENT_STORAGE,
        509,  # bandwidth limit exceeded
        *range(520, 528),  # a content delivery network cannot reach the server
        530,
        599,
    }
)
PROXY_ASKS = (
    "HTTPS_PROXY: the proxy asks for user and password (HTTP 407); write it as"
    " http://user:password@host:port"
)
REDIRECTS = range(300, 400)  # never followed: the password goes only to the host of the settings
ABSENT_STATUSES = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED})
IP_REFUSAL = re.compile(r"invalid vendor ip\s*(?:\[(?P<ip>[0-9a-f.:]{2,45})\])?", re.IGNORECASE)
API_REFUSAL = "not allowed to use this api"
NO_ROUTE = "no route matched"  # seen in replies of eMAG's gateway to a wrong path
EMPTY: tuple[object, ...] = ("", [], {})


def classify(reply: Reply, *, enveloped: bool = True) -> EmagError | None:
    """Return None for a good reply, else the error to raise or to retry.

    The order matters:

    * a refusal is recognised by its text at any status, since eMAG sends it with 200 and with 403;
    * then the status decides;
    * then the envelope, whose `isError` must be exactly false. Some resources may answer without an
      envelope: then the status alone decides, unless a part of an envelope is there.

    A refusal of user or password may concern the resource only: see `tap_emag.api.admission`.
    """
    texts = _texts(reply.body)
    refusal = _refusal(reply, texts)
    if refusal:
        return refusal
    failure = _failed_status(reply, texts)
    if failure:
        return failure
    if not enveloped and _is_bare(reply.body):
        return None
    if not isinstance(reply.body, dict) or "isError" not in reply.body:
        # A gateway's HTML page with status 200, or a body cut short: not eMAG's own answer.
        return TransientError(f"{reply.resource}: HTTP {reply.status} without eMAG's envelope")
    if reply.body["isError"] is not False:
        return ContractError(
            f"{reply.resource}: eMAG refused the request: {_quote(texts) or 'no reason given'}"
        )
    return None


def _is_bare(body: object) -> bool:
    """Return whether a body is valid without envelope; empty `results` alone are a broken one."""
    if isinstance(body, dict):
        return "isError" not in body and body.get("results") not in EMPTY
    return isinstance(body, list)


def _refusal(reply: Reply, texts: list[str]) -> RefusedError | None:
    for text in texts:
        found = IP_REFUSAL.search(text)
        if found:
            address = f" {found['ip']}" if found["ip"] else ""
            return AddressError(
                f"{reply.resource}: eMAG refuses this machine's IP address{address}. Register it in"
                " the marketplace account (My account > Profile > Technical details), then run"
                " again"
            )
    # eMAG refuses with JSON; a firewall's page is not about user and password.
    refused = reply.status == HTTPStatus.UNAUTHORIZED or (
        reply.status == HTTPStatus.FORBIDDEN and isinstance(reply.body, dict)
    )
    if refused or any(API_REFUSAL in text.lower() for text in texts):
        names = ", ".join(variable(name) for name in ("username", "password", "marketplace"))
        error = CredentialsError(
            f"{reply.resource}: eMAG refuses the user or password (HTTP {reply.status}). Check"
            f" `username`, `password` and `marketplace` ({names}), and that the user has the API"
            " right"
        )
        error.answer = f"HTTP {reply.status}"
        return error
    return None


def _failed_status(reply: Reply, texts: list[str]) -> EmagError | None:
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return ThrottledError(
            f"{reply.resource}: the account's request budget is used up (HTTP 429); other programs"
            " of the same account may be using it: lower `rate_limit_share`",
            wait=_retry_after(reply.headers),
        )
    if reply.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return ConfigurationError([PROXY_ASKS])
    if reply.status == HTTPStatus.FORBIDDEN:
        return TransientError(
            f"{reply.resource}: HTTP 403 without eMAG's envelope: a firewall or a proxy before the"
            " API refuses the request, not eMAG the password"
        )
    if reply.status in TRANSIENT_STATUSES:
        return TransientError(
            f"{reply.resource}: eMAG answered HTTP {reply.status}", _retry_after(reply.headers)
        )
    if reply.status != HTTPStatus.OK:
        advice = ". Check `api_url`" if reply.status in REDIRECTS else ""
        return _refused_request(reply.status, texts)(
            f"{reply.resource}: eMAG answered HTTP {reply.status}: {_quote(texts) or 'no reason'}"
            f"{advice}"
        )
    return None


def _refused_request(status: int, texts: list[str]) -> type[ContractError]:
    if status not in ABSENT_STATUSES:
        return ContractError
    return NoRouteError if any(NO_ROUTE in text.lower() for text in texts) else NotThereError


def _texts(body: object) -> list[str]:
    """Collect the sentences of an envelope from any shape of its messages."""
    if not isinstance(body, dict):
        return []
    messages = body.get("messages")
    found = [body.get("message"), *(messages if isinstance(messages, list) else [messages])]
    texts = []
    for item in found:
        text = item.get("text") or item.get("message") if isinstance(item, dict) else item
        if isinstance(text, str) and text:
            texts.append(text)
    return texts


def _quote(texts: list[str]) -> str:
    """Quote the API, without addresses and numbers of persons."""
    return quote("; ".join(texts))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds the server asks to wait, given as a number or as a date."""
    value = headers.get("retry-after", "")
    with suppress(ValueError):
        return max(0.0, float(value))
    with suppress(ValueError, TypeError, OverflowError):
        until = parsedate_to_datetime(value)
        # By the server's own clock, if it shows it.
        date = headers.get("date")
        now = parsedate_to_datetime(date) if date else datetime.now(timezone.utc)
        return max(0.0, (until - now).total_seconds())
    return None
