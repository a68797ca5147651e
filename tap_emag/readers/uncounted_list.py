"""Reads the pages of a list without a count, whatever limit they have.

A server may lower its page limit between two replies. The next page then repeats rows, is smaller
than a page before it, and others follow it. So a page without a new row is the last one only if no
page before it was larger. An empty page is always the last one, and so is one with the rows of the
page before it.

A server may also raise its limit. The next page then begins too late. So the first page is read
once more at the end: if it has more rows than before, or one that has not come, the list is read
anew from there. A first page of fewer rows than `SMALLEST` was not cut off by a limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_emag.errors import ContractError, UnsteadyError
from tap_emag.readers.page_size import SMALLEST
from tap_emag.schema.identity import digest_of, is_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Rows = list[dict[str, Any]]

MOST_ROUNDS = 4
MOST_PAGES = 4000  # of one round


@dataclass(frozen=True)
class UncountedList:
    """A list that `read` returns a page of; one of the keys `ids` of a row contains its id."""

    read: Callable[[int], Rows]
    ids: Sequence[str]

    def pages(self) -> Iterator[Rows]:
        """Yield pages with rows until all have come; rows may come more than once.

        Where further rows join during each round, the last round is enough if the first page has no
        more rows in the end: either no limit cut it off then, or the limit never rose.

        Raises:
            UnsteadyError: The first page had more rows after each of several rounds.
            ContractError: The pages do not end.
            EmagError: What `read` raises.
        """
        rows = self.read(1)
        for _ in range(MOST_ROUNDS):
            first, seen = len(rows), set[str]()
            yield from self._from(rows, seen)
            if first < SMALLEST:
                return
            rows = self.read(1)
            if len(rows) <= first and self._names(rows) <= seen:
                return
        if len(rows) > first:
            raise UnsteadyError(
                f"the first page of a list had more rows after each of {MOST_ROUNDS} readings; run"
                " again when fewer are added"
            )
        yield rows

    def _from(self, rows: Rows, seen: set[str]) -> Iterator[Rows]:
        """Yield a first page, and those after it up to the last one; `seen` gets all names."""
        latest, largest = set[str](), 0
        for number in range(2, MOST_PAGES + 2):
            names = self._names(rows)
            if not rows or names == latest:
                return
            largest = max(largest, len(rows))
            yield rows
            if names <= seen and len(rows) >= largest:
                return
            seen |= names
            latest, rows = names, self.read(number)
        raise ContractError(
            f"a list has more than {MOST_PAGES} pages, each unlike the one before: the page number"
            " is not used as documented"
        )

    def _names(self, rows: Rows) -> set[str]:
        """Return the rows' ids, and digests of those without one."""
        return {
            next((str(row[key]) for key in self.ids if is_id(row.get(key))), "") or digest_of(row)
            for row in rows
        }
