"""Tracks whether the API's counts and page sizes proved right in this run."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from tap_emag.readers.page_size import PageSize

MOST_SAME = 15  # parts that count as many rows as the split window; one second's rows need 14
MOST_DISAGREEMENTS = 6  # in a row, until the run stops using counts
MOST_FAILURES = 2  # counts in a row that brought no number, likewise
logger = logging.getLogger("tap-emag")


@dataclass
class CountReliability:
    """Whether this run still uses the API's counts, and how large its pages are.

    Each run begins anew and uses counts.
    """

    counts: bool = True
    disagreements: int = 0
    same: int = 0
    failures: int = 0
    replies: int = 0  # pages that had come when a count failed last
    pages: PageSize = field(default_factory=PageSize)

    def failed(self) -> None:
        """Note a refused or failed count; a further one matters only if pages came since."""
        if self.failures and self.replies == self.pages.replies:
            return
        self.replies = self.pages.replies
        self.failures += 1
        if self.counts and self.failures >= MOST_FAILURES:
            self.counts = False
            logger.warning(
                "counts failed %d times; this run goes on without them, which takes more requests",
                self.failures,
            )

    def agreed(self) -> None:
        """Note a count that the rows confirmed."""
        self.disagreements = 0

    def disagreed(self, rows: int, count: int) -> None:
        """Note a count unlike the number of rows: some left meanwhile, or the count is wrong."""
        self.disagreements += 1
        # Rows cannot enter a window, so a count that is too low was wrong when eMAG made it.
        if rows > count or self.disagreements >= MOST_DISAGREEMENTS:
            self.counts = False

    def unmoved(self) -> None:
        """Note that a part of a window counts as many rows as the window itself.

        All of its rows may be of one second; but counts that are always the same are wrong.
        """
        self.same += 1
        if self.same > MOST_SAME:
            self.counts = False
