"""Reads a list without times, such as all offers, and proves it complete.

Two equal counts prove a pass: the API's own, and the rows up to the last page, which is read when
all other pages are back. Without a useful count, two passes in a row prove it: they saw the same
ids, each up to an empty page. The size of pages is observed, not assumed: a pass is valid only if
all its pages but the last have equally many rows, and page 2 is read unless page 1 is short by
other evidence than a count.

Rows can join such a list as well as leave it. So a row that seems to have vanished is asked for
again before a deletion is reported.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_emag.errors import UnsteadyError
from tap_emag.readers.counts import count_or_none
from tap_emag.readers.page_size import PageSize
from tap_emag.schema.identity import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_emag.api.client import Client, Page
    from tap_emag.readers.concurrent import ConcurrentRequests

MOST_SCANS = 4


@dataclass
class Scan:
    """All rows of a resource that pass a filter, page by page.

    `key` returns a row's id, None where it has none; `seen` has the ids of the latest pass. A list
    that is expected to be `short` is tried with one page first: if it fits, that one reply is
    complete. A list is not `counted` where eMAG's count does not take its filters.
    """

    client: Client
    requests: ConcurrentRequests
    resource: str
    key: Callable[[dict[str, Any]], int | None]
    filters: Mapping[str, Any] = field(default_factory=dict)
    short: bool = False
    params: Mapping[str, str] = field(default_factory=dict)  # in the URL of each page
    counted: bool = True
    size: PageSize = field(default_factory=PageSize)
    seen: set[int] = field(default_factory=set)
    pages: int = 0  # of the latest pass
    total: int = 0  # rows, by the latest count; 0 when there is none
    _nameless: Counter[str] = field(default_factory=Counter)  # rows without an id, by content
    _sealed: bool = False
    _before: tuple[set[int], Counter[str]] | None = None  # seen by the pass before

    def read(self) -> Iterator[Page]:
        """Yield pages until one pass over all of them is proven complete.

        After a pass without proof follows another, so rows may come more than once. Each row is
        valid when it comes, but only the end shows that none is missing.

        Raises:
            UnsteadyError: Rows joined or left during each of the passes.
            EmagError: What the client raises.
        """
        if self.short and self._is_all(page := self.requests.call(self._page, 1)):
            self.seen, self._nameless = set(), Counter()
            self._note(page)
            self.pages, self.total = 1, len(page.rows)
            yield page
            if self._noted == len(page.rows):
                return
        self._before = None
        for _ in range(MOST_SCANS):
            yield from self._pass()
            if self._sealed:
                return
            self._before = self.seen, self._nameless
        raise UnsteadyError(
            f"{self.resource}/read: rows joined or left during each of {MOST_SCANS} passes; what"
            " was read is written, what vanished is not known. Run again when fewer are added"
        )

    def _is_all(self, page: Page) -> bool:
        return self.size.is_few(len(page.rows))

    def asking_takes_longer(self, keys: set[int]) -> bool:
        """Return whether asking for each id takes more requests than a pass over all pages."""
        return len(keys) > max(1, self.pages)

    def absent(self, keys: set[int]) -> set[int]:
        """Ask for each of these ids, and return those that the API no longer has."""
        return {key for key, there in self.requests.map(self._find, keys) if not there}

    def _find(self, key: int) -> bool:
        page = self.client.read(self.resource, 1, {"id": key})
        return any(self.key(row) == key for row in page.rows)

    def _pass(self) -> Iterator[Page]:
        """Yield every page once, then set `_sealed` if that was the complete list."""
        self.seen, self._nameless = set(), Counter()
        count = self.requests.call(self._count, None) if self.counted else None
        came: list[int] = []  # rows, page by page
        self.total = count or 0
        for page in self._in_order(count, came):
            news = self._note(page)
            yield page
            if not news:
                break  # later pages bring nothing new, even if the count is higher
        self.pages, rows = sum(map(bool, came)), sum(came)
        # Rows of equal content and no id cannot be distinguished: one may have come twice, while
        # another is missing. Then, too, two equal passes have to prove it.
        distinct = not self._nameless or max(self._nameless.values()) == 1
        self._sealed = (
            self._is_even(came)
            and rows == self._noted
            and ((rows == count and distinct) or (self.seen, self._nameless) == self._before)
        )

    def _is_even(self, came: list[int]) -> bool:
        """Return whether all pages but the last one with rows are of one size; learn that size."""
        *full, last = came[: self.pages] or [0]
        even = len(set(full)) <= 1 and last <= max(full, default=last)
        if even and full:
            self.size.learn(full[0])
        return even

    @property
    def _noted(self) -> int:
        """Return how many rows have come: distinct ids, and every row without an id."""
        return len(self.seen) + self._nameless.total()

    def _note(self, page: Page) -> bool:
        """Note the ids of a page; return whether any of its rows is new."""
        before = len(self.seen) + len(self._nameless)
        for row in page.rows:
            key = self.key(row)
            if key is None:
                self._nameless[digest_of(row)] += 1
            else:
                self.seen.add(key)
        return len(self.seen) + len(self._nameless) > before

    def _in_order(self, count: int | None, came: list[int]) -> Iterator[Page]:
        """Read to the end: first the pages that the count promises, several at once.

        `came` gets the number of rows of each page.
        """
        sure = (count or 0) // self.size.full
        while True:
            first = len(came) + 1
            for _, page in self.requests.map(self._page, range(first, max(first, sure) + 1)):
                came.append(len(page.rows))
                yield page
                if self._has_ended(count, came):
                    return
            sure = (count or 0) // came[0]

    def _has_ended(self, count: int | None, came: list[int]) -> bool:
        """Return whether the latest page is the last one.

        It is empty, short, or smaller than the first one with the count reached. A count proves
        nothing of the first page itself: a wrong one may equal the most rows that a page has.
        """
        last = came[-1]
        if len(came) == 1:
            return self.size.is_few(last)
        return not last or (sum(came) == count and last < came[0])

    def _page(self, number: int) -> Page:
        asked = self.size.ask()
        page = self.client.read(self.resource, number, self.filters, self.params)
        self.size.saw(asked, len(page.rows))
        return page

    def _count(self, _: None) -> int | None:
        count = count_or_none(self.client, self.resource, self.filters)
        return None if count is None else count.rows
