"""Logs each request to the sandbox, and sums them up."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.api.budgets import BUDGETS, MINUTE, SECOND, busiest

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT: Final = 1_000_000
TOO_MANY: Final = 429


@dataclass
class Request:
    """One request to the API.

    `time` is `time.monotonic()` and `wall` `time.time()` at its arrival, `seconds` how long it
    took; `status` is 0 when no reply was finished, `fault` the fault that was played on it.
    """

    time: float
    wall: float
    resource: str
    action: str
    bucket: str
    body: dict[str, Any] = field(default_factory=dict)
    status: int = 0
    rows: int = 0
    seconds: float = 0.0
    fault: str | None = None


class RequestLog:
    """The last million requests, oldest first. Safe to read from any thread."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self._requests: deque[Request] = deque(maxlen=KEPT)

    def append(self, request: Request) -> None:
        """Note a request."""
        with self._lock:
            self._requests.append(request)

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._requests.clear()

    def __len__(self) -> int:
        """How many requests there were."""
        return len(self._requests)

    def __iter__(self) -> Iterator[Request]:
        """The requests so far, oldest first."""
        with self._lock:
            return iter(list(self._requests))

    def __getitem__(self, place: int) -> Request:
        """The request at a place; -1 is the last."""
        with self._lock:
            return self._requests[place]

    def stats(self) -> dict[str, Any]:
        """What the requests add up to, in all and by bucket."""
        requests = list(self)
        total = _summary(requests)
        total["buckets"] = {
            bucket: _summary([each for each in requests if each.bucket == bucket])
            for bucket in BUDGETS
        }
        total["actions"] = dict(Counter(f"{each.resource}/{each.action}" for each in requests))
        total["faults"] = dict(Counter(each.fault for each in requests if each.fault))
        return total


def _summary(requests: list[Request]) -> dict[str, Any]:
    times = sorted(each.time for each in requests)
    return {
        "requests": len(requests),
        "rows": sum(each.rows for each in requests),
        "rejected": sum(1 for each in requests if each.status == TOO_MANY),
        "statuses": {str(code): n for code, n in Counter(e.status for e in requests).items()},
        "max_per_second": busiest(times, SECOND),
        "max_per_minute": busiest(times, MINUTE),
    }
