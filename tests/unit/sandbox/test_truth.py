"""The wire says what the truth says, in its own loose way."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from tests.unit.sandbox.agreement import MISSING, differences, key_names, pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import requests

    from emag_sandbox import Sandbox

    Ask = Callable[..., requests.Response]
    OpenShop = Callable[..., Sandbox]

BUCHAREST = ZoneInfo("Europe/Bucharest")
ORDER_KEYS = key_names("order")
CUSTOMER_KEYS = key_names("order", "customer.")
LINE_KEYS = key_names("order", "products.")
OFFER_KEYS = key_names("product_offer")


def loosened(offer: dict[str, Any], row: dict[str, Any]) -> None:
    """Undo, in place, what an offer's type depends on besides its value."""
    for name in ("manufacturer", "eu_representative"):
        if isinstance(row[name], bool):
            offer[name] = bool(offer[name])
    if type(row["ownership"]) is int:
        row["ownership"] = row["ownership"] == 1
    for name in ("validation_status", "translation_validation_status", "offer_validation_status"):
        for each in row[name] if isinstance(row[name], list) else ():
            if "Description" in each:
                each["description"] = each.pop("Description")


def test_the_comparison_notices_a_difference(shop: Sandbox, ask: Ask) -> None:
    row = next(pages(shop, ask, "order"))
    truth = shop.world.order(int(row["id"]))
    assert differences(truth, row) == []
    truth["products"][0]["sale_price"] += Decimal("0.0001")
    truth["modified"] = truth["date"]
    row["surprise"] = 1
    assert len(differences(truth, row)) == 3


@pytest.mark.parametrize("scalars", ["mixed", "strings", "native"])
def test_orders_on_the_wire_agree_with_the_truth(
    open_shop: OpenShop, ask: Ask, scalars: str
) -> None:
    shop = open_shop(orders=1500, scalars=scalars)
    shop.world.touch_orders(700)
    shop.world.touch_orders(700)
    for kind in (2, 3):
        for row in pages(shop, ask, "order", type=kind):
            truth = shop.world.order((kind, int(row["id"])))
            assert differences(truth, row) == []


@pytest.mark.parametrize("scalars", ["mixed", "native"])
def test_offers_on_the_wire_agree_with_the_truth(
    open_shop: OpenShop, ask: Ask, scalars: str
) -> None:
    shop = open_shop(offers=900, scalars=scalars)
    shop.world.touch_offers(400)
    for row in pages(shop, ask, "product_offer"):
        truth = shop.world.offer(int(row["id"]))
        loosened(truth, row)
        assert differences(truth, row) == []


def test_an_offer_alone_tells_its_manufacturer(shop: Sandbox, ask: Ask) -> None:
    for truth in list(shop.world.offers())[:10]:
        row = ask(shop, "product_offer/read", id=truth["id"]).json()["results"][0]
        assert row["manufacturer"] == truth["manufacturer"]
        assert row["eu_representative"] == truth["eu_representative"]


def test_every_documented_field_is_there(open_shop: OpenShop) -> None:
    shop = open_shop()
    for order in shop.world.orders():
        assert set(order) == ORDER_KEYS
        assert order["customer"] is None or set(order["customer"]) == CUSTOMER_KEYS
        assert all(set(line) == LINE_KEYS for line in order["products"])
    for offer in shop.world.offers():
        assert set(offer) == OFFER_KEYS


def test_every_field_has_a_value_somewhere(open_shop: OpenShop) -> None:
    shop = open_shop(orders=4000, offers=2000)
    seen = {name for order in shop.world.orders() for name, value in order.items() if value}
    assert ORDER_KEYS - seen == {"proforms"}
    seen = {name for offer in shop.world.offers() for name, value in offer.items() if value}
    dead = {"start_date_other_currency", "barcode", "start_date"}
    assert OFFER_KEYS - seen == dead | {"doc_errors", "content_details"}


def test_the_wire_has_its_habits(open_shop: OpenShop, ask: Ask) -> None:
    shop = open_shop(orders=2500, offers=600)
    kinds: dict[str, set[str]] = defaultdict(set)
    for row in pages(shop, ask, "order"):
        for name in ORDER_KEYS:
            kinds[name].add(type(row.get(name, MISSING)).__name__)
        for line in row["products"]:
            kinds["product_id"].add(type(line["product_id"]).__name__)
            kinds["sale_price"].add(type(line["sale_price"]).__name__)
    for row in pages(shop, ask, "product_offer"):
        for name in ("ownership", "offer_validation_status", "family", "manufacturer"):
            kinds[name].add(type(row[name]).__name__)
        kinds["errors"] |= {type(each["errors"]).__name__ for each in row["validation_status"]}
    assert kinds["id"] == {"int", "str"}
    assert kinds["product_id"] == {"int", "str", "NoneType"}
    assert kinds["sale_price"] >= {"Decimal", "str"}
    assert kinds["is_complete"] == {"int", "str", "bool"}
    assert kinds["date"] == {"str", "int", "NoneType"}
    assert kinds["details"] == {"dict", "list"}
    assert kinds["customer"] == {"dict", "list", "NoneType"}
    assert kinds["vouchers"] == {"dict", "list", "NoneType"}
    assert kinds["reason_cancellation"] == {"dict", "int", "NoneType"}
    assert kinds["enforced_vendor_courier_accounts"] == {"list", "NoneType"}
    assert kinds["parent_id"] >= {"NoneType", "object", "str"}
    assert kinds["ownership"] == {"bool", "int"}
    assert kinds["manufacturer"] == {"bool"}
    assert kinds["family"] == {"dict", "list", "NoneType"}
    assert kinds["offer_validation_status"] == {"dict", "list"}
    assert kinds["errors"] == {"NoneType", "list", "dict"}


def test_the_huge_price_survives_to_the_last_digit(shop: Sandbox, ask: Ask) -> None:
    texts = [
        ask(shop, "order/read", type=kind, currentPage=page).text
        for kind in (2, 3)
        for page in (1, 2, 3)
    ]
    texts.append(ask(shop, "product_offer/read").text)
    assert sum(text.count("123456789012.3457") for text in texts) >= 2


def test_all_scalars_can_be_strings(open_shop: OpenShop, ask: Ask) -> None:
    def scalars(value: object) -> Iterator[object]:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            for each in value:
                yield from scalars(each)
        else:
            yield value

    rows = list(pages(open_shop(scalars="strings"), ask, "order"))
    assert {type(each) for each in scalars(rows)} == {str, type(None)}


def test_keys_nobody_announced_appear_at_every_level(open_shop: OpenShop, ask: Ask) -> None:
    rows = list(pages(open_shop(unknown_keys=True), ask, "order"))
    assert any(set(row) - ORDER_KEYS for row in rows)
    customers = [row["customer"] for row in rows if isinstance(row["customer"], dict)]
    assert any(set(customer) - CUSTOMER_KEYS for customer in customers)
    assert any(set(line) - LINE_KEYS for row in rows for line in row["products"])


def test_texts_can_hold_a_nul(open_shop: OpenShop, ask: Ask) -> None:
    shop = open_shop(nul_bytes=True)
    assert "\\u0000" in ask(shop, "order/read").text
    assert not any("\0" in str(order) for order in shop.world.orders())


def test_quantities_add_up(shop: Sandbox) -> None:
    shop.world.touch_orders(200)
    for order in shop.world.orders():
        for line in order["products"]:
            assert line["quantity"] + line["storno_qty"] == line["initial_qty"]
    lines = [line for order in shop.world.orders() for line in order["products"]]
    assert any(line["quantity"] == 0 for line in lines)
    assert len({line["id"] for line in lines}) == len(lines)


def test_orders_are_plausible(open_shop: OpenShop) -> None:
    shop = open_shop(orders=3000)
    assert shop.config.clock is not None
    truth = list(shop.world.orders())
    assert {order["status"] for order in truth} == set(range(6))
    assert all(order["modified"] <= shop.config.clock for order in truth)
    assert all(order["date"] is None or order["date"] <= order["modified"] for order in truth)
    hours = [o["date"].astimezone(BUCHAREST).hour for o in truth if o["date"]]
    assert sum(2 <= hour < 5 for hour in hours) * 10 < sum(19 <= hour < 22 for hour in hours)
    share = sum(order["type"] == 2 for order in truth) / len(truth)
    assert 0.12 < share < 0.18
    splits = [
        split for o in truth for line in o["products"] for split in line["product_voucher_split"]
    ]
    assert splits
    assert all(split["value"] < 0 for split in splits)
