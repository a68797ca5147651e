"""Each marketplace has its country, clock, currency and VAT rates, in every resource."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, time, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from emag_sandbox import Sandbox, SandboxConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    Ask = Callable[..., requests.Response]
    OpenShop = Callable[..., Sandbox]

SPRING = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)
NOON = time(12)
EURO = datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Sofia"))
RAISED = datetime(2025, 8, 1, tzinfo=ZoneInfo("Europe/Bucharest"))
# Country, zone, prefix of phone numbers, standard and reduced VAT of today.
MARKETS = {
    "emag_ro": ("RO", "Europe/Bucharest", "+40", ("0.2100", "0.1100")),
    "emag_bg": ("BG", "Europe/Sofia", "+359", ("0.2000", "0.0900")),
    "emag_hu": ("HU", "Europe/Budapest", "+36", ("0.2700", "0.1800")),
    "fashiondays_ro": ("RO", "Europe/Bucharest", "+40", ("0.2100", "0.1100")),
    "fashiondays_bg": ("BG", "Europe/Sofia", "+359", ("0.2000", "0.0900")),
}


def currency(country: str, moment: datetime) -> str:
    """Return the documented currency of a country's platforms at a moment."""
    if country == "BG":
        return "BGN" if moment < EURO else "EUR"
    return {"RO": "RON", "HU": "HUF"}[country]


@pytest.fixture(params=MARKETS)
def market(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(market: str) -> Any:  # noqa: ANN401 - the shop
    config = SandboxConfig(
        marketplace=market, orders=400, offers=60, returns=60, clock=SPRING, clock_speed=0
    )
    return Sandbox(config).world


def test_each_order_has_the_currency_of_its_day(market: str, world: Any) -> None:  # noqa: ANN401
    country, seen = MARKETS[market][0], set()
    for order in world.orders():
        placed = order["date"] or order["products"][0]["created"]
        assert order["currency"] == currency(country, placed)
        assert {line["currency"] for line in order["products"]} == {order["currency"]}
        seen.add(order["currency"])
    assert seen == ({"BGN", "EUR"} if country == "BG" else {currency(country, SPRING)})


def test_prices_fit_the_currency(market: str, world: Any) -> None:  # noqa: ANN401
    prices: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for order in world.orders():
        for line in order["products"]:
            prices[order["currency"]].setdefault(line["part_number"], line["sale_price"])
    if MARKETS[market][0] != "BG":
        return
    both = prices["BGN"].keys() & prices["EUR"].keys()
    assert len(both) > 20
    for name in both:
        assert abs(prices["BGN"][name] / Decimal("1.95583") - prices["EUR"][name]) < 1


def test_the_vat_is_the_country_s(market: str, world: Any) -> None:  # noqa: ANN401
    country, _, _, today = MARKETS[market]
    rates = {Decimal(rate) for rate in today}
    before = {Decimal("0.19"), Decimal("0.09")} if country == "RO" else rates
    for order in world.orders():
        for line in order["products"]:
            assert line["vat"] in (before if line["created"] < RAISED else rates)
    listed = {row["vat_id"]: row["vat_rate"] for row in world.vat_rates()}
    assert (listed[1], listed[2]) == tuple(Decimal(rate) for rate in today)
    assert sum(row["is_default"] for row in world.vat_rates()) == 1


def test_people_and_places_are_of_the_country(market: str, world: Any) -> None:  # noqa: ANN401
    country, _, prefix, _ = MARKETS[market]
    for order in world.orders():
        customer = order["customer"]
        if customer:
            assert customer["billing_country"] == customer["shipping_country"] == country
            assert customer["phone_1"].startswith(prefix)
            assert not customer["code"] or customer["code"].startswith(country)
    for return_ in world.returns():
        assert return_["country"] == country
        assert (return_["customer_phone"] or "0").startswith("0")
    assert {row["country_code"] for row in world.addresses()} == {country}
    couriers = {row["pickup_country_code"] for row in world.courier_accounts()}
    assert country in couriers
    assert len(couriers) == 2
    own = sum(row["country_code"] == country for row in world.localities())
    assert own > 400


def test_returns_and_their_awbs_have_their_order_s_currency(world: Any) -> None:  # noqa: ANN401
    orders = {(each["type"], each["id"]): each["currency"] for each in world.orders()}
    returns = {each["emag_id"]: each for each in world.returns()}
    for return_ in returns.values():
        own = orders[return_["type"], return_["order_id"]]
        assert return_["currency"] == own
        for event in return_["status_history"]:
            assert {request["currency"] for request in event["requests"]} <= {own}
    for reservation in world.reservation_ids():
        awb = world.awb(reservation)
        assert awb["currency"] == returns[awb["rma_id"]]["currency"]


def test_invoices_have_the_currency_and_vat_of_their_day(market: str, world: Any) -> None:  # noqa: ANN401
    country, _, _, today = MARKETS[market]
    rates = {Decimal(rate) * 100 for rate in today}
    for invoice in world.invoices():
        noon = datetime.combine(invoice["date"], NOON, timezone.utc)
        assert invoice["currency"] == currency(country, noon)
        assert invoice["customer"]["tax_code"].startswith(country)
        before = {Decimal(19), Decimal(9)} if noon < RAISED and country == "RO" else rates
        assert {line["vat_rate"] for line in invoice["lines"]} <= before
    orders = defaultdict(set)
    for order in world.orders():
        orders[order["id"]].add(order["currency"])
    for invoice in world.customer_invoices():
        assert invoice["currency"] in orders[invoice["order_id"]]


def test_the_clock_is_the_country_s(market: str, open_shop: OpenShop, ask: Ask) -> None:
    zone = ZoneInfo(MARKETS[market][1])
    shop = open_shop(marketplace=market, orders=40)
    assert shop.config.as_json()["timezone"] == zone.key
    truth = {(row["type"], row["id"]): row["modified"] for row in shop.world.orders()}
    for row in ask(shop, "order/read", type=3).json()["results"]:
        shown = truth[3, int(row["id"])].astimezone(zone)
        assert row["modified"] == f"{shown:%Y-%m-%d %H:%M:%S}"
    elsewhere = open_shop(marketplace=market, timezone="Asia/Tokyo", orders=1)
    assert elsewhere.config.as_json()["timezone"] == "Asia/Tokyo"


def test_names_are_in_the_platform_s_language_unless_another_is_asked_for(
    market: str, open_shop: OpenShop, ask: Ask
) -> None:
    country = MARKETS[market][0]
    shop = open_shop(marketplace=market, categories=20, orders=1)
    names = {}
    for query in ("", f"?language={country}", "?language=en"):
        rows = ask(shop, f"category/read{query}").json()["results"]
        names[query] = [row["name"] for row in rows]
    assert names[""] == names[f"?language={country}"] != names["?language=en"]
    assert names[""] == [row["name"] for row in reversed(list(shop.world.categories()))]


def test_localities_are_the_platform_s_own_unless_others_are_asked_for(
    market: str, open_shop: OpenShop, ask: Ask
) -> None:
    country = MARKETS[market][0]
    shop = open_shop(marketplace=market, localities=90, orders=1)
    for asked in (None, "RO", "BG", "HU", "PL", "EL", "DE"):
        body = {"country_code": asked} if asked else {}
        rows = ask(shop, "locality/read", **body).json()["results"]
        assert {row["country_code"] for row in rows} == {asked or country}


def test_offers_change_to_the_euro_with_the_year(open_shop: OpenShop, ask: Ask) -> None:
    shop = open_shop(marketplace="emag_bg", orders=10, clock=EURO - timedelta(seconds=1))

    def prices() -> dict[int, tuple[str, Decimal]]:
        rows = ask(shop, "product_offer/read").json()["results"]
        return {int(row["id"]): (row["currency"], Decimal(str(row["sale_price"]))) for row in rows}

    before = prices()
    shop.clock.advance(1)
    after = prices()
    assert before.keys() == after.keys()
    assert {code for code, _ in before.values()} == {"BGN"}
    assert {code for code, _ in after.values()} == {"EUR"}
    for number, (_, price) in after.items():
        assert abs(before[number][1] / Decimal("1.95583") - price) < Decimal("0.0002")
        assert shop.world.offer(number)["sale_price"] == price
