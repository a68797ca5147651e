"""All values of categories are read, however a server caps pages and answers past the last one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from tap_emag.errors import ContractError
from tap_emag.streams.reference import value_reader
from tap_emag.streams.reference.rows import category_value_rows
from tap_emag.streams.reference.value_reader import ValueReader
from tests.unit.streams.rows.payloads import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_emag.api.client import Client
    from tap_emag.readers import ConcurrentRequests

Values = dict[int, dict[int, list[str]]]  # by category and characteristic
Rows = dict[tuple[int, int, int], str]


def numbered(count: int, name: str = "v") -> list[str]:
    return [f"{name}{number}" for number in range(count)]


SHOPS: dict[str, Values] = {
    "few": {
        1: {10: numbered(3), 11: numbered(20)},
        2: {10: numbered(14)},
        3: {10: []},
        4: {10: numbered(7), 11: numbered(7, "w")},
    },
    "many": {1: {10: numbered(256)}, 2: {10: numbered(512)}, 3: {10: numbered(700)}},
}
# What a server answers where a page does not exist: none, no category, or the page of that number.
PAST: dict[str, Callable[[int, int], int | None]] = {
    "empty": lambda number, _: number,
    "no category": lambda _, __: None,
    "the last page": lambda _, last: last,
    "the first page": lambda _, __: 1,
    "all pages again": lambda number, last: (number - 1) % last + 1,
}


class Server:
    """Serves as many values at a time as each reply has a cap; the last one lasts."""

    def __init__(self, values: Values, caps: Sequence[int], past: str) -> None:
        self.requests = 0
        self._values, self._caps, self._past = values, caps, PAST[past]

    def read(self, _: str, __: int, asked: dict[str, int], ___: object) -> SimpleNamespace:
        self.requests += 1
        assert self.requests < 3000, "endless"
        cap = self._caps[min(self.requests, len(self._caps)) - 1]
        lists, size = self._values[asked["id"]], min(cap, asked["valuesPerPage"])
        number: int | None = asked["valuesCurrentPage"]
        assert number is not None
        last = max(1, *(-(-len(values) // size) for values in lists.values()))
        if number > last:
            number = self._past(number, last)
        if number is None:
            return SimpleNamespace(rows=[])
        part = slice((number - 1) * size, number * size)
        found = [{"id": key, "values": values[part]} for key, values in lists.items()]
        row = {"id": asked["id"], "characteristics": found}
        if number != asked["valuesCurrentPage"]:  # what else a category contains may differ
            row["served"] = self.requests
        return SimpleNamespace(rows=[row])


class OneByOne:
    """Sends one request at a time."""

    def map(self, call: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        return ((item, call(item)) for item in list(items))


def read(values: Values, *caps: int, past: str = "empty") -> tuple[Rows, int]:
    """Return the rows that are read, and the number of requests."""
    server = Server(values, caps, past)
    reader = ValueReader(cast("Client", server), cast("ConcurrentRequests", OneByOne()))
    rows: Rows = {}
    for _, pages in reader.read(sorted(values)):
        for first, raw in pages:
            for row in category_value_rows(raw, ACCOUNT, first):
                key = (row["category_id"], row["characteristic_id"], row["position"])
                assert key not in rows or len(caps) > 1  # all are read again
                rows[key] = row["value"]
    return rows, server.requests


def rows_of(values: Values) -> Rows:
    return {
        (category, key, place): value
        for category, lists in values.items()
        for key, each in lists.items()
        for place, value in enumerate(each, 1)
    }


@pytest.mark.parametrize("past", PAST)
@pytest.mark.parametrize(
    ("shop", "cap"), [("few", 1), ("few", 7), ("few", 256), ("many", 64), ("many", 256)]
)
def test_all_values_come_and_none_twice(shop: str, cap: int, past: str) -> None:
    rows, requests = read(SHOPS[shop], cap, past=past)
    assert rows == rows_of(SHOPS[shop])
    _, fewest = read(SHOPS[shop], cap)
    assert requests <= fewest + len(SHOPS[shop])  # one more for each category that repeats pages


@pytest.mark.parametrize("past", PAST)
@pytest.mark.parametrize("caps", [(50, 100), (100, 50), (64, 256), (256, 64), (20, 60)])
@pytest.mark.parametrize("replies", range(1, 9))
def test_all_values_come_though_the_limit_changes(
    past: str, caps: tuple[int, int], replies: int
) -> None:
    values = {1: {10: numbered(150)}, 2: {10: numbered(30)}, 3: {10: numbered(200)}}
    first, then = caps
    assert read(values, *[first] * replies, then, past=past)[0] == rows_of(values)


def test_further_pages_cost_few_requests() -> None:
    # Three first pages; of 256 values an empty page; of 512 one more and an empty one; of 700 two
    # more, the last one short. After each the first again: as long as it was, the limit is as well.
    assert read(SHOPS["many"], 256)[1] == 3 + 2 + 3 + 3


@pytest.mark.parametrize("past", ["empty", "no category"])
def test_values_that_repeat_are_not_taken_for_the_end(past: str) -> None:
    values = {1: {10: ["a", "a", "b", "b", "c", "a", "d", "d"]}, 2: {10: ["a", "b"]}}
    assert read(values, 1, past=past)[0] == rows_of(values)


def test_pages_that_never_end_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value_reader, "MOST_PAGES", 20)
    assert len(read({1: {10: numbered(20)}}, 1)[0]) == 20
    with pytest.raises(ContractError, match="category 1 has more than 20 pages of values"):
        read({1: {10: numbered(21)}}, 1)
