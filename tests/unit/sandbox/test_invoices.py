"""Invoices, in any of their envelopes."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.sandbox.agreement import differences

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from emag_sandbox import Sandbox

    Ask = Callable[..., requests.Response]
    OpenShop = Callable[..., Sandbox]


def invoices(reply: requests.Response) -> list[dict[str, Any]]:
    found = reply.json(parse_float=Decimal)["results"]["invoices"]
    assert isinstance(found, list)
    return found


def numbers(reply: requests.Response) -> set[str]:
    return {row["number"] for row in invoices(reply)}


@pytest.mark.parametrize("scalars", ["mixed", "strings", "native"])
def test_invoices_on_the_wire_agree_with_the_truth(
    open_shop: OpenShop, ask: Ask, scalars: str
) -> None:
    shop = open_shop(orders=2000, scalars=scalars)
    for resource, truth in (
        ("invoice", list(shop.world.invoices())),
        ("customer-invoice", list(shop.world.customer_invoices())),
    ):
        reply = ask(shop, f"{resource}/read", itemsPerPage=1000)
        rows = {row["number"]: row for row in invoices(reply)}
        assert len(truth) == len(rows) == int(reply.json()["results"]["total_results"])
        assert all(differences(row, rows[row["number"]]) == [] for row in truth)


def test_amounts_are_spelled_in_every_way(open_shop: OpenShop, ask: Ask) -> None:
    rows = invoices(ask(open_shop(invoices=200), "invoice/read", itemsPerPage=200))
    spelled = [
        line[name] for row in rows for line in row["lines"] for name in ("value", "quantity")
    ]
    assert {type(each) for each in spelled} == {int, str, Decimal}
    texts = [each for each in spelled if isinstance(each, str)]
    assert any("," in each for each in texts)
    assert any("." in each for each in texts)


def test_what_is_reversed_is_positive_for_emag_and_negative_for_customers(
    open_shop: OpenShop,
) -> None:
    shop = open_shop(orders=2000)
    own = [row for row in shop.world.invoices() if row["is_storno"]]
    assert own
    assert all(row["total_with_vat"] > 0 for row in own)
    theirs = {row["number"]: row for row in shop.world.customer_invoices()}
    stornos = [row for row in theirs.values() if row["is_storno"]]
    assert stornos
    for row in stornos:
        assert row["category"] == "storno"
        assert row["total_with_vat"] == -theirs[row["reversal_for"]]["total_with_vat"] < 0
        assert row["date"] >= theirs[row["reversal_for"]]["date"]
    for row in (*own, *theirs.values()):
        assert sum(line["value"] for line in row["lines"]) == row["total_without_vat"]
        assert row["total_without_vat"] + row["total_vat_value"] == row["total_with_vat"]


def test_a_set_of_invoices_comes_each_month(shop: Sandbox) -> None:
    truth = list(shop.world.invoices())
    assert len(truth) == 12 * 5
    assert {row["date"] for row in truth} >= {date(2025, 11, 30), date(2026, 2, 28)}
    assert max(row["date"] for row in truth) == date(2026, 10, 31)
    shop.clock.advance(timedelta(days=21).total_seconds())
    assert len(list(shop.world.invoices())) == 13 * 5


def test_as_many_invoices_as_told(open_shop: OpenShop, ask: Ask) -> None:
    shop = open_shop(invoices=130, customer_invoices=47)
    assert len(list(shop.world.invoices())) == 130
    assert len(list(shop.world.customer_invoices())) == 47
    pages = [invoices(ask(shop, "invoice/read", currentPage=page)) for page in (1, 2, 3)]
    assert [len(page) for page in pages] == [100, 30, 0]
    empty = open_shop(orders=0, invoices=0)
    assert (
        invoices(ask(empty, "invoice/read")) == invoices(ask(empty, "customer-invoice/read")) == []
    )


def test_invoices_are_filtered_as_documented(shop: Sandbox, ask: Ask) -> None:
    truth = list(shop.world.invoices())
    found = numbers(ask(shop, "invoice/read", category="FCD"))
    assert found == {row["number"] for row in truth if row["category"] == "FCD"}
    one = truth[7]
    assert numbers(ask(shop, "invoice/read", number=one["number"])) == {one["number"]}
    window = {"date_start": "2026-01-31", "date_end": "2026-03-31"}
    found = numbers(ask(shop, "invoice/read", **window))
    assert found == {
        row["number"] for row in truth if date(2026, 1, 31) <= row["date"] <= date(2026, 3, 31)
    }
    assert len(found) == 15
    others = list(shop.world.customer_invoices())
    for row in others[:10]:
        same = {each["number"] for each in others if each["order_id"] == row["order_id"]}
        assert numbers(ask(shop, "customer-invoice/read", order_id=row["order_id"])) == same
    stornos = numbers(ask(shop, "customer-invoice/read", category="storno"))
    assert stornos == {row["number"] for row in others if row["is_storno"]}
    assert ask(shop, "invoice/read", date_start="soon").json()["isError"] is True


def test_the_envelope_is_as_the_knob_says(shop: Sandbox, ask: Ask) -> None:
    shop.set(invoice_envelope="bare")
    found = ask(shop, "customer-invoice/read", itemsPerPage=2).json()
    assert found.keys() == {"total_results", "invoices"}
    shop.set(invoice_envelope="list")
    found = ask(shop, "customer-invoice/read", itemsPerPage=2).json()
    assert (found["isError"], len(found["results"])) == (False, 2)
    shop.set(invoice_envelope="mixed")
    kinds = set()
    for _ in range(3):
        found = ask(shop, "invoice/read", itemsPerPage=1).json()
        kinds.add(type(found.get("results")))
    assert kinds == {dict, list, type(None)}
    assert ask(shop, "order/read").json()["isError"] is False


def test_keys_nobody_announced_reach_the_lines(open_shop: OpenShop, ask: Ask) -> None:
    rows = invoices(ask(open_shop(unknown_keys=True), "invoice/read"))
    known = {"product_name", "unit_of_measure", "quantity", "unit_price"}
    known |= {"vat_rate", "value", "vat_value"}
    assert any(set(line) - known for row in rows for line in row["lines"])
    assert any("phone_number" in row["supplier"] for row in rows)
