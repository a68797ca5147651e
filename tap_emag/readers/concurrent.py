"""Sends several requests at once and returns their replies in order."""

from __future__ import annotations

import contextlib
from collections import deque
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor, Future

    from tap_emag.watchdog import Watchdog

T = TypeVar("T")
A = TypeVar("A")
POLL = 0.1  # seconds
AHEAD = 2  # requests in the executor's queue, for each that may be under way


@dataclass(frozen=True)
class ConcurrentRequests:
    """Sends requests from an executor, and waits for them only as long as the run lives."""

    executor: Executor
    watchdog: Watchdog
    concurrency: int

    def map(self, ask: Callable[[A], T], arguments: Iterable[A]) -> Iterator[tuple[A, T]]:
        """Call `ask` with each argument, several at once; yield argument and reply, in order."""
        waiting: deque[tuple[A, Future[T]]] = deque()
        left = iter(arguments)
        while True:
            while len(waiting) < self.concurrency * AHEAD:
                try:
                    argument = next(left)
                except StopIteration:
                    break
                waiting.append((argument, self.executor.submit(ask, argument)))
            if not waiting:
                return
            argument, future = waiting.popleft()
            yield argument, self.result(future)

    def call(self, ask: Callable[[A], T], argument: A) -> T:
        """Call `ask` once, and wait for the reply."""
        return self.result(self.executor.submit(ask, argument))

    def result(self, future: Future[T]) -> T:
        """Wait for a reply.

        Raises:
            EmagError: From the request, or from the watchdog when the run must end.
        """
        while True:
            self.watchdog.check()
            with contextlib.suppress(FutureTimeoutError):
                return future.result(POLL)
