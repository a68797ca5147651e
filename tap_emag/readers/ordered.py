"""Several requests at once, their replies in the order in which they were asked for."""

from __future__ import annotations

import contextlib
from collections import deque
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor, Future

    from tap_emag.life import Life

T = TypeVar("T")
A = TypeVar("A")
POLL = 0.1  # seconds
AHEAD = 2  # requests asked for ahead, for each that may be under way


@dataclass(frozen=True)
class Ordered:
    """Sends requests from an executor, and waits for them only as long as the run lives."""

    executor: Executor
    life: Life
    concurrency: int

    def map(self, ask: Callable[[A], T], arguments: Iterable[A]) -> Iterator[tuple[A, T]]:
        """Ask for each argument, several at once; give argument and reply, in order."""
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
        """Ask once, and wait for the reply."""
        return self.result(self.executor.submit(ask, argument))

    def result(self, future: Future[T]) -> T:
        """Wait for a reply.

        Raises:
            EmagError: What the request raised, or what the run was asked to end for.
        """
        while True:
            self.life.check()
            with contextlib.suppress(FutureTimeoutError):
                return future.result(POLL)
