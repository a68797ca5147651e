"""Each column of each table holds what is true in the shop, however eMAG may write it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import requests

from emag_sandbox import Sandbox, SandboxConfig
from tests.e2e.acceptance.comparison import WALL, differences, stored
from tests.e2e.acceptance.truth import KEYS, Json, Owned, Truth, add_unannounced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.acceptance.conftest import Place
    from tests.e2e.acceptance.truth import Row

pytestmark = pytest.mark.meltano

NOW = datetime(2025, 11, 10, 12, 0, tzinfo=timezone.utc)
CLOCK_PUT_BACK = datetime(2025, 10, 26, 1, 0, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
HUGE = Decimal("123456789012.3457")
PAGE = 100
# What the sandbox has no value for: eMAG has deprecated it, or nobody has ever seen one.
NEVER_FILLED = {
    *("proforms", "barcode", "content_details", "doc_errors", "start_date"),
    *("start_date_other_currency", "offer_validation_status_errors"),
    *("source_language", "weight", "green_tax", "manufacturer", "eu_representative", "extra"),
}


def open_shop(**knobs: Any) -> Sandbox:  # noqa: ANN401 - whatever a knob takes
    return Sandbox(SandboxConfig(history_days=60, clock=NOW, **knobs))


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    """A shop whose replies have all of eMAG's habits."""
    with open_shop(orders=600, offers=200) as shop:
        shop.world.touch_orders(100, at=NOW - HOUR)
        shop.world.touch_offers(20)
        yield shop


@pytest.fixture(scope="module")
def place(new_place: Callable[[], Place], shop: Sandbox) -> Place:
    """Where that shop was loaded to."""
    place = new_place()
    place.load(shop)
    return place


@pytest.mark.parametrize("table", KEYS)
def test_a_table_equals_the_truth(place: Place, shop: Sandbox, table: str) -> None:
    assert differences(place.database, Truth.of(shop.world), [table]) == []


def test_the_truth_has_a_value_for_every_column(shop: Sandbox) -> None:
    truth = Truth.of(shop.world)
    empty = {
        name
        for rows in truth.tables.values()
        for name in next(iter(rows.values()))
        if not any(_filled(row[name]) for row in rows.values())
    }
    assert empty == NEVER_FILLED


def test_the_truth_has_every_oddity(shop: Sandbox) -> None:
    orders = list(shop.world.orders())
    lines = [line for order in orders for line in order["products"]]
    assert {order["type"] for order in orders} == {2, 3}
    assert any(order["id"] > 2**32 for order in orders)
    assert any(line["sale_price"] == HUGE for line in lines)
    assert any(offer["max_sale_price"] == HUGE for offer in shop.world.offers())
    accounts = [order["enforced_vendor_courier_accounts"] for order in orders]
    assert None in accounts
    assert [] in accounts
    assert any(accounts)
    letters = set("ăâîșțĂÂÎȘȚ„”")
    assert any(letters & set(str(order["customer"])) for order in orders)
    assert any(letters & set(line["name"]) for line in lines)
    for half in (CLOCK_PUT_BACK - HOUR, CLOCK_PUT_BACK):
        for name in ("date", "modified"):
            times = [order[name] for order in orders if order[name]]
            assert any(half <= moment < half + HOUR for moment in times)
    assert {
        (CLOCK_PUT_BACK - HOUR).astimezone(WALL).hour,
        CLOCK_PUT_BACK.astimezone(WALL).hour,
    } == {3}


def test_a_repeated_time_is_stored_as_its_first_occurrence(place: Place, shop: Sandbox) -> None:
    second_half = [
        (order["type"], order["id"], order["modified"])
        for order in shop.world.orders()
        if CLOCK_PUT_BACK <= order["modified"] < CLOCK_PUT_BACK + HOUR
    ]
    rows = {(row["type"], row["id"]): row for row in stored(place.database, "orders")}
    assert second_half
    for kind, id_, modified in second_half:
        assert rows[kind, id_]["modified"] == modified - HOUR


def test_a_wrong_value_would_be_noticed(place: Place, shop: Sandbox) -> None:
    spoiled = {
        "orders": [
            "cashed_cod = cashed_cod + 0.0001",
            "is_complete = NOT is_complete",
            "modified = modified + interval '1 second'",
            "vendor_name = vendor_name || ' '",
            (
                "enforced_vendor_courier_accounts = CASE enforced_vendor_courier_accounts"
                " WHEN '[]' THEN NULL ELSE '[]'::jsonb END"
            ),
            'customer = customer || \'{"name": "Stefanita"}\'',
            "customer_id = NULL",
            "extra = '{\"a\": 1}'",
        ],
        "order_lines": ["status = 1 - status", "details = '\"x\"'", "created = NULL"],
        "products": ["ownership = NOT ownership", "max_sale_price = 0", "stock = '[]'"],
    }
    truth = Truth.of(shop.world)
    with place.database.connect() as connection:
        connection.execute("CREATE SCHEMA kept")
        for table, changes in spoiled.items():
            connection.execute(f"CREATE TABLE kept.{table} AS TABLE emag.{table}")
            chosen = f"ctid = (SELECT min(ctid) FROM emag.{table} WHERE {_full(table)})"
            for change in changes:
                connection.execute(f"UPDATE emag.{table} SET {change} WHERE {chosen}")
                found = differences(place.database, truth, [table])
                assert len(found) == 1, change
                connection.execute(f"TRUNCATE emag.{table}")
                connection.execute(f"INSERT INTO emag.{table} TABLE kept.{table}")
            connection.execute(f"DELETE FROM emag.{table} WHERE {chosen}")
            assert len(differences(place.database, truth, [table])) == 1
            connection.execute(
                f"INSERT INTO emag.{table} TABLE kept.{table} ON CONFLICT DO NOTHING"
            )
            connection.execute(
                f"INSERT INTO emag.{table} TABLE kept.{table} ON CONFLICT DO NOTHING"
            )
            assert differences(place.database, truth, [table]) == []


def _full(table: str) -> str:
    return {
        "orders": "customer <> 'null' AND cashed_cod IS NOT NULL",
        "order_lines": "created IS NOT NULL AND details = '[]'",
        "products": "ownership IS NOT NULL AND stock <> '[]'",
    }[table]


@pytest.mark.parametrize("scalars", ["strings", "native"])
def test_tables_equal_the_truth_however_scalars_are_written(
    new_place: Callable[[], Place], scalars: str
) -> None:
    place = new_place()
    with open_shop(orders=200, offers=80, scalars=scalars) as shop:
        place.load(shop)
    assert differences(place.database, Truth.of(shop.world)) == []


def test_keys_nobody_announced_land_in_extra(new_place: Callable[[], Place]) -> None:
    place = new_place()
    with open_shop(orders=250, offers=80, unknown_keys=True, nul_bytes=True) as shop:
        place.load(shop)
        orders = {(row["type"], row["id"]): row for row in shop.world.orders()}
        for kind in (2, 3):
            for wire in _on_the_wire(shop, "order", type=kind):
                add_unannounced(orders[kind, int(wire["id"])], wire)
        offers = {row["id"]: row for row in shop.world.offers()}
        for wire in _on_the_wire(shop, "product_offer"):
            add_unannounced(offers[int(wire["id"])], wire)
    truth = Truth().add(orders.values(), offers.values())
    for rows in truth.tables.values():
        assert any(row["extra"].value for row in rows.values())
    assert differences(place.database, truth) == []


def _on_the_wire(shop: Sandbox, resource: str, **filters: int) -> Iterator[Row]:
    """Read a whole resource, without the tap."""
    page = 0
    rows: list[Row] = [{}] * PAGE
    while len(rows) == PAGE:
        page += 1
        reply = requests.post(
            f"{shop.url}/{resource}/read",
            json={"currentPage": page, **filters},
            auth=("demo", "demo"),
            timeout=60,
        )
        rows = reply.json(parse_float=Decimal)["results"]
        yield from rows


def _filled(value: object) -> bool:
    if isinstance(value, Json | Owned):
        value = value.value
    return value not in (None, "", [], {})
