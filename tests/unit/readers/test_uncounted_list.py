"""A list without a count is read to its end, whatever limit its pages have and when it falls."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import pytest

from tap_emag.readers import UncountedList

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST_PAGES = 50


def read(page: Callable[[int], Sequence[int]]) -> tuple[set[int], int]:
    """Read a list as streams do; return the rows and how many pages were asked for."""
    pages, seen = UncountedList(), set[int]()
    for number in range(1, MOST_PAGES):
        rows = page(number)
        if pages.ends_with(rows):
            return seen, number
        before = len(seen)
        seen |= set(rows)
        if len(seen) == before and pages.ends_without_news():
            return seen, number
    pytest.fail("it never ended")


@pytest.mark.parametrize("total", range(15))
def test_all_rows_come_whenever_the_limit_falls(total: int) -> None:
    # The limit of each page, never rising; the last one stays.
    for limits in combinations_with_replacement(range(6, 0, -1), 5):

        def page(number: int, limits: tuple[int, ...] = limits) -> range:
            limit = limits[min(number, len(limits)) - 1]
            return range((number - 1) * limit, min(number * limit, total))

        assert read(page)[0] == set(range(total)), limits


def test_a_server_that_ignores_the_page_number_is_asked_twice() -> None:
    assert read(lambda _: [1, 2, 3]) == ({1, 2, 3}, 2)
    assert read(lambda number: [1, 2, 3][:: (-1) ** number]) == ({1, 2, 3}, 2)
