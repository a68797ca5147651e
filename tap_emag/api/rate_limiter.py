"""Reserves a slot of the request budget for every attempt.

eMAG counts requests per account in two buckets (documented): 12 per second and 720 per minute for
everything under `order`, 3 per second and 180 per minute for all other resources together. The tap
may use a share of that. Two rules decide when a request may leave:

* *reserving*: slots are 1 / rate apart, first come, first served. A slot that was missed by a
  moment may still be used, so that a late thread does not waste it;
* *looking back*: a request leaves no earlier than a period after the one n places before it, for
  each limit of n requests per period. Otherwise a thread that wakes late would send its request
  together with the next ones. To the period 85 % are added of what the share leaves free of
  a second: two requests may come that much closer on their way. The rest makes up for
  lateness.

A single refusal is mostly an accident of the way, so it costs half a second and a few per cent of
the rate. A further one soon after it is not: then the rate falls by a third each time. Later the
rate returns quickly to just below the ceiling, the pace that was refused, and passes it slowly,
with more courage the longer nothing was refused. So a budget that others use as well is used with
about one refusal in 500 requests.

A store decides where the budgets are and which processes share them: see
`tap_emag.api.rate_limit_local`.
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
ROOM = 0.85  # of the part of a second that the share leaves free: against delays on the way
LEAST_ROOM_PACE = 0.5  # a lower pace adds no more room: it would delay for what left before it
SLOWEST = 0.22  # requests per second, 13 per minute: refusals slow down to this at most
EASED = 0.96  # factor of the rate after a single refusal
SLOWER = 0.7  # factor of the rate after a further one soon
SOON = 20  # slots after a pause
SHORT_PAUSE = 6  # slots without requests after a single refusal that names no time
PUSH_BACK = 1.0  # seconds without requests after a further one, and at most
SEEN = 0.9  # of the rate at which requests left in the last SEEN_SECONDS: it was hardly too high
SEEN_SECONDS = 45.0
FASTER = 1.02  # factor of the rate after each slot, until it is EASED below the ceiling
GAIN = 2e-5  # part of the rate gained with each slot from there on, doubled with every
DOUBLED = 400  # slots without a refusal
MOST_GAIN = 0.01
LONGEST_PUSH_BACK = 120.0  # seconds, even if the server asks for more
MOST_BOOKED = 600.0  # seconds ahead; a later slot is of another clock


def bucket_of(resource: str) -> str:
    """Return the bucket a resource such as `order/read` is counted in."""
    return "orders" if resource.startswith("order") else "other"


@dataclass
class Budget:
    """The slots of one bucket. Not thread-safe: the store locks it.

    Times are seconds of the store's clock. `left` has the times of the latest requests, oldest
    first. `ceiling` is the pace that was refused last, or a higher one that was not.
    """

    limits: tuple[Limit, ...]
    share: float
    pace: float = 1.0  # part of the full rate; below 1 for a while after refusals
    next_slot: float = float("-inf")
    held_until: float = float("-inf")  # no request before
    left: deque[float] = field(default_factory=deque)
    ceiling: float = 1.0

    @property
    def full_rate(self) -> float:
        """Return how many slots per second there are at the full pace."""
        return min(limit.requests / limit.seconds for limit in self.limits) * self.share

    @property
    def rate(self) -> float:
        """Return how many slots per second there are at the present pace."""
        return self.full_rate * self.pace

    def reserve(self, now: float) -> float:
        """Reserve the next free slot and return its time."""
        self._forget_the_future(now)
        slot = max(now - MISSED, self.next_slot)
        self.next_slot = slot + 1 / self.rate
        self._speed_up(now)
        return slot

    def delay(self, now: float) -> float:
        """Return how many seconds a request still has to wait before it may leave."""
        self._forget_the_future(now)
        room = ROOM * (1 / (self.share * max(self.pace, LEAST_ROOM_PACE)) - 1)
        most = max(0.0, self.held_until - now)
        for limit in self.limits:
            if len(self.left) >= limit.requests:
                earliest = self.left[-limit.requests] + limit.seconds + room
                most = max(most, earliest - now)
        return most

    def leave(self, now: float) -> None:
        """Note that a request leaves now."""
        self.left.append(now)
        while len(self.left) > max(limit.requests for limit in self.limits):
            self.left.popleft()

    def refuse(self, now: float, wait: float | None, left: float) -> None:
        """Slow down after a refusal: a pause, then a lower rate.

        A request that left before the latest pause was refused with the one that caused the pause:
        it slows down no further.

        Args:
            now: The present time.
            wait: The seconds without requests that the server asks for, if it does.
            left: When the refused request left.
        """
        if left >= self.held_until + SOON / self.rate:
            self.ceiling = self.pace
            self._slow_down(EASED)
            pause = min(PUSH_BACK, SHORT_PAUSE / self.rate)
        elif left >= self.held_until:
            self.ceiling = min(self.ceiling, max(self.pace, SEEN * self._pace_seen(now)))
            self._slow_down(SLOWER)
            pause = PUSH_BACK
        elif wait is None:
            return
        if wait is not None:
            pause = min(wait, LONGEST_PUSH_BACK)
        self.held_until = max(self.held_until, now + pause)
        self.next_slot = max(self.next_slot, self.held_until)

    def _slow_down(self, factor: float) -> None:
        self.pace = max(min(1.0, SLOWEST / self.full_rate), self.pace * factor)

    def _speed_up(self, now: float) -> None:
        known = EASED * self.ceiling
        if self.pace < known:
            self.pace = min(known, self.pace * FASTER)
            return
        # At a low pace slots are few, so that each counts for more.
        weight = self.pace**-0.5
        doublings = weight * (now - self.held_until) * self.rate / DOUBLED
        gain = min(MOST_GAIN, weight * GAIN * 2 ** min(doublings, 50))
        self.pace = min(1.0, self.pace * (1 + gain))
        self.ceiling = max(self.ceiling, self.pace)

    def _pace_seen(self, now: float) -> float:
        """Return the pace at which requests have left lately."""
        times = [each for each in self.left if now - SEEN_SECONDS < each < now]
        return len(times) / (now - times[0]) / self.full_rate if times else 0.0

    def _forget_the_future(self, now: float) -> None:
        """Drop times of a clock that was ahead of this one, so that they block no request."""
        self.next_slot = now if self.next_slot > now + MOST_BOOKED else self.next_slot
        self.held_until = now if self.held_until > now + LONGEST_PUSH_BACK else self.held_until
        while self.left and self.left[-1] > now + PUSH_BACK:
            self.left.pop()


class BudgetStore(Protocol):
    """Stores the budgets of one account, and lets one caller at a time change them."""

    def open(self, bucket: str) -> AbstractContextManager[tuple[Budget, float]]:
        """Lock a bucket's budget, yield it with the time of the store's clock, then store it."""
        ...


class Limiter:
    """Gives the slots of one account to the threads of this process.

    Per bucket, one thread at a time reserves a slot and waits for it. So a process has at most one
    slot ahead: processes take turns, and a process that is killed wastes one slot.
    """

    def __init__(self, store: BudgetStore, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Use the budgets of a store; `sleep` may raise to end a wait early."""
        self._store = store
        self._sleep = sleep
        self._turns = {bucket: threading.Lock() for bucket in BUCKETS}
        self._rates: dict[str, float] = {}

    def rate(self, bucket: str) -> float:
        """Return the bucket's requests per second when its budget was last read.

        Only the first call reads the store, so metrics neither wait for it nor fail with it.
        """
        if bucket not in self._rates:
            self.look(bucket)
        return self._rates[bucket]

    def look(self, bucket: str) -> None:
        """Read a budget; raise the store's error when that fails."""
        with self._store.open(bucket) as (budget, _):
            self._rates[bucket] = budget.rate

    def take(self, bucket: str) -> float:
        """Wait for a slot; return how many seconds that took."""
        begun = time.monotonic()
        with self._turns[bucket]:
            slot = None
            while True:
                with self._store.open(bucket) as (budget, now):
                    slot = budget.reserve(now) if slot is None else slot
                    self._rates[bucket] = budget.rate
                    pause = max(slot - now, budget.delay(now))
                    if pause <= 0:
                        budget.leave(now)
                        return time.monotonic() - begun
                self._sleep(pause)

    def refused(self, bucket: str, wait: float | None, age: float) -> None:
        """Note that the server refused a request for its rate.

        Args:
            bucket: The bucket of the request.
            wait: The seconds of pause that the server asks for, if it does.
            age: Seconds since the request left.
        """
        with self._store.open(bucket) as (budget, now):
            budget.refuse(now, wait, now - age)
            rate = self._rates[bucket] = budget.rate
        logger.warning("requests for %s slow down to %.1f per second for a while", bucket, rate)
