"""Request budgets: every attempt books a slot ahead, so that the budget is used and never passed.

eMAG counts requests per account in two buckets (documented): 12 a second and 720 a minute for
everything under `order`, 3 a second and 180 a minute for all other resources together. A share of
that is ours. Two rules decide when a request may leave:

* *booking*: slots lie 1 / rate apart, first come, first served; a slot that was missed by a moment
  may still be used, so that a late thread does not cost its time for good;
* *looking back*: a request leaves no earlier than a period after the one n places before it, for
  each limit of n requests a period. A thread that wakes late would otherwise send its request
  together with the next ones. The period is stretched by three quarters of what the share leaves
  free: so much may two requests draw nearer on their way. The last quarter makes up for lateness.

Where the budgets live, and who shares them, is a store's affair: see `tap_emag.budgets`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

logger = logging.getLogger("tap-emag")


class Limit(NamedTuple):
    """At most `requests` in any `seconds`."""

    requests: int
    seconds: float


BUCKETS = {
    "orders": (Limit(12, 1.0), Limit(720, 60.0)),
    "other": (Limit(3, 1.0), Limit(180, 60.0)),
}
MISSED = 0.25  # seconds by which a slot may be missed and still be used
STRETCH = 0.75  # part of what the share leaves free that guards against lateness on the way
SLOWEST = 0.1  # part of the rate that refusals leave at least
SLOWER = 0.7  # what a refusal makes of the rate
FASTER = 1.01  # what each granted slot makes of it again
PUSH_BACK = 1.0  # seconds nobody sends after a refusal that names no time
LONGEST_PUSH_BACK = 120.0  # seconds, whatever a server asks for
MOST_BOOKED = 600.0  # seconds ahead; what lies further off was not booked by this clock


def bucket_of(resource: str) -> str:
    """Return the bucket a resource such as `order/read` is counted in."""
    return "orders" if resource.startswith("order") else "other"


@dataclass
class Budget:
    """The slots of one bucket. Not locked: whoever shares one guards it.

    Times are seconds of the store's clock. `left` holds when the latest requests left, oldest
    first.
    """

    limits: tuple[Limit, ...]
    share: float
    pace: float = 1.0  # 1 when nobody was refused lately
    next_slot: float = float("-inf")
    held_until: float = float("-inf")  # nobody sends before
    left: deque[float] = field(default_factory=deque)

    @property
    def rate(self) -> float:
        """Return how many requests a second are booked at the present pace."""
        full = min(limit.requests / limit.seconds for limit in self.limits)
        return full * self.share * self.pace

    def book(self, now: float) -> float:
        """Book the next free slot and return when it is."""
        self._forget_the_future(now)
        slot = max(now - MISSED, self.next_slot)
        self.next_slot = slot + 1 / self.rate
        self.pace = min(1.0, self.pace * FASTER)
        return slot

    def delay(self, now: float) -> float:
        """Return how many seconds a request that would leave now has to wait yet."""
        self._forget_the_future(now)
        stretch = 1 + STRETCH * (1 / self.share - 1)
        most = max(0.0, self.held_until - now)
        for limit in self.limits:
            if len(self.left) >= limit.requests:
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
        pause = PUSH_BACK if wait is None else min(wait, LONGEST_PUSH_BACK)
        self.held_until = max(self.held_until, now + pause)
        self.next_slot = max(self.next_slot, self.held_until)
        self.pace = max(SLOWEST, self.pace * SLOWER)

    def _forget_the_future(self, now: float) -> None:
        """Drop what a clock has written that was ahead of this one, so that it blocks nobody."""
        self.next_slot = now if self.next_slot > now + MOST_BOOKED else self.next_slot
        self.held_until = now if self.held_until > now + LONGEST_PUSH_BACK else self.held_until
        while self.left and self.left[-1] > now + PUSH_BACK:
            self.left.pop()


class BudgetStore(Protocol):
    """Keeps the budgets of one account, and lets one caller at a time change them."""

    def open(self, bucket: str) -> AbstractContextManager[tuple[Budget, float]]:
        """Lock a bucket's budget; give it with the present time of the store's clock; keep it."""
        ...


class Limiter:
    """Hands out the slots of one account to the threads of this process.

    Of the threads that want a slot of a bucket one at a time books and waits, so that a process
    holds one slot ahead at most: processes get theirs by turns, and one that is killed wastes one.
    """

    def __init__(self, store: BudgetStore, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Share the budgets of a store; `sleep` may raise to end a wait early."""
        self._store = store
        self._sleep = sleep
        self._turns = {bucket: threading.Lock() for bucket in BUCKETS}

    def rate(self, bucket: str) -> float:
        """Return how many requests a second this bucket books."""
        with self._store.open(bucket) as (budget, _):
            return budget.rate

    def take(self, bucket: str) -> float:
        """Wait for a slot and return how many seconds that took."""
        begun = time.monotonic()
        with self._turns[bucket]:
            slot = None
            while True:
                with self._store.open(bucket) as (budget, now):
                    slot = budget.book(now) if slot is None else slot
                    pause = max(slot - now, budget.delay(now))
                    if pause <= 0:
                        budget.leave(now)
                        return time.monotonic() - begun
                self._sleep(pause)

    def refused(self, bucket: str, wait: float | None) -> None:
        """Tell that the server refused a request for its rate, and what pause it asked for."""
        with self._store.open(bucket) as (budget, now):
            budget.refuse(now, wait)
            rate = budget.rate
        logger.warning("requests for %s slow down to %.1f a second for a while", bucket, rate)
