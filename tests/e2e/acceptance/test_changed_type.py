"""An order that changes its type stands under both keys; views and sales count it once."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from emag_sandbox import Sandbox, SandboxConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.acceptance.conftest import Place

pytestmark = pytest.mark.meltano

NOW = datetime(2025, 11, 10, 12, 0, tzinfo=timezone.utc)
SALES = """
SELECT coalesce(sum(orders), 0), coalesce(sum(sold_pieces), 0), coalesce(sum(revenue_net), 0)
FROM emag_marts.agg_daily_sales
"""


def test_an_order_that_changed_its_type_is_sold_once(new_place: Callable[[], Place]) -> None:
    place = new_place()
    config = SandboxConfig(orders=40, offers=3, history_days=60, clock=NOW, limits=False)
    with Sandbox(config) as shop:
        place.load(shop)
        moved = shop.world.retype_orders(7)
        shop.clock.advance(60)  # a slow reply makes the newest rows wait for the next run
        project = place.load(shop)
        true = list(shop.world.orders())
    project.run("emag-ops:create-views")
    with place.database.connect() as connection:
        stored = connection.execute("SELECT count(*) FROM emag.orders").fetchone()
        current = connection.execute(
            "SELECT type, id FROM emag_staging.stg_emag__orders"
        ).fetchall()
        sales = connection.execute(SALES).fetchone()
    assert stored == (40 + len(moved),)
    assert {(int(kind), number) for kind, number in current} == {
        (row["type"], row["id"]) for row in true
    }
    lines = [
        line for row in true if row["status"] != 0 for line in row["products"] if line["status"]
    ]
    revenue = sum((line["quantity"] * Decimal(line["sale_price"]) for line in lines), Decimal(0))
    assert sales is not None
    assert tuple(sales[:2]) == (40, sum(line["quantity"] for line in lines))
    assert abs(sales[2] - revenue) < 1
