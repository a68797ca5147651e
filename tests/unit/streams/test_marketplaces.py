"""The tap reads each country's orders, offers, returns and invoices as they are."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.support.command import run

if TYPE_CHECKING:
    from pathlib import Path

# Ten weeks after the euro came to Bulgaria, and no night on which a clock is put back before.
CLOCK = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)
SHOP: dict[str, Any] = {"orders": 60, "offers": 12, "returns": 12, "history_days": 120}
SHOP |= {"clock": CLOCK, "limits": False, "customer_invoices": 8}
STREAMS = "orders,order_lines,products,returns,invoices,customer_invoices,vat_rates"


@pytest.mark.parametrize(
    ("marketplace", "currencies"),
    [("emag_bg", {"BGN", "EUR"}), ("emag_hu", {"HUF"}), ("fashiondays_ro", {"RON"})],
)
def test_a_country_s_rows_are_the_source_s(
    tmp_path: Path, marketplace: str, currencies: set[str]
) -> None:
    with Sandbox(SandboxConfig(marketplace=marketplace, **SHOP)) as shop:
        ended = run(
            tmp_path,
            shop,
            marketplace=marketplace,
            streams=STREAMS,
            start_date="2025-01-01T00:00:00Z",
        )
        assert ended.code == 0, ended.log
        world = shop.world
        orders = {(each["type"], each["id"]): each for each in world.orders()}
        read = {(each["type"], each["id"]): each for each in ended.rows("orders")}
        assert read.keys() == orders.keys()
        for key, row in read.items():
            assert row["currency"] == orders[key]["currency"]
            assert moment(row["modified"]) == orders[key]["modified"]
            assert Decimal(str(row["shipping_tax"])) == orders[key]["shipping_tax"]
        assert {row["currency"] for row in read.values()} == currencies
        lines = {line["id"]: line for order in orders.values() for line in order["products"]}
        for row in ended.rows("order_lines"):
            source = lines[row["id"]]
            assert row["currency"] == source["currency"]
            assert Decimal(str(row["sale_price"])) == source["sale_price"]
            assert Decimal(str(row["vat"])) == source["vat"]
        assert same(ended.rows("products"), world.offers(), "id", "currency")
        assert same(ended.rows("returns"), world.returns(), "emag_id", "currency")
        assert same(ended.rows("invoices"), world.invoices(), "number", "currency")
        assert same(
            ended.rows("customer_invoices"), world.customer_invoices(), "number", "currency"
        )


def same(rows: list[dict[str, Any]], sources: Any, key: str, name: str) -> bool:  # noqa: ANN401
    """Whether rows have a source's values of one name; there are some."""
    expected = {source[key]: source[name] for source in sources}
    assert expected
    assert {row[key]: row[name] for row in rows} == expected
    return True


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
