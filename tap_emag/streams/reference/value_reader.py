"""Reads the values that characteristics may have: one request for most categories.

A page contains as many values of each characteristic as the server allows; it does not show whether
there are more. So the first page of every category is read first. Larger pages of other categories,
one before it and one after it, prove that it was complete: see `readers.page_size`. For the few
pages that are not proven, the next ones are read, up to an empty page or a smaller one, and then
the first again. A server may also answer a page that does not exist with one that does, the first
or the last. So two pages in a row with the values of earlier pages are the end, too. A single one
is kept: values may repeat.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_emag.errors import ContractError, UnsteadyError
from tap_emag.readers import PageSize
from tap_emag.schema.cleaning import items_of
from tap_emag.schema.identity import digest_of
from tap_emag.schema.keys import key_or_none

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_emag.api.client import Client
    from tap_emag.readers import ConcurrentRequests

    Placed = tuple[int, dict[str, Any]]  # the place of a page's first values, and the category

VALUES_PER_PAGE = 256  # by eMAG's documentation, in a reply to a request without a page
MOST_TRIES = 4
MOST_PAGES = 4000  # of one category: a million values at the documented size


class Page(NamedTuple):
    """A page of a category's values; `most` is the largest number of one characteristic's."""

    category: int
    raw: dict[str, Any]
    most: int
    place: int  # in which it was asked for

    @property
    def digest(self) -> str:
        """Return the digest of the values, with the ids of their characteristics."""
        return digest_of(
            {"values": [[key, values] for key, values in _value_lists(self.raw) if values]}
        )


class First(NamedTuple):
    """What the reader keeps of a category's first page."""

    category: int
    most: int
    place: int
    asked: int  # pages that had been asked for when it came
    digest: str


@dataclass
class ValueReader:
    """One reading of the values of many categories; use it once."""

    client: Client
    requests: ConcurrentRequests
    params: Mapping[str, str] = field(default_factory=dict)  # in the URL of each request
    _size: PageSize = field(default_factory=PageSize)

    def read(self, categories: Iterable[int]) -> Iterator[tuple[int, list[Placed]]]:
        """Yield each category with its first page of values, then further pages of some.

        Raises:
            UnsteadyError: The page limit changed during each of several tries.
            EmagError: What the client raises, or that other categories came.
        """
        firsts = []
        for category, page in self.requests.map(self._page, categories):
            firsts.append(First(category, page.most, page.place, self._size.asked, page.digest))
            if page.raw:
                yield category, [(1, page.raw)]
        short = self._size.is_short
        unproven = [each for each in firsts if not short(each.most, each.place, each.asked)]
        for first, pages in self.requests.map(self._further, unproven):
            yield first.category, pages

    def _further(self, first: First) -> list[Placed]:
        """Return the pages after the first, or all if the limit changed.

        An empty page, or one smaller than the first, ends the list. But if the first page, read
        again, has another size, the limit changed in between, and the places are wrong.
        """
        pages, complete = self._after(first.category, first.most, first.digest)
        for _ in range(MOST_TRIES):
            if complete:
                break
            page = self._page(first.category, 1)
            after, complete = self._after(page.category, page.most, page.digest)
            pages = [(1, page.raw), *after]
        if complete:
            return pages
        raise UnsteadyError(
            f"category/read: the number of values on a page of category {first.category} changed"
            f" {MOST_TRIES} times; run again later"
        )

    def _after(self, category: int, full: int, digest: str) -> tuple[list[Placed], bool]:
        """Return the pages after a first one of `full` values, and whether they are complete.

        Raises:
            ContractError: They do not end.
        """
        pages: list[Placed] = []
        seen = {digest}
        repeated: list[Placed] = []  # the latest page, if its values were those of an earlier one
        for number in range(2, MOST_PAGES + 2):
            page = self._page(category, number)
            if not page.most:
                return pages + repeated, self._page(category, 1).most == full
            placed = ((number - 1) * full + 1, page.raw)
            digest = page.digest
            if digest in seen:
                if repeated:
                    return pages, self._page(category, 1).most == full
                repeated = [placed]
                continue
            seen.add(digest)
            pages += [*repeated, placed]
            repeated = []
            if page.most != full:
                return pages, page.most < full == self._page(category, 1).most
        raise ContractError(
            f"category/read: category {category} has more than {MOST_PAGES} pages of values, each"
            " unlike the others: the page number is not used as documented"
        )

    def _page(self, category: int, number: int = 1) -> Page:
        """Read one page of a category's values.

        Raises:
            ContractError: Other categories came.
        """
        asked = {"id": category, "valuesCurrentPage": number, "valuesPerPage": VALUES_PER_PAGE}
        place = self._size.ask()
        rows = self.client.read("category", 1, asked, self.params).rows
        raw = the_one(rows, category)
        most = max((len(values) for _, values in _value_lists(raw)), default=0)
        self._size.saw(place, most)
        return Page(category, raw, most, place)


def the_one(rows: list[dict[str, Any]], category: int) -> dict[str, Any]:
    """Return the category that was asked for; an empty object if eMAG has none with that id.

    Raises:
        ContractError: Other categories came.
    """
    found = [raw for raw in rows if key_or_none(raw, "id") == category]
    if rows and not found:
        raise ContractError(
            f"category/read: asked for category {category}, got others: the filter was ignored"
        )
    return found[0] if found else {}


def _value_lists(raw: dict[str, Any]) -> Iterator[tuple[object, list[Any]]]:
    """Yield each characteristic's id, as it came, and its values."""
    for characteristic in _items(raw.get("characteristics")):
        if isinstance(characteristic, dict):
            yield characteristic.get("id"), _items(characteristic.get("values"))


def _items(value: object) -> list[Any]:
    return items_of(value) if isinstance(value, list | dict) else []
