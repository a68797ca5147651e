"""A list without a count is read to its end, whatever limit its pages have and when it changes."""

from __future__ import annotations

from itertools import combinations_with_replacement, count
from random import Random
from typing import TYPE_CHECKING

import pytest

from tap_emag.errors import ContractError, UnsteadyError
from tap_emag.readers import UncountedList, uncounted_list
from tap_emag.readers.page_size import SMALLEST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST_PAGES = 50
RISING = [SMALLEST, 25, 50, 60]
FALLING = [60, 45, 30, SMALLEST]


def read(page: Callable[[int], Sequence[int]]) -> tuple[set[int], int]:
    """Read a list; return the ids that came and how many pages were asked for."""
    asked = count(1)

    def rows(number: int) -> list[dict[str, int]]:
        assert next(asked) < MOST_PAGES, "it never ended"
        return [{"id": key} for key in page(number)]

    came = {row["id"] for rows in UncountedList(rows, ["id"]).pages() for row in rows}
    return came, next(asked) - 1


def read_with(limits: Sequence[int], total: int) -> tuple[set[int], int]:
    """Read a list whose n-th reply has the n-th of these limits; the last one lasts."""
    replies = count()

    def page(number: int) -> range:
        limit = limits[min(next(replies), len(limits) - 1)]
        return range((number - 1) * limit, min(number * limit, total))

    return read(page)


@pytest.mark.parametrize("total", range(15))
def test_all_rows_come_whenever_the_limit_falls(total: int) -> None:
    for limits in combinations_with_replacement(range(6, 0, -1), 5):
        assert read_with(limits, total)[0] == set(range(total)), limits


@pytest.mark.parametrize("sizes", [RISING, FALLING], ids=["rises", "falls"])
@pytest.mark.parametrize("total", [0, 19, 20, 21, 25, 26, 40, 49, 50, 51, 60, 61, 75, 120, 121])
def test_all_rows_come_whenever_the_limit_changes(total: int, sizes: list[int]) -> None:
    for limits in combinations_with_replacement(sizes, 6):
        assert read_with(limits, total)[0] == set(range(total)), limits


@pytest.mark.parametrize(
    ("total", "requests"), [(0, 1), (19, 2), (20, 3), (100, 3), (101, 4), (250, 5)]
)
def test_a_list_takes_an_empty_page_and_its_first_page_again(total: int, requests: int) -> None:
    """Few rows take one page fewer: no limit is that low."""
    assert read_with([100], total) == (set(range(total)), requests)


def test_a_server_that_ignores_the_page_number_is_asked_twice() -> None:
    assert read(lambda _: [1, 2, 3]) == ({1, 2, 3}, 2)
    assert read(lambda number: [1, 2, 3][:: (-1) ** number]) == ({1, 2, 3}, 2)


def test_a_server_that_answers_with_its_last_page_for_ever_is_asked_once_more() -> None:
    pages = [range(100), range(100, 150)]
    assert read(lambda number: pages[min(number, 2) - 1]) == (set(range(150)), 4)


@pytest.mark.parametrize("first", [100, 50])
def test_a_last_page_that_comes_again_in_another_order_is_the_end(first: int) -> None:
    dice = Random(1)

    def page(number: int) -> Sequence[int]:
        last = list(range(first, first + 50))
        dice.shuffle(last)
        return range(first) if number == 1 else last

    assert read(page) == (set(range(first + 50)), 4)


def test_rows_that_leave_when_the_limit_rises_hide_no_other() -> None:
    """The first page has as many rows in the end, but others."""
    rows, replies = list(range(55)), count(1)

    def page(number: int) -> Sequence[int]:
        reply = next(replies)
        limit = 50 if reply == 1 else 100
        if reply == 3:
            del rows[:5]
        return rows[(number - 1) * limit : number * limit]

    assert read(page)[0] == set(range(55))


def test_a_list_whose_first_page_grows_for_ever_ends_with_an_error() -> None:
    replies = count(30)

    def page(number: int) -> Sequence[int]:
        rows = range(next(replies))
        return rows if number == 1 else []

    with pytest.raises(UnsteadyError, match="run again"):
        read(page)


def test_a_list_that_new_rows_join_all_the_time_is_read() -> None:
    """Their pages hold as many as ever, so that no limit can have hidden a row."""
    replies = count(0)

    def page(number: int) -> Sequence[int]:
        newest = 200 + next(replies)
        rows = range(newest, -1, -1)
        return rows[(number - 1) * 100 : number * 100]

    assert read(page)[0] >= set(range(201))


def test_rows_without_an_id_that_are_never_the_same_are_read() -> None:
    replies = count()

    def rows(number: int) -> list[dict[str, int]]:
        return [{"at": next(replies)} for _ in range(30)] if number == 1 else []

    came = list(UncountedList(rows, ["id"]).pages())
    assert {len(page) for page in came} == {30}


def test_pages_that_never_end_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uncounted_list, "MOST_PAGES", 40)
    replies = count()
    with pytest.raises(ContractError, match="page number"):
        read(lambda _: range(next(replies), 1000))
