"""Turns eMAG's answer about one offer into a row of estimates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_emag.schema.cleaning import items_of
from tap_emag.schema.table import unreported
from tap_emag.streams.products.estimate_table import COMMISSIONS, NO_CLOCK, SMART_DEALS

if TYPE_CHECKING:
    from tap_emag.schema.child_lists import Row
    from tap_emag.schema.column_types import Clock
    from tap_emag.schema.table import Report, Table
    from tap_emag.settings.account import Account


def commission_row(
    offer_id: int,
    data: object,
    account: Account,
    clock: Clock,
    read_at: str,
    report: Report = unreported,
) -> Row:
    """Return an offer's row of commissions.

    Args:
        offer_id: The offer of the request.
        data: `data` of the reply, of any type.
        account: The account that asked.
        clock: The marketplace's clock.
        read_at: When the reply came, UTC, ISO 8601 with `+00:00`.
        report: Called with each unknown or invalid key.
    """
    given = {**account.columns(), "id": offer_id, "read_at": read_at}
    return _row(COMMISSIONS, "data", data, given, clock, report)


def smart_deal_row(
    offer_id: int,
    results: object,
    account: Account,
    read_at: str,
    report: Report = unreported,
) -> Row:
    """Return an offer's row of smart_deals.

    Args:
        offer_id: The offer of the request.
        results: `results` of the reply, of any type.
        account: The account that asked.
        read_at: When the reply came, UTC, ISO 8601 with `+00:00`.
        report: Called with each unknown or invalid key.
    """
    given = {**account.columns(), "id": offer_id, "read_at": read_at}
    return _row(SMART_DEALS, "results", results, given, NO_CLOCK, report)


def _row(table: Table, key: str, value: object, given: Row, clock: Clock, report: Report) -> Row:
    """Return a row of an object, of a list of one object, or of any other value under the key."""
    items = items_of(value) if isinstance(value, list | dict) else [value]
    first = items[0] if items and isinstance(items[0], dict) else {}
    kept: Row = {}
    if any(item not in (None, {}, [], "") for item in (items[1:] if first else items)):
        kept[key] = value
        report(table.name, "invalid", key)
        first = {name: item for name, item in first.items() if name != key}
    return table.row(first, clock, given, report, kept)
