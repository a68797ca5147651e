"""A user loads the tables and columns that were chosen, and no others.

Other plugins of the project choose more, and `emag-ops prepare-tables` serves them all.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.e2e.acceptance.comparison import differences, stored
from tests.e2e.acceptance.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.acceptance.conftest import Place

pytestmark = pytest.mark.meltano

NOW = datetime(2025, 11, 10, 12, 0, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    config = SandboxConfig(orders=150, offers=120, history_days=30, clock=NOW)
    with Sandbox(config) as shop:
        yield shop


@pytest.fixture
def place(new_place: Callable[[], Place]) -> Place:
    return new_place()


def test_lines_are_loaded_without_their_orders(shop: Sandbox, place: Place) -> None:
    project = place.load(shop, prepared=False, _select=["order_lines.*"])
    truth = Truth.of(shop.world)
    assert set(project.results.counts()) == {"order_lines"}
    assert differences(place.database, truth, ["order_lines"]) == []


def test_offers_are_loaded_without_orders(shop: Sandbox, place: Place) -> None:
    shop.log.clear()
    project = place.load(shop, prepared=False, _select=["products.*"])
    assert set(project.results.counts()) == {"products"}
    assert differences(place.database, Truth.of(shop.world), ["products"]) == []
    assert {request.resource for request in shop.log} == {"product_offer"}


def test_personal_data_stay_out_with_one_column(shop: Sandbox, place: Place) -> None:
    place.load(shop, prepared=False, _select=["orders.*", "!orders.customer"])
    rows = stored(place.database, "orders")
    assert rows
    assert all("customer" not in row for row in rows)
    truth = Truth.of(shop.world)
    for row in truth.tables["orders"].values():
        del row["customer"]
    assert differences(place.database, truth, ["orders"]) == []
    assert {request.resource for request in shop.log} >= {"order"}
