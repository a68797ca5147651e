"""Reads a whole list that has no times, such as all offers, and proves that the reading was whole.

A scan is sealed by two equal counts: the API's own, and what the last page, read when all others
are back, says by being short. Where the API's count is of no use, two passes in a row that saw the
same ids do. Rows can join such a list as well as leave it, so a row that seems to have vanished is
asked for again before anybody is told.
"""

from __future__ import annotations

import contextlib
from collections import deque
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from tap_emag.client import PAGE_SIZE
from tap_emag.errors import ContractError, UnsteadyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor, Future

    from tap_emag.client import Client, Page
    from tap_emag.life import Life

T = TypeVar("T")
POLL = 0.1  # seconds
MOST_SCANS = 4
AHEAD = 2  # pages read ahead, for each request that may be under way


@dataclass
class Scan:
    """All rows of a resource, page by page; `seen` holds the ids of the latest pass.

    `key` tells a row's id and raises ContractError where there is none.
    """

    client: Client
    executor: Executor
    life: Life
    concurrency: int
    resource: str
    key: Callable[[dict[str, Any]], int]
    seen: set[int] = field(default_factory=set)
    pages: int = 0  # of the latest pass
    total: int = 0  # rows, by the latest count; 0 when the API does not say
    _sealed: bool = False

    def read(self) -> Iterator[Page]:
        """Deliver pages until a pass over all of them is sealed.

        A pass that is not sealed is followed by another, so rows may come more than once; rows are
        true when they come, but only after the last of them is known that none is missing.

        Raises:
            UnsteadyError: Rows joined or left during each of the passes.
            EmagError: What the client raises.
        """
        for _ in range(MOST_SCANS):
            yield from self._pass()
            if self._sealed:
                return
        raise UnsteadyError(
            f"{self.resource}/read: rows joined or left during each of {MOST_SCANS} passes; what"
            " was read is written, what vanished is not known. Run again when fewer are added"
        )

    def absent(self, keys: set[int]) -> set[int]:
        """Return which of these ids the API no longer has, by asking again.

        For few, each is asked for by its id; for many, the whole list is read once more.
        """
        if len(keys) > max(1, self.pages):
            before = set(self.seen)
            for _ in self.read():
                before |= self.seen
            return keys - before
        futures = {key: self.executor.submit(self._find, key) for key in keys}
        return {key for key, future in futures.items() if not self._result(future)}

    def _find(self, key: int) -> bool:
        page = self.client.read(self.resource, 1, {"id": key})
        return any(self.key(row) == key for row in page.rows)

    def _pass(self) -> Iterator[Page]:
        """Deliver every page once; then `_sealed` tells whether that was all there is."""
        before, self.seen = self.seen, set()
        count = self._count()
        sure = 0 if count is None else count // PAGE_SIZE
        self.total, self.pages = count or 0, 0
        rows = 0  # by the first short page, which says how many there are
        for number, page in enumerate(self._in_order(sure), start=1):
            if page.short and not self.pages:
                self.pages, rows = number, (number - 1) * PAGE_SIZE + len(page.rows)
            self.seen.update(self.key(row) for row in page.rows)
            yield page
        self._sealed = rows == len(self.seen) and (rows == count or self.seen == before)

    def _in_order(self, sure: int) -> Iterator[Page]:
        """Read pages 1 … sure several at once, then on, one by one, until a short one."""
        waiting: deque[Future[Page]] = deque()
        numbers = iter(range(1, sure + 1))
        while True:
            while len(waiting) < self.concurrency * AHEAD and (number := next(numbers, None)):
                waiting.append(self.executor.submit(self._page, number))
            if not waiting:
                break
            yield self._result(waiting.popleft())
        number = sure + 1
        while True:
            page = self._result(self.executor.submit(self._page, number))
            yield page
            if page.short:
                return
            number += 1

    def _result(self, future: Future[T]) -> T:
        """Wait for a request, as long as the run lives."""
        while True:
            self.life.check()
            with contextlib.suppress(FutureTimeoutError):
                return future.result(POLL)

    def _page(self, number: int) -> Page:
        return self.client.read(self.resource, number, {})

    def _count(self) -> int | None:
        try:
            return self._result(self.executor.submit(self.client.count, self.resource, {})).rows
        except ContractError:
            return None
