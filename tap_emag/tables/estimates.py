"""What eMAG answers about one offer at a time: its commission, its price for Smart Deals."""

from __future__ import annotations

from datetime import timezone
from typing import TYPE_CHECKING

from tap_emag.tables.account import ACCOUNT_COLUMNS, ACCOUNT_KEYS, Account
from tap_emag.tables.cleaning import items_of
from tap_emag.tables.table import GIVEN, Column, Table, extra_column, unreported
from tap_emag.types import INTEGER, MONEY, TIMESTAMP, Clock

if TYPE_CHECKING:
    from tap_emag.tables.children import Row
    from tap_emag.tables.table import Report

__all__ = ["COMMISSIONS", "SMART_DEALS", "Account", "commission_row", "smart_deal_row"]

# The answer on Smart Deals carries no times, so that any clock will do.
NO_CLOCK = Clock(timezone.utc)
OFFER_COLUMN = Column(
    "id", INTEGER, "The seller's own id of the offer that was asked about: `id` in products.", GIVEN
)
READ_AT = Column("read_at", TIMESTAMP, "When eMAG gave this answer, UTC.", GIVEN)

COMMISSIONS = Table(
    "commissions",
    (*ACCOUNT_KEYS, "id"),
    (
        *ACCOUNT_COLUMNS,
        OFFER_COLUMN,
        READ_AT,
        Column(
            "value",
            MONEY,
            "eMAG's estimated commission as sent, by all that is known percent of the price: 22.0"
            " is 22 %.",
        ),
        Column("estimate_id", INTEGER, "The id inside eMAG's answer; not documented.", ("id",)),
        Column("created", TIMESTAMP, "When eMAG set the commission, UTC."),
        Column("end_date", TIMESTAMP, "When the commission ends, UTC; null when it has no end."),
        extra_column(),
    ),
)

SMART_DEALS = Table(
    "smart_deals",
    (*ACCOUNT_KEYS, "id"),
    (
        *ACCOUNT_COLUMNS,
        OFFER_COLUMN,
        READ_AT,
        Column(
            "smart_deals_price",
            MONEY,
            "Highest price at which the offer would carry the Smart Deals badge, in the offer's"
            " currency; null when there is none. Whether VAT is included eMAG does not document.",
        ),
        extra_column(),
    ),
)


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
        offer_id: The offer that was asked about.
        data: `data` of the reply, whatever its form.
        account: The account that asked.
        clock: The marketplace's clock.
        read_at: When the reply came, UTC, ISO 8601 with `+00:00`.
        report: Told of unknown keys and misfits.
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
        offer_id: The offer that was asked about.
        results: `results` of the reply, whatever its form.
        account: The account that asked.
        read_at: When the reply came, UTC, ISO 8601 with `+00:00`.
        report: Told of unknown keys and misfits.
    """
    given = {**account.columns(), "id": offer_id, "read_at": read_at}
    return _row(SMART_DEALS, "results", results, given, NO_CLOCK, report)


def _row(table: Table, key: str, value: object, given: Row, clock: Clock, report: Report) -> Row:
    """Make a row of an object, a list of one, or whatever else stands under the reply's key."""
    items = items_of(value) if isinstance(value, list | dict) else [value]
    first = items[0] if items and isinstance(items[0], dict) else {}
    kept: Row = {}
    if any(item not in (None, {}, [], "") for item in (items[1:] if first else items)):
        kept[key] = value
        report(table.name, "misfit", key)
        first = {name: item for name, item in first.items() if name != key}
    return table.row(first, clock, given, report, kept)
