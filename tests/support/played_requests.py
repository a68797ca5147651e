"""Plays threads that take slots against a server that counts strictly, in virtual time."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any

from emag_sandbox.api.budgets import Budget as Served
from tap_emag.api.rate_limiter import BUCKETS, Budget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BEGIN = 1000.0  # no clock begins with 0


@dataclass(frozen=True)
class Network:
    """How long requests and replies take; seconds.

    `jitter` is the most that a request is on its way, `latency` what a reply takes. A thread wakes
    `late` on average, and one in a hundred up to `hiccup` later still. One way in ten is up to
    `detour` longer.
    """

    latency: float = 0.5
    jitter: float = 0.1
    late: float = 0.003
    hiccup: float = 0.4
    detour: float = 0.0


@dataclass
class Played:
    """When requests arrived, in seconds since the begin: ours and those of another program."""

    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    theirs_refused: list[float] = field(default_factory=list)

    def rate(self, since: float = 0.0) -> float:
        """Return how many requests per second were answered since then."""
        times = [each for each in self.answered if each >= since]
        return (len(times) - 1) / (times[-1] - times[0])

    def refusals(self, since: float = 0.0) -> float:
        """Return which part of our requests since then was refused."""
        refused = sum(each >= since for each in self.refused)
        return refused / (refused + sum(each >= since for each in self.answered))


class Play:
    """One bucket, one process with as many threads as latency needs, one server."""

    def __init__(
        self,
        share: float,
        mode: str,
        network: Network,
        *,
        seed: int = 1,
        a_minute: int | None = None,
    ) -> None:
        """Begin with an untouched budget.

        Args:
            share: As the setting `rate_limit_share`.
            mode: As the sandbox's `limit_mode`.
            network: How long everything takes.
            seed: Makes the run another one.
            a_minute: Requests that the server allows per minute; the documented ones by default.
        """
        self.budget = Budget(BUCKETS["orders"], share)
        self._server, self._mode, self._a_minute = Served("orders"), mode, a_minute
        self._network, self._dice = network, Random(seed)
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._numbers = count()
        self._queue: deque[int] = deque()
        self._slot: float | None = None
        self._played = Played()

    def run(self, seconds: float, theirs: Iterable[float] = ()) -> Played:
        """Send for so many seconds, while another program sends at times of its own."""
        for _ in range(int(12 * (self._network.latency + self._network.jitter) * 1.3) + 6):
            self._at(BEGIN + self._dice.random() / 100, self._want, 0)
        for time in theirs:
            self._at(BEGIN + time, self._their)
        while self._events[0][0] < BEGIN + seconds:
            now, _, happen, arguments = heapq.heappop(self._events)
            happen(now, *arguments)
        return self._played

    def _at(self, time: float, happen: Callable[..., None], *arguments: Any) -> None:  # noqa: ANN401
        heapq.heappush(self._events, (time, next(self._numbers), happen, arguments))

    def _want(self, now: float, refusals: int) -> None:
        self._queue.append(refusals)
        self._next(now)

    def _next(self, now: float) -> None:
        if self._slot is None and self._queue:
            self._slot = self.budget.reserve(now)
            self._try(now)

    def _try(self, now: float) -> None:
        pause = max((self._slot or now) - now, self.budget.delay(now))
        dice, network = self._dice, self._network
        if pause > 1e-9:
            late = dice.expovariate(1 / network.late) if network.late else 0.0
            late += dice.uniform(0, network.hiccup) if dice.random() < 0.01 else 0.0
            self._at(now + pause + late, self._try)
            return
        self.budget.leave(now)
        self._slot = None
        way = dice.uniform(0, network.jitter)
        way += dice.uniform(0, network.detour) if dice.random() < 0.1 else 0.0
        self._at(now + way, self._arrive, now, self._queue.popleft())
        self._next(now)

    def _arrive(self, now: float, left: float, refusals: int) -> None:
        if self._server.spend(now, self._mode, self._a_minute):
            self._played.answered.append(now - BEGIN)
            self._at(now + self._network.latency, self._want, 0)
        else:
            self._played.refused.append(now - BEGIN)
            self._at(now + 0.02, self._learn, left, refusals)

    def _learn(self, now: float, left: float, refusals: int) -> None:
        self.budget.refuse(now, None, left)
        # A call waits before it is sent a third time.
        wait = max(4.0, self._dice.uniform(0, min(60, 4 * 2**refusals))) if refusals else 0.0
        self._at(now + wait, self._want, refusals + 1)

    def _their(self, now: float) -> None:
        within = self._server.spend(now, self._mode, self._a_minute)
        (self._played.theirs if within else self._played.theirs_refused).append(now - BEGIN)
