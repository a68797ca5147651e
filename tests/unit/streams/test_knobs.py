"""What eMAG leaves open may be as it likes: the tap's rows equal the source's either way.

Each round turns all knobs by one step, so that a few runs meet every value of each.
"""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from emag_sandbox.config import CHOICES
from tests.support.command import run

if TYPE_CHECKING:
    from pathlib import Path

    from emag_sandbox.shop.shop import Shop
    from tests.support.command import Finished

NOW: Final = datetime(2026, 11, 10, 12, tzinfo=timezone.utc)
SHOP: Final[dict[str, Any]] = {
    "orders": 230,
    "offers": 130,
    "returns": 30,
    "categories": 12,
    "localities": 130,
    "invoices": 24,
    "customer_invoices": 20,
    "history_days": 15,  # no clock is put back
    "clock": NOW,
    "limits": False,
}
STREAMS: Final = "orders,products,returns,categories,localities,invoices,customer_invoices"
# Those that are no question to eMAG: which shop it is, and how far its errors go.
APART: Final = {"marketplace", "line_edits", "error_dates"}
# Where type is no filter, returns of both types come without it: `default_return_type` is null.
FILTERS: Final[dict[str, tuple[Any, ...]]] = {
    "ignored_filters": ([], [], ["rma.type"], ["invoice.date_end"], [], []),
    "refused_filters": ([], [], [], [], [], ["rma.type"]),
}
KNOBS: Final = {**{name: few for name, few in CHOICES if name not in APART}, **FILTERS}
ROUNDS: Final = max(len(values) for values in KNOBS.values())


def turned(number: int) -> dict[str, Any]:
    """Return the knobs of a round."""
    return {name: values[number % len(values)] for name, values in KNOBS.items()}


@pytest.mark.parametrize("number", range(ROUNDS))
def test_rows_equal_the_source_however_the_knobs_are_turned(tmp_path: Path, number: int) -> None:
    with Sandbox(SandboxConfig(**SHOP, **turned(number))) as shop:
        ended = run(tmp_path, shop, streams=STREAMS, start_date="2026-10-01T00:00:00Z")
        assert ended.code == 0, ended.log
        rows, expected = read(ended), sources(shop.world)
        for stream in STREAMS.split(","):
            assert rows[stream] == expected[stream]


def read(ended: Finished) -> dict[str, dict[Any, Any]]:
    """Return a few columns of the latest row of each key, by stream."""
    return {
        "orders": {
            (row["type"], row["id"]): (moment(row["modified"]), row["status"])
            for row in ended.rows("orders")
        },
        "products": {row["id"]: exact(row["sale_price"]) for row in ended.rows("products")},
        "returns": {
            row["emag_id"]: (row["type"], row["request_status"], moment(row["date"]))
            for row in ended.rows("returns")
        },
        "categories": {row["id"]: row["name"] for row in ended.rows("categories")},
        "localities": {row["emag_id"]: row["name"] for row in ended.rows("localities")},
        "invoices": {
            row["number"]: (row["date"], exact(row["total_with_vat"]))
            for row in ended.rows("invoices")
        },
        "customer_invoices": {
            row["number"]: (row["date"], exact(row["total_with_vat"]))
            for row in ended.rows("customer_invoices")
        },
    }


def sources(world: Shop) -> dict[str, dict[Any, Any]]:
    """Return the same of the shop's own rows."""
    dated = {"invoices": world.invoices(), "customer_invoices": world.customer_invoices()}
    return {
        "orders": {
            (row["type"], row["id"]): (row["modified"], row["status"]) for row in world.orders()
        },
        "products": {row["id"]: row["sale_price"] for row in world.offers()},
        "returns": {
            row["emag_id"]: (row["type"], row["request_status"], row["date"])
            for row in world.returns()
        },
        "categories": {row["id"]: row["name"] for row in world.categories()},
        "localities": {
            row["emag_id"]: row["name"] for row in world.localities() if row["country_code"] == "RO"
        },
        **{
            name: {row["number"]: (str(row["date"]), row["total_with_vat"]) for row in rows}
            for name, rows in dated.items()
        },
    }


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def exact(value: object) -> Decimal:
    return Decimal(str(value))
