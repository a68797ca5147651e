"""Turns eMAG's answer about the measures of an order's products into rows."""

from __future__ import annotations

from datetime import timezone
from typing import TYPE_CHECKING, Any

from tap_emag.errors import ContractError
from tap_emag.schema.child_lists import id_or_place, split_children
from tap_emag.schema.column_types import Clock
from tap_emag.schema.keys import integer_or_none
from tap_emag.schema.table import unreported
from tap_emag.streams.orders.volumetry_table import ORDER_VOLUMETRY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_emag.schema.child_lists import Item, Row
    from tap_emag.schema.table import Report
    from tap_emag.settings.account import Account

# An answer has one of these keys; without the first it is about one product, or about none.
MARKS = ("volumetric_data", "product_id", "order_id")
# The answer contains no times, so any clock will do.
NO_CLOCK = Clock(timezone.utc)


def volumetry_rows(
    raw: Mapping[str, Any],
    account: Account,
    order: tuple[int, int],
    read_at: str,
    report: Report = unreported,
) -> list[Row]:
    """Turn one answer of order/volumetry/read into rows, one for each product.

    Args:
        raw: An object with `volumetric_data`, or one of its elements.
        account: The account that asked.
        order: Type and number of the order of the request.
        read_at: When the reply came, UTC, ISO 8601 with `+00:00`.
        report: Called with each unknown or invalid key.

    Raises:
        ContractError: It is about another order.
    """
    kind, number = order
    sent = raw.get("order_id")
    if sent is not None and integer_or_none(sent) != number:
        raise ContractError(
            f"order/volumetry/read: asked for order {number}, got another one: the filter was"
            " ignored"
        )
    shared = {**account.columns(), "order_type": kind, "order_id": number, "read_at": read_at}
    kept: Row = {}
    items: list[Item] = [(1, dict(raw))] if "product_id" in raw else []
    if "volumetric_data" in raw:
        items = split_children(raw, "volumetric_data", ORDER_VOLUMETRY.name, kept, report)
        for name, value in raw.items():
            known = name in ("order_id", "volumetric_data")
            if not known and (name != "type" or integer_or_none(value) != kind):
                report(ORDER_VOLUMETRY.name, "unknown" if name != "type" else "invalid", name)
                kept |= {} if value is None else {name: value}
    seen: set[int] = set()
    return [
        ORDER_VOLUMETRY.row(
            item,
            NO_CLOCK,
            {**shared, "product_id": id_or_place(item, "product_id", place, seen)},
            report,
            kept,
        )
        for place, item in items
    ]


def says_more(raw: Mapping[str, Any], kind: int) -> bool:
    """Return whether an answer without products, of an order of a type, has anything else."""
    return any(
        value not in (None, "", [], {})
        for name, value in raw.items()
        if name != "order_id" and not (name == "type" and integer_or_none(value) == kind)
    )
