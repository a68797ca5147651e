"""Reads items one by one; an item that eMAG refuses does not stop the others.

Each item gets one request, without retries, which the account's circuit breaker does not count: a
shipment that always fails does not mean that the API is down. After all others, the items with a
transient error are read again, with one pause for all of them. When five items in a row fail, one
request with all retries, for an item that eMAG answered before, finds out whether the API is down.
Where eMAG has answered no item yet, that takes twenty failures in a row. A reply that there is no
route to the resource ends the pass at once: it is about no single item.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from tap_emag.errors import (
    ContractError,
    EmagError,
    NoRouteError,
    SkippedItemsError,
    TransientError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from tap_emag.readers import ConcurrentRequests
    from tap_emag.settings.settings import Settings
    from tap_emag.watchdog import Watchdog

A = TypeVar("A")
T = TypeVar("T")
IN_A_ROW = 5  # transient failures that make the API itself doubtful
UNANSWERED = 20  # failures in a row that make the resource doubtful, where no item was answered
RETRIED_ITEMS = 10  # items that are worth further attempts even where none has recovered
MOST_LOGGED = 10  # failed items
logger = logging.getLogger("tap-emag")


class SingleItems(Generic[A, T]):
    """One pass over a list of items; `failed` has the errors of those that were not read."""

    def __init__(
        self,
        requests: ConcurrentRequests,
        watchdog: Watchdog,
        settings: Settings,
        ask: Callable[[A, bool], T],
        doubted: Collection[A] = (),
    ) -> None:
        """Ask through `requests`.

        Args:
            requests: Sends several at once.
            watchdog: Ends pauses when the run ends.
            settings: How often to ask, and the pauses between.
            ask: Asks for an item; the flag means a single attempt.
            doubted: Items that failed in the run before; they get one attempt.
        """
        self.failed: dict[A, EmagError] = {}
        self._requests = requests
        self._watchdog = watchdog
        self._settings = settings
        self._ask = ask
        self._doubted = set(doubted)
        self._answered: list[A] = []  # the latest answered item, if any
        self._in_a_row = 0

    def replies(self, items: Iterable[A]) -> Iterator[tuple[A, T]]:
        """Yield each item that is answered, with its reply.

        Raises:
            TransientError: The API is down.
            NoRouteError: The gateway has no route to the resource.
            SkippedItemsError: So many items in a row failed that the pass stops.
            EmagError: The run is to end.
        """
        yield from self._asked(items)
        for attempt in range(1, self._settings.retry_max_attempts):
            again = [item for item in self._transient() if item not in self._doubted]
            if not again:
                break
            self._watchdog.pause(self._pause(attempt))
            yield from self._asked(again)
            if len(again) > RETRIED_ITEMS and len(self._transient()) >= len(again):
                break

    def check(self, name: str, number: int) -> None:
        """Do nothing if every item was read.

        Args:
            name: What the items are.
            number: How many there were.

        Raises:
            SkippedItemsError: Some were not.
        """
        for item, error in list(self.failed.items())[:MOST_LOGGED]:
            logger.warning("%s: %s is left for the next run: %s", name, item, error)
        if self.failed:
            first = next(iter(self.failed.values()))
            raise SkippedItemsError(
                f"{name}: {len(self.failed)} of {number} could not be read, the others were; the"
                f" next run asks for them again. The first one: {first}"
            )

    def _asked(self, items: Iterable[A]) -> Iterator[tuple[A, T]]:
        for item, result in self._requests.map(partial(self._tried, once=True), items):
            if isinstance(result, EmagError):
                self.failed[item] = result
                found = self._judged(item, result)
                if found is not None:
                    yield item, found
            else:
                yield item, self._good(item, result)

    def _good(self, item: A, reply: T) -> T:
        self.failed.pop(item, None)
        self._answered = [item]
        self._in_a_row = 0
        return reply

    def _tried(self, item: A, *, once: bool) -> T | EmagError:
        try:
            return self._ask(item, once)
        except NoRouteError:
            raise
        except (ContractError, TransientError) as error:
            return error

    def _judged(self, item: A, error: EmagError) -> T | None:
        """Find out whether the items or the API cause failures in a row.

        Returns:
            The item's reply, if it was asked for again with all retries and is answered now.
        """
        if item in self._doubted:
            return None
        self._in_a_row += 1
        if not self._answered:
            return None if self._in_a_row < UNANSWERED else self._last_try(item, error)
        if self._in_a_row >= IN_A_ROW and isinstance(error, TransientError):
            result = self._patiently(self._answered[0])
            if isinstance(result, TransientError):
                for failed in self._transient():
                    del self.failed[failed]  # the API failed, not the item
                raise result
            self._in_a_row = 0
        return None

    def _last_try(self, item: A, error: EmagError) -> T:
        """Return the item's reply to a last request, when no item was answered before.

        Raises:
            SkippedItemsError: It fails again.
        """
        result = self._patiently(item) if isinstance(error, TransientError) else error
        if isinstance(result, EmagError):
            raise SkippedItemsError(
                f"{UNANSWERED} items in a row could not be read, so the others were not asked for;"
                f" the next run begins with them. The latest one: {result}"
            ) from result
        return self._good(item, result)

    def _patiently(self, item: A) -> T | EmagError:
        """Ask with all retries, as for any other request."""
        return self._requests.call(partial(self._tried, once=False), item)

    def _transient(self) -> list[A]:
        return [key for key, error in self.failed.items() if isinstance(error, TransientError)]

    def _pause(self, attempt: int) -> float:
        wait: float = self._settings.retry_wait_min_seconds * 2 ** (attempt - 1)
        return min(self._settings.retry_wait_max_seconds, wait)
