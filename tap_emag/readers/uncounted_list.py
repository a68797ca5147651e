"""Decides which page of a list without a count is the last one.

A server may lower its page limit between two replies. The next page then repeats rows, is smaller
than a page before it, and others follow it. So a page without a new row is the last one only if no
page before it was larger. An empty page is always the last one, and so is one that equals the page
before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class UncountedList:
    """The pages of one list, in the order in which they are read."""

    _largest: int = 0  # rows on a page
    _latest: Sequence[Any] = ()

    def ends_with(self, rows: Sequence[Any]) -> bool:
        """Take a page, each one once; return whether it is certainly the last one."""
        ends = not rows or rows == self._latest
        self._latest = rows
        self._largest = max(self._largest, len(rows))
        return ends

    def ends_without_news(self) -> bool:
        """Return whether the page taken last is the last one, if none of its rows is new."""
        return len(self._latest) >= self._largest
