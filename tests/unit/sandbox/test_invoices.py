"""Invoices, in any of their envelopes."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
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
    assert len(truth) == 12 * 6
    assert {row["date"] for row in truth} >= {date(2025, 11, 30), date(2026, 2, 28)}
    assert max(row["date"] for row in truth) == date(2026, 10, 31)
    shop.clock.advance(timedelta(days=21).total_seconds())
    assert len(list(shop.world.invoices())) == 13 * 6


def test_no_invoice_comes_by_itself_in_the_first_hour(open_shop: OpenShop) -> None:
    month_ends = datetime(2026, 10, 31, 22, tzinfo=timezone.utc)  # midnight in Bucharest
    shop = open_shop(clock=month_ends - timedelta(minutes=5), clock_speed=0)
    before = len(list(shop.world.invoices()))
    shop.clock.advance(3600)
    assert len(list(shop.world.invoices())) == before
    shop.clock.advance(1)
    assert len(list(shop.world.invoices())) == before + 6


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
    assert len(found) == 18
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


def billed(world: Any, currency: str) -> dict[str, dict[tuple[int, int], Decimal]]:  # noqa: ANN401
    """Return what the seller's invoices add up to, by category and order, in one currency."""
    sums: dict[str, dict[tuple[int, int], Decimal]] = {}
    for invoice in world.invoices():
        assert invoice["currency"] == currency
        for line in invoice["lines"]:
            found = re.fullmatch(r".+, comanda (\d+) \(tip ([23])\)", line["product_name"])
            if found is None:
                assert line["product_name"].startswith("Taxă de serviciu")
                assert len(invoice["lines"]) < 5
                continue
            of_category = sums.setdefault(invoice["category"], {})
            key = (int(found[2]), int(found[1]))
            of_category[key] = of_category.get(key, Decimal(0)) + line["value"]
    return sums


@pytest.mark.parametrize("given", [None, 200])
def test_commission_and_transport_can_be_reconciled_with_orders(
    open_shop: OpenShop, given: int | None
) -> None:
    shop = open_shop(orders=2000, offers=400, invoices=given, history_days=300)
    # All months that have an order are billed, the last one, too.
    shop.clock.advance(timedelta(days=62).total_seconds())
    world = shop.world
    sums = billed(world, "RON")
    assert sums.keys() == {"FC", "FCA", "FCSA", "FCD", "FT", "FTA"}
    nothing = Decimal(0)
    done = {(o["type"], o["id"]): o for o in world.orders() if o["status"] in (4, 5)}
    if given is None:
        assert sums["FC"].keys() == done.keys()
    for key, total in sums["FC"].items():
        order = done[key]
        whole, back = (
            commission(world, order, "initial_qty"),
            commission(world, order, "storno_qty"),
        )
        assert total == whole
        if given is None:
            credited = sums["FCA"].get(key, nothing) - sums["FCSA"].get(key, nothing)
            assert credited == back
        assert sums["FCD"].get(key, nothing) in (0, -(whole / 10).quantize(Decimal("0.01")))
        net = order["shipping_tax"] / (1 + order["products"][0]["vat"])
        if order["products"][0]["vat"] in (Decimal("0.21"), Decimal("0.19")):
            assert sums["FT"].get(key, nothing) == net.quantize(Decimal("0.01"))
        if given is None:
            cancelled = sums["FT"].get(key, nothing) if order["status"] == 5 else nothing
            assert sums["FTA"].get(key, nothing) == cancelled


def commission(world: Any, order: dict[str, Any], pieces: str) -> Decimal:  # noqa: ANN401
    """Return the commission on some pieces of an order, by what is estimated for each offer."""
    total = Decimal(0)
    for line in order["products"]:
        offer = int(line["part_number"].removeprefix("DEMO-"))
        percent = world.commission(offer)["value"]
        rate = Decimal(15) if percent is None else percent
        total += (line["sale_price"] * line[pieces] * rate / 100).quantize(Decimal("0.01"))
    return total


def test_a_customer_pays_what_the_invoice_says(open_shop: OpenShop) -> None:
    world = open_shop(orders=3000, customer_invoices=400).world
    orders: dict[int, list[dict[str, Any]]] = {}
    for order in world.orders():
        orders.setdefault(order["id"], []).append(order)
    cashed = vouchers = 0
    for invoice in world.customer_invoices():
        amount = abs(invoice["total_with_vat"])
        vouchers += any(line["product_name"] == "Voucher" for line in invoice["lines"])
        of_id = orders[invoice["order_id"]]
        paid = of_id[0]["cashed_co"] or of_id[0]["cashed_cod"]
        if len(of_id) > 1 or not paid:
            continue
        cashed += 1
        # Each line and each part of VAT is rounded to the cent.
        slack = Decimal("0.01") * (2 * len(invoice["lines"]) + 1)
        assert abs(amount - paid) <= slack
    assert cashed > 200
    assert vouchers > 20


def test_what_was_billed_keeps_the_type_that_an_order_had(open_shop: OpenShop) -> None:
    shop = open_shop(orders=200)
    before = list(shop.world.invoices())
    again = open_shop(orders=200)
    assert again.world.retype_orders(50)
    assert list(again.world.invoices()) == before
