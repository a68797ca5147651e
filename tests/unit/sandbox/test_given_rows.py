"""Rows that a test gives the sandbox are served as the shop's own would be."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from emag_sandbox import Sandbox

    Ask = Callable[..., requests.Response]

ORDERS = [
    {"id": 1, "type": 3, "status": 4, "modified": "2026-11-01 10:00:00"},
    {"id": 2, "type": 2, "status": 1, "modified": "2026-11-02 10:00:00"},
    {"id": 3, "type": 3, "status": 1, "modified": "2026-11-03 10:00:00", "vat": Decimal("0.10")},
]


def ids(reply: requests.Response) -> list[int]:
    return [row["id"] for row in reply.json()["results"]]


@pytest.fixture
def given(shop: Sandbox) -> Sandbox:
    shop.set(rows={"order": ORDERS})
    return shop


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [1, 2, 3]),
        ({"type": 3}, [1, 3]),
        ({"status": [1, 2]}, [2, 3]),
        ({"modifiedAfter": "2026-11-02 10:00:00"}, [2, 3]),
        (
            {"modifiedAfter": "2026-11-01 12:00:00", "modifiedBefore": "2026-11-03 09:00:00"},
            [2],
        ),
        ({"itemsPerPage": 2, "currentPage": 2}, [3]),
        ({"payment_mode_id": 1}, [1, 2, 3]),  # no row has the key
    ],
)
def test_filters_and_pages_have_an_effect(
    given: Sandbox, ask: Ask, filters: dict[str, Any], expected: list[int]
) -> None:
    assert ids(ask(given, "order/read", **filters)) == expected


def test_counts_and_exact_numbers(given: Sandbox, ask: Ask) -> None:
    assert ask(given, "order/count", type=3).json()["results"]["noOfItems"] == "2"
    assert '"vat":0.10' in ask(given, "order/read").text


def test_other_resources_keep_the_rows_of_the_shop(given: Sandbox, ask: Ask) -> None:
    assert len(ask(given, "product_offer/read").json()["results"]) == 60
    given.set(rows={})
    assert ask(given, "order/count", type=3).json()["results"]["noOfItems"] != "2"


def test_each_envelope_is_that_of_the_resource(shop: Sandbox, ask: Ask) -> None:
    category = {"id": 1, "characteristics": [{"id": 2, "values": [str(n) for n in range(300)]}]}
    shop.set(
        rows={
            "invoice": [{"number": "A", "date": "2026-11-01"}],
            "invoice/categories": [{"category": "FC"}],
            "commission": [{"value": 22}],
            "smart-deals-price-check": [],
            "category": [category],
        }
    )
    bounds = {"date_start": "2026-10-31", "date_end": "2026-11-02"}
    assert ask(shop, "invoice/read", **bounds).json()["results"] == {
        "total_results": 1,
        "invoices": [{"number": "A", "date": "2026-11-01"}],
    }
    assert ask(shop, "invoice/read", date_start="2026-11-02").json()["results"]["invoices"] == []
    assert ask(shop, "invoice/categories").json()["results"] == [{"category": "FC"}]

    def look_up(path: str) -> Any:  # noqa: ANN401 - any JSON
        url = shop.url.removesuffix("/api-3") + path
        return requests.get(url, auth=("demo", "demo"), timeout=60).json()

    assert look_up("/api/v1/commission/estimate/7") == {"code": 200, "data": {"value": 22}}
    assert look_up("/api-3/smart-deals-price-check?productId=7")["results"] is None

    def values(**filters: int) -> list[str]:
        (row,) = ask(shop, "category/read", **filters).json()["results"]
        found: list[str] = row["characteristics"][0]["values"]
        return found

    assert values() == []
    assert len(values(id=1)) == 256
    assert values(id=1, valuesCurrentPage=2, valuesPerPage=250) == [str(n) for n in range(250, 300)]


def test_a_category_may_lack_its_parts(shop: Sandbox, ask: Ask) -> None:
    bare = {"id": 1, "characteristics": [{"id": 2}]}
    shop.set(rows={"category": [bare, {"id": 3}]})
    assert ask(shop, "category/read", id=1).json()["results"] == [bare]
    assert ask(shop, "category/read", id=3).json()["results"][0]["id"] == 3


@pytest.mark.parametrize("rows", [{"order": {}}, {"order": [1]}, [1]])
def test_what_is_no_list_of_rows_is_refused(shop: Sandbox, rows: object) -> None:
    with pytest.raises(ValueError, match="rows maps resources to lists of rows"):
        shop.set(rows=rows)


def test_rows_can_be_given_from_outside(shop: Sandbox, ask: Ask) -> None:
    control = shop.url.removesuffix("api-3") + "_sandbox/config"
    shown = requests.post(control, json={"rows": {"order": ORDERS[:2]}}, timeout=60).json()
    assert shown["rows"] == {"order": 2}
    assert ids(ask(shop, "order/read")) == [1, 2]
