"""Learns from replies how many rows a full page of a resource has.

A server may return fewer rows than were asked for: 99, 50, 20. Then a full page looks like the last
one. So a reply is *short*, and complete, only by evidence:

* it is empty;
* a page that was asked for **after** it came had more rows, and so had one that came before it was
  asked for, in this run or an earlier one. A server may lower its limit at any time, or raise it,
  so one of the two alone proves nothing;
* it has fewer than `SMALLEST` rows, and some page, of this run or an earlier one, had more. The
  tap assumes that no server lowers its limit below that.

A page that was followed by one with rows was full, and no reply of as many rows or more is short.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from tap_emag.api.client import PAGE_SIZE
from tap_emag.state.bookmarks import LARGEST_PAGE

SMALLEST = 20  # rows; the lowest limit that the tap expects of a server


@dataclass
class PageSize:
    """The sizes of pages of one resource; `remembered` comes from earlier runs. Thread-safe."""

    remembered: int = 0
    replies: int = 0
    _asked: int = 0
    _pages: list[tuple[int, int]] = field(default_factory=list)  # (number, rows), rows falling
    # (pages asked for when it came, rows) of each page that was the largest until then
    _records: list[tuple[int, int]] = field(default_factory=list)
    _least: int = 0  # the smallest and the latest page known to be full; 0 as long as none is
    _latest: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def full(self) -> int:
        """Return how many rows a full page has: as learnt, or else as asked for."""
        return self._latest or PAGE_SIZE

    @property
    def share(self) -> float:
        """Return the size of a full page, as a part of the rows asked for."""
        return min(1.0, self.full / PAGE_SIZE)

    @property
    def asked(self) -> int:
        """Return how many pages have been asked for."""
        return self._asked

    @property
    def memory(self) -> int:
        """Return the size that the next run should remember."""
        return min(LARGEST_PAGE, self._least or max(self.remembered, self._largest))

    def ask(self) -> int:
        """Number a page that is about to be asked for."""
        with self._lock:
            self._asked += 1
            return self._asked

    def saw(self, number: int, rows: int) -> None:
        """Note how many rows came for a page of that number."""
        with self._lock:
            self.replies += 1
            if rows > max(self.remembered, self._records[-1][1] if self._records else 0):
                self._records = [*self._records, (self._asked, rows)]
            if any(later >= number and more >= rows for later, more in self._pages):
                return
            kept = [page for page in self._pages if page[0] > number or page[1] > rows]
            self._pages = sorted([*kept, (number, rows)])

    def learn(self, rows: int) -> None:
        """Note that a page of so many rows was full: the next one had rows as well."""
        with self._lock:
            self._latest = rows
            self._least = min(self._least or rows, rows)

    def doubt(self) -> None:
        """Forget the sizes of pages: later pages contradicted them."""
        with self._lock:
            self._pages, self._records = [], []
            self.remembered = 0

    def is_few(self, rows: int) -> bool:
        """Return whether a reply was complete, whatever limits other pages had."""
        seen = max(self.remembered, self._largest)
        return not rows or (rows < min(SMALLEST, seen) and not self._was_full(rows))

    def is_short(self, rows: int, number: int, after: int) -> bool:
        """Return whether a reply was complete, by pages before and after it as well.

        Args:
            rows: How many rows it had.
            number: The number that `ask` gave for it.
            after: `asked` as it was when it came.
        """
        return self.is_few(rows) or (
            not self._was_full(rows)
            and self._more_came_after(rows, after)
            and self.more_came_before(rows, number)
        )

    def wants_again(self, rows: int, number: int, after: int) -> bool:
        """Return whether pages after a reply had more rows, but none before it.

        No page to come proves it then, but the same page, asked for again, has one before it.
        """
        return (
            not self._was_full(rows)
            and self._more_came_after(rows, after)
            and not self.more_came_before(rows, number)
        )

    def _more_came_after(self, rows: int, after: int) -> bool:
        return any(number > after and more > rows for number, more in self._pages)

    def more_came_before(self, rows: int, number: int) -> bool:
        """Return whether a page had more rows that came before the page of that number was asked.

        Pages of earlier runs count as well.
        """
        return self.remembered > rows or any(
            asked < number and more > rows for asked, more in self._records
        )

    def _was_full(self, rows: int) -> bool:
        return bool(self._least and rows >= self._least)

    def is_full(self, rows: int) -> bool:
        """Return whether a page is full, or has to be treated as full.

        That is a page with as many rows as asked for. Where full pages are known to differ in size,
        it is also one with as many rows as the smallest of those.
        """
        mixed = self._least and self._largest > self._least
        return rows >= PAGE_SIZE or bool(mixed and rows >= self._least)

    @property
    def _largest(self) -> int:
        pages = self._pages  # another thread may put another list in its place
        return pages[0][1] if pages else 0
