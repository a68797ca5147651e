"""A search by barcode, and the documents of one order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from emag_sandbox import Sandbox

    Ask = Callable[..., requests.Response]
    OpenShop = Callable[..., Sandbox]


def find(shop: Sandbox, *eans: str) -> requests.Response:
    url = f"{shop.url}/documentation/find_by_eans"
    asked = [("eans[]", ean) for ean in eans]
    return requests.get(url, asked, auth=("demo", "demo"), timeout=60)


def sold(shop: Sandbox) -> dict[str, dict[str, Any]]:
    return {
        ean: offer
        for offer in shop.world.offers()
        if offer["part_number_key"]
        for ean in offer["ean"]
    }


def test_a_barcode_finds_its_product_and_an_unknown_one_none(shop: Sandbox) -> None:
    ean, offer = next(iter(sold(shop).items()))
    results = find(shop, ean, "unknown").json()["results"]
    assert [each["part_number_key"] for each in results[ean]["products"]] == [
        offer["part_number_key"]
    ]
    assert results["unknown"] == {"products": []}
    assert find(shop).json()["results"] == {}


def test_no_more_than_100_barcodes_are_searched_and_a_message_says_so(shop: Sandbox) -> None:
    reply = find(shop, *(f"{number:013}" for number in range(101))).json()
    assert (reply["isError"], len(reply["results"])) == (False, 100)
    assert "100" in reply["messages"][0]


def test_the_search_has_a_budget_of_its_own(open_shop: OpenShop) -> None:
    shop = open_shop(limits=True, lower_limits={"find_by_eans": 1})
    assert [find(shop, "1").status_code for _ in range(2)] == [200, 429]
    assert shop.stats()["buckets"]["other"]["requests"] == 0


def test_an_order_has_its_documents(shop: Sandbox, ask: Ask) -> None:
    (kind, number), order = next(
        (key, order)
        for key in shop.world.order_keys()
        if len((order := shop.world.order(key))["attachments"]) > 1
    )
    path = "order/attachments/read"
    found = ask(shop, path, order_id=number, order_type=kind).json()["results"]
    assert [each["url"] for each in found] == [each["url"] for each in order["attachments"]]
    assert ask(shop, path, order_id=1).json()["results"] == []
    assert ask(shop, path).json()["isError"] is True
