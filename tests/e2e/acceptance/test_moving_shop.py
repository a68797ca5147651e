"""A shop that changes while it is read loses nothing, and what has left an order can be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.e2e.acceptance.comparison import differences, stored
from tests.e2e.acceptance.truth import OF_ORDERS, ORDER_TABLES, Truth, key_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.acceptance.conftest import Place
    from tests.support.meltano_project import MeltanoProject

pytestmark = pytest.mark.meltano

NOW = datetime(2025, 11, 10, 12, 0, tzinfo=timezone.utc)
ORDERS = 600
SETTLED = 5  # seconds of a shop without changes


@dataclass(frozen=True)
class Played:
    """What two runs in the rush and one in the quiet have left."""

    place: Place
    project: MeltanoProject
    rushed: Truth
    truth: Truth


@pytest.fixture(scope="module")
def played(new_place: Callable[[], Place]) -> Played:
    place = new_place()
    config = SandboxConfig(
        orders=ORDERS, offers=120, history_days=30, clock=NOW, line_edits="always"
    )
    with Sandbox(config) as shop:
        shop.set(changes_per_second=25, new_orders_per_second=3, offer_changes_per_second=5)
        place.load(shop)
        project = place.load(shop)
        shop.set(changes_per_second=0, new_orders_per_second=0, offer_changes_per_second=0)
        rushed = Truth.of(shop.world)
        shop.clock.advance(SETTLED)
        place.load(shop)
        return Played(place, project, rushed, Truth.of(shop.world))


def test_it_did_change_while_it_was_read(played: Played) -> None:
    orders = played.rushed.tables["orders"].values()
    assert len(orders) > ORDERS + 10
    assert sum(row["modified"] > NOW for row in orders) > 100
    assert played.truth == played.rushed


@pytest.mark.parametrize("table", [*ORDER_TABLES, "products"])
def test_after_a_quiet_run_the_current_rows_equal_the_truth(played: Played, table: str) -> None:
    assert differences(played.place.database, played.truth, [table], current=True) == []


@pytest.mark.parametrize("table", OF_ORDERS)
def test_what_has_left_its_order_carries_an_older_time(played: Played, table: str) -> None:
    database, orders = played.place.database, stored(played.place.database, "orders")
    modified = {(row["type"], row["id"]): row["modified"] for row in orders}
    left = [
        row
        for row in stored(database, table)
        if key_of(table, row) not in played.truth.tables[table]
    ]
    for row in left:
        assert row["order_modified"] < modified[row["order_type"], row["order_id"]]
    assert left or table != "order_lines"


def test_the_views_show_what_is_current(played: Played) -> None:
    played.project.run("emag-ops:create-views")
    counts = {table: len(played.truth.tables[table]) for table in OF_ORDERS}
    with played.place.database.connect() as connection:
        shown = {
            table: len(connection.execute(f"SELECT FROM emag_staging.stg_emag__{table}").fetchall())
            for table in OF_ORDERS
        }
    assert shown == counts
