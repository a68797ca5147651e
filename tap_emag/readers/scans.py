"""Reads a whole list that has no times, such as all offers, and proves that the reading was whole.

A scan is sealed by two equal counts: the API's own, and what the last page, read when all others
are back, says by being short. Where the API's count is of no use, two passes in a row that saw the
same ids do. Rows can join such a list as well as leave it, so a row that seems to have vanished is
asked for again before anybody is told.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_emag.client import PAGE_SIZE
from tap_emag.errors import ContractError, UnsteadyError
from tap_emag.tables.raw import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_emag.client import Client, Page
    from tap_emag.readers.ordered import Ordered

MOST_SCANS = 4


@dataclass
class Scan:
    """All rows of a resource that pass a filter, page by page.

    `key` tells a row's id, None where it says none; `seen` holds the ids of the latest pass. A list
    that is expected to be `short` is tried with one page first: if it fits, that one reply is the
    whole of it.
    """

    client: Client
    requests: Ordered
    resource: str
    key: Callable[[dict[str, Any]], int | None]
    filters: Mapping[str, Any] = field(default_factory=dict)
    short: bool = False
    seen: set[int] = field(default_factory=set)
    pages: int = 0  # of the latest pass
    total: int = 0  # rows, by the latest count; 0 when the API does not say
    _nameless: Counter[str] = field(default_factory=Counter)  # rows without an id, by content
    _sealed: bool = False

    def read(self) -> Iterator[Page]:
        """Deliver pages until a pass over all of them is sealed.

        A pass that is not sealed is followed by another, so rows may come more than once; rows are
        true when they come, but only after the last of them is known that none is missing.

        Raises:
            UnsteadyError: Rows joined or left during each of the passes.
            EmagError: What the client raises.
        """
        if self.short and (page := self.requests.call(self._page, 1)).short:
            self.seen, self._nameless = set(), Counter()
            self._note(page)
            self.pages, self.total = 1, len(page.rows)
            yield page
            if self._noted == len(page.rows):
                return
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
        return {key for key, there in self.requests.map(self._find, keys) if not there}

    def _find(self, key: int) -> bool:
        page = self.client.read(self.resource, 1, {"id": key})
        return any(self.key(row) == key for row in page.rows)

    def _pass(self) -> Iterator[Page]:
        """Deliver every page once; then `_sealed` tells whether that was all there is."""
        before = self.seen, self._nameless
        self.seen, self._nameless = set(), Counter()
        count = self.requests.call(self._count, None)
        sure = 0 if count is None else count // PAGE_SIZE
        self.total, self.pages = count or 0, 0
        rows = 0  # by the first short page, which says how many there are
        for number, page in enumerate(self._in_order(sure), start=1):
            if page.short and not self.pages:
                self.pages, rows = number, (number - 1) * PAGE_SIZE + len(page.rows)
            news = self._note(page)
            yield page
            if not news:
                break  # pages behind it bring nothing, whatever the count says
        # Rows of equal content and no id cannot be told apart: one may have come twice, instead of
        # another that has not come. Then, too, two equal passes have to prove it.
        distinct = not self._nameless or max(self._nameless.values()) == 1
        self._sealed = rows == self._noted and (
            (rows == count and distinct) or (self.seen, self._nameless) == before
        )

    @property
    def _noted(self) -> int:
        """How many rows have come that can be told apart, or have no id."""
        return len(self.seen) + self._nameless.total()

    def _note(self, page: Page) -> bool:
        """Note the ids of a page; tell whether any of them is new."""
        before = len(self.seen) + len(self._nameless)
        for row in page.rows:
            key = self.key(row)
            if key is None:
                self._nameless[digest_of(row)] += 1
            else:
                self.seen.add(key)
        return len(self.seen) + len(self._nameless) > before

    def _in_order(self, sure: int) -> Iterator[Page]:
        """Read pages 1 … sure several at once, then on, one by one, until a short one."""
        for _, page in self.requests.map(self._page, range(1, sure + 1)):
            yield page
        number = sure + 1
        while True:
            page = self.requests.call(self._page, number)
            yield page
            if page.short:
                return
            number += 1

    def _page(self, number: int) -> Page:
        return self.client.read(self.resource, number, self.filters)

    def _count(self, _: None) -> int | None:
        try:
            return self.client.count(self.resource, self.filters).rows
        except ContractError:
            return None
