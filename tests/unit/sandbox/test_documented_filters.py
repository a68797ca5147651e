"""Filters as the documentation words them, unless a knob has them otherwise."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from emag_sandbox import Sandbox

    Ask = Callable[..., requests.Response]
    OpenShop = Callable[..., Sandbox]

BUCHAREST = ZoneInfo("Europe/Bucharest")
SECOND = timedelta(seconds=1)
# Documented: whether a row of exactly the lower and of exactly the upper bound is in the reply.
EDGES = {
    "order": (False, False),
    "rma": (True, False),
    "invoice": (False, False),
    "customer-invoice": (False, False),
    "locality": (False, None),
}
NAMES = {
    "order": ("modifiedAfter", "modifiedBefore"),
    "rma": ("date_start", "date_end"),
    "invoice": ("date_start", "date_end"),
    "customer-invoice": ("date_start", "date_end"),
    "locality": ("modified", None),
}


@pytest.fixture
def documented(open_shop: OpenShop) -> Sandbox:
    return open_shop(bounds="documented", customer_invoices=20, returns=30)


def text(moment: Any, by: int) -> str:  # noqa: ANN401 - a date or a datetime
    """Return a bound some steps, of seconds or days, from a moment."""
    if isinstance(moment, datetime):
        return f"{(moment + by * SECOND).astimezone(BUCHAREST):%Y-%m-%d %H:%M:%S}"
    return str(moment + timedelta(days=by))


def an_edge(shop: Sandbox, resource: str) -> tuple[str, Any, Any]:
    """Return the key, its value and the moment of one row of a resource."""
    world = shop.world
    if resource == "order":
        row = next(each for each in world.orders() if each["type"] == 3)
        return "id", row["id"], row["modified"]
    if resource == "rma":
        row = next(iter(world.returns()))
        return "emag_id", row["emag_id"], row["date"]
    if resource == "locality":
        row = next(each for each in world.localities() if each["country_code"] == "RO")
        return "emag_id", row["emag_id"], row["modified"]
    rows = world.invoices() if resource == "invoice" else world.customer_invoices()
    row = next(iter(rows))
    return "number", row["number"], row["date"]


@pytest.mark.parametrize("resource", EDGES)
def test_bounds_are_taken_as_they_are_worded(documented: Sandbox, ask: Ask, resource: str) -> None:
    key, value, moment = an_edge(documented, resource)
    lower, upper = NAMES[resource]

    def there(**filters: str) -> bool:
        found = ask(documented, f"{resource}/read", **{key: value}, **filters).json()["results"]
        rows = found["invoices"] if "invoice" in resource else found
        return bool(rows)

    lower_in, upper_in = EDGES[resource]
    assert there(**{lower: text(moment, -1)})
    assert there(**{lower: text(moment, 0)}) is lower_in
    assert not there(**{lower: text(moment, 1)})
    if upper is not None:
        wide = {lower: text(moment, -10)}
        assert there(**wide, **{upper: text(moment, 1)})
        assert there(**wide, **{upper: text(moment, 0)}) is upper_in
        assert not there(**wide, **{upper: text(moment, -1)})


@pytest.mark.parametrize("name", ["created", "modified"])
def test_a_count_of_orders_needs_both_bounds(documented: Sandbox, ask: Ask, name: str) -> None:
    lower, upper = {f"{name}After": "2026-10-20 00:00:00"}, {f"{name}Before": "2026-11-09 00:00:00"}

    def refused(action: str, **filters: str) -> bool:
        return bool(ask(documented, f"order/{action}", type=3, **filters).json()["isError"])

    assert refused("count", **lower)
    assert refused("count", **upper)
    assert not refused("count", **lower, **upper)
    assert not refused("read", **lower)
    assert refused("read", **upper)
    documented.set(lone_count_bounds="heeded")
    assert not refused("count", **lower)


def test_a_count_of_localities_takes_three_filters(documented: Sandbox, ask: Ask) -> None:
    def items(**filters: object) -> int:
        return int(ask(documented, "locality/count", **filters).json()["results"]["noOfItems"])

    rows = [row for row in documented.world.localities() if row["country_code"] == "RO"]
    assert items() == items(country_code="HU") == items(region2=rows[0]["region2"]) == len(rows)
    assert items(emag_id=rows[0]["emag_id"]) == 1
    assert items(name=rows[9]["name"]) == sum(row["name"] == rows[9]["name"] for row in rows)
    since = rows[9]["modified"]
    assert items(modified=text(since, 0)) == sum(row["modified"] > since for row in rows)
    documented.set(count_filters="all")
    abroad = [row for row in documented.world.localities() if row["country_code"] == "HU"]
    assert items(country_code="HU") == len(abroad) < len(rows)


def test_a_filter_that_nothing_knows_has_no_effect(documented: Sandbox, ask: Ask) -> None:
    for resource in ("order", "product_offer", "rma", "locality", "category"):
        plain = ask(documented, f"{resource}/read", itemsPerPage=3).json()
        odd = ask(documented, f"{resource}/read", itemsPerPage=3, modifiedSince="2026-11-09").json()
        assert plain["results"] == odd["results"] != []


def test_pages_have_100_rows_and_those_of_invoices_1000_at_most(
    open_shop: OpenShop, ask: Ask
) -> None:
    shop = open_shop(
        orders=150,
        offers=150,
        localities=200,
        categories=130,
        returns=120,
        invoices=1100,
        customer_invoices=120,
        type2_share=0,
    )
    for resource in ("order", "product_offer", "rma", "locality", "category"):
        for size in (None, 100, 300):
            body = {} if size is None else {"itemsPerPage": size}
            assert len(ask(shop, f"{resource}/read", **body).json()["results"]) == 100
    for resource, most in (("invoice", 1000), ("customer-invoice", 120)):
        plain = ask(shop, f"{resource}/read").json()["results"]
        assert len(plain["invoices"]) == 100
        wide = ask(shop, f"{resource}/read", itemsPerPage=1000).json()["results"]
        assert len(wide["invoices"]) == most
