"""What can go wrong, and the one table that says what a reply of the API means.

    EmagError                         exit code
    ├── ConfigurationError            2      a setting is wrong
    ├── RefusedError                  3      eMAG does not let this caller in
    │   ├── CredentialsError                 user or password
    │   └── AddressError                     IP address not registered
    ├── ContractError                 1      a reply, or a request, that nobody has agreed to
    │   └── NotThereError                    what was asked for is not there
    ├── UnsteadyError                 1      rows never stopped moving while they were read
    ├── TransientError                1      may work later: retried before it is raised
    │   ├── ThrottledError                   HTTP 429
    │   └── UnreachableError                 no connection to the host at all
    ├── TargetGoneError               1      whoever read the output has closed it
    ├── BreakerOpenError              5      too many failures lately: no request was made
    └── EndedEarlyError                      what was complete is written, the next run goes on
        ├── DeadlineError             4      the time for the whole run is over
        ├── StallError                4      nothing moved any more
        └── InterruptedSyncError  128 + n    ended by signal n

Messages name the resource, the reason and the next step; they never hold a credential or a reply's
rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class EmagError(Exception):
    """Anything this tap raises on purpose; `exit_code` is what the process ends with."""

    exit_code: int = 1


class ConfigurationError(EmagError):
    """One or more settings are wrong; `problems` holds a sentence for each."""

    exit_code = 2

    def __init__(self, problems: list[str]) -> None:
        """Join the problems, one a line."""
        super().__init__("\n".join(problems))
        self.problems = problems


class RefusedError(EmagError):
    """The API does not let this caller in; asking again does not help."""

    exit_code = 3


class CredentialsError(RefusedError):
    """User or password are wrong, or the user has no right to use the API."""


class AddressError(RefusedError):
    """The caller's IP address is not registered in the seller's eMAG account."""


class ContractError(EmagError):
    """The API answered something that cannot be right, or refused the request itself."""


class NotThereError(ContractError):
    """HTTP 404 or 412: a route, or one thing that was asked for by its id, that is not there."""


class UnsteadyError(EmagError):
    """Rows never stopped moving for long enough to read them whole."""


class TransientError(EmagError):
    """A failure that may pass; `wait` is the pause in seconds the server asked for, if it did."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        """Keep the server's wish beside the message."""
        super().__init__(message)
        self.wait = wait


class ThrottledError(TransientError):
    """HTTP 429: the account's request budget is used up."""


class UnreachableError(TransientError):
    """No connection to the host could be made."""


class TargetGoneError(EmagError):
    """Whoever read the output of the tap has closed it."""


class BreakerOpenError(EmagError):
    """The API failed too often lately; no request was made."""

    exit_code = 5


class EndedEarlyError(EmagError):
    """The run was asked to end before it was done; what was complete has been written."""


class DeadlineError(EndedEarlyError):
    """The time for the whole run is over."""

    exit_code = 4


class StallError(EndedEarlyError):
    """Nothing came from the API and nothing went to the target for too long."""

    exit_code = 4


class InterruptedSyncError(EndedEarlyError):
    """The run was ended by a signal."""

    def __init__(self, signum: int) -> None:
        """End with 128 + the signal's number, as shells have it."""
        super().__init__(f"ended by signal {signum}; the next run goes on where this one stopped")
        self.exit_code = 128 + signum


@dataclass(frozen=True)
class Reply:
    """What came back for one request: status, lower-cased headers, and the body if it was JSON.

    `body` is None when the bytes were no JSON. Dicts, lists and scalars are as the API sent them,
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
    }
)
ABSENT_STATUSES = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED})
IP_REFUSAL = re.compile(r"invalid vendor ip\s*(?:\[(?P<ip>[0-9a-f.:]+)\])?", re.IGNORECASE)
API_REFUSAL = "not allowed to use this api"
EMAIL_OR_NUMBER = re.compile(r"\S+@\S+|\d{6,}")
LONGEST_QUOTE = 200


def classify(reply: Reply, *, enveloped: bool = True) -> EmagError | None:
    """Say what a reply means: None when it is good, else the error to raise or to retry.

    Order matters: refusals are told by their text at any status, since eMAG sends them with 200 and
    with 403; only then does the status decide, and last the envelope, whose `isError` must be
    exactly false. Some resources may answer without one: then the status says it all.
    """
    texts = _texts(reply.body)
    refusal = _refusal(reply, texts)
    if refusal:
        return refusal
    failure = _failed_status(reply, texts)
    if failure:
        return failure
    if not enveloped and (
        isinstance(reply.body, list)
        or (isinstance(reply.body, dict) and "isError" not in reply.body)
    ):
        return None
    if not isinstance(reply.body, dict) or "isError" not in reply.body:
        # A gateway's HTML page with status 200, or a body cut short: nothing eMAG itself has said.
        return TransientError(f"{reply.resource}: HTTP {reply.status} without eMAG's envelope")
    if reply.body["isError"] is not False:
        return ContractError(
            f"{reply.resource}: eMAG refused the request: {_quote(texts) or 'no reason given'}"
        )
    return None


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
    refused = reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    if refused or any(API_REFUSAL in text.lower() for text in texts):
        return CredentialsError(
            f"{reply.resource}: eMAG refuses the user or password (HTTP {reply.status}). Check"
            " `username`, `password` and `marketplace`, and that the user has the API right"
        )
    return None


def _failed_status(reply: Reply, texts: list[str]) -> EmagError | None:
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return ThrottledError(
            f"{reply.resource}: the account's request budget is used up (HTTP 429); other programs"
            " of the same account may be using it: lower `rate_limit_share`",
            wait=_retry_after(reply.headers),
        )
    if reply.status in TRANSIENT_STATUSES:
        return TransientError(
            f"{reply.resource}: eMAG answered HTTP {reply.status}", _retry_after(reply.headers)
        )
    if reply.status != HTTPStatus.OK:
        error = NotThereError if reply.status in ABSENT_STATUSES else ContractError
        return error(
            f"{reply.resource}: eMAG answered HTTP {reply.status}: {_quote(texts) or 'no reason'}."
            " Check `api_url` and `marketplace`"
        )
    return None


def _texts(body: object) -> list[str]:
    """Collect the sentences of an envelope, whatever shape its messages have."""
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
    """Quote the API, without what may be somebody's address or number."""
    return EMAIL_OR_NUMBER.sub("…", "; ".join(texts))[:LONGEST_QUOTE]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        return None
