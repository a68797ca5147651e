"""Request budgets: every attempt books a slot ahead, so that the budget is used and never passed.

eMAG counts requests per account in two buckets (documented): 12 a second and 720 a minute for
everything under `order`, 3 a second and 180 a minute for all other resources together. A share of
that is ours. Two rules decide when a request may leave:

* *booking*: slots lie 1 / rate apart, first come, first served;
* *looking back*: a request leaves no earlier than a period after the one n places before it, for
  each limit of n requests a period. A thread that wakes late would otherwise send its request
  together
  with the next ones. The period is stretched by three quarters of what the share leaves free: so
  much
  may two requests draw nearer on their way. The last quarter makes up for lateness.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Limit(NamedTuple):
    """At most `requests` in any `seconds`."""

    requests: int
    seconds: float


BUCKETS = {
    "orders": (Limit(12, 1.0), Limit(720, 60.0)),
    "other": (Limit(3, 1.0), Limit(180, 60.0)),
}
STRETCH = 0.75  # part of what the share leaves free that guards against lateness on the way
SLOWEST = 0.1  # part of the rate that refusals leave at least
SLOWER = 0.7  # what a refusal makes of the rate
FASTER = 1.01  # what each granted slot makes of it again
PUSH_BACK = 1.0  # seconds nobody sends after a refusal that names no time


def bucket_of(resource: str) -> str:
    """Return the bucket a resource such as `order/read` is counted in."""
    return "orders" if resource.startswith("order") else "other"


@dataclass
class Budget:
    """The slots of one bucket. Not locked: whoever shares one guards it.

    Times are seconds of any clock that never goes back.
    """

    limits: tuple[Limit, ...]
    share: float
    pace: float = 1.0  # 1 when nobody was refused lately
    next_slot: float = float("-inf")
    left: deque[float] = field(default_factory=deque)

    @property
    def rate(self) -> float:
        """Return how many requests a second are booked at the present pace."""
        full = min(limit.requests / limit.seconds for limit in self.limits)
        return full * self.share * self.pace

    def book(self, now: float) -> float:
        """Book the next free slot and return when it is."""
        slot = max(now, self.next_slot)
        self.next_slot = slot + 1 / self.rate
        self.pace = min(1.0, self.pace * FASTER)
        return slot

    def delay(self, now: float) -> float:
        """Return how many seconds a request that would leave now has to wait yet."""
        most = 0.0
        for limit in self.limits:
            if len(self.left) >= limit.requests:
                stretch = 1 + STRETCH * (1 / self.share - 1)
                earliest = self.left[-limit.requests] + limit.seconds * stretch
                most = max(most, earliest - now)
        return most

    def leave(self, now: float) -> None:
        """Note that a request leaves now."""
        self.left.append(now)
        while len(self.left) > max(limit.requests for limit in self.limits):
            self.left.popleft()

    def refuse(self, now: float, wait: float | None) -> None:
        """Slow down after a refusal: nobody sends for `wait` seconds, all send slower."""
        pause = PUSH_BACK if wait is None else wait
        self.next_slot = max(self.next_slot, now + pause)
        self.pace = max(SLOWEST, self.pace * SLOWER)


class Limiter:
    """The budgets of one account, shared by the threads of this process."""

    def __init__(
        self,
        share: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Start with untouched budgets; `sleep` may raise to end a wait early."""
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._budgets = {name: Budget(limits, share) for name, limits in BUCKETS.items()}

    def rate(self, bucket: str) -> float:
        """Return how many requests a second this bucket books."""
        return self._budgets[bucket].rate

    def take(self, bucket: str) -> float:
        """Wait for a slot and return how many seconds that took."""
        budget = self._budgets[bucket]
        begun = self._clock()
        with self._lock:
            slot = budget.book(begun)
        self._sleep(max(0.0, slot - begun))
        while True:
            with self._lock:
                now = self._clock()
                delay = budget.delay(now)
                if delay <= 0:
                    budget.leave(now)
                    return now - begun
            self._sleep(delay)

    def refused(self, bucket: str, wait: float | None) -> None:
        """Tell that the server refused a request for its rate, and what pause it asked for."""
        with self._lock:
            self._budgets[bucket].refuse(self._clock(), wait)
