"""Parcels of returns, and what parcels are sent with: courier accounts and addresses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_emag.tables.account import (
    ACCOUNT_COLUMNS,
    ACCOUNT_KEYS,
    Account,
    integer_or_none,
    key_of,
    text_key_of,
)
from tap_emag.tables.children import id_or_place, take
from tap_emag.tables.table import GIVEN, Column, Table, extra_column, unreported
from tap_emag.types import FLAG, ID_LIST, INTEGER, MONEY, TEXT, TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_emag.tables.children import Row
    from tap_emag.tables.table import Report
    from tap_emag.types import Clock

__all__ = [
    "ADDRESSES",
    "AWBS",
    "AWB_PARCELS",
    "COURIER_ACCOUNTS",
    "Account",
    "AwbRows",
    "address_row",
    "awb_rows",
    "courier_account_row",
]

AWBS = Table(
    "awbs",
    (*ACCOUNT_KEYS, "emag_id"),
    (
        *ACCOUNT_COLUMNS,
        Column(
            "emag_id",
            INTEGER,
            "eMAG's id of the shipment. One sent without it has minus its `reservation_id`.",
        ),
        # The wire may have it as well; a differing one would land in `extra`.
        Column(
            "reservation_id",
            INTEGER,
            "Reservation the shipment was found by: reservation_id in `awbs` of returns.",
        ),
        Column(
            "return_emag_id",
            INTEGER,
            "Return the shipment was found in: `emag_id` in returns.",
            GIVEN,
        ),
        Column("order_id", INTEGER, "Number of the order that was shipped: `id` in orders."),
        Column("rma_id", INTEGER, "Number of the return that was shipped; null for orders."),
        Column("type", INTEGER, "Type of the order: 2 sent by eMAG, 3 by the seller."),
        Column("awb_type", INTEGER, "Way of a return's goods: 1 to, 2 from the customer."),
        Column("weight", MONEY, "Weight of the shipment as sent; eMAG documents no unit."),
        Column(
            "status_code",
            TEXT,
            "State of the shipment, eMAG's code, such as DLV.",
            ("status.code", "status"),
        ),
        Column("status_name", TEXT, "State of the shipment, its name.", ("status.name",)),
        Column(
            "status_description",
            TEXT,
            "State of the shipment in eMAG's words.",
            ("status.description",),
        ),
        Column(
            "courier_account_id",
            INTEGER,
            "Courier account that was used: `account_id` in courier_accounts.",
            ("courier.courier_account_id",),
        ),
        Column("courier_id", INTEGER, "eMAG's id of the courier.", ("courier.courier_id",)),
        Column("courier_name", TEXT, "Name of the courier.", ("courier.courier_name", "courier")),
        extra_column(),
    ),
    children=("awb",),
)

AWB_PARCELS = Table(
    "awb_parcels",
    (*ACCOUNT_KEYS, "awb_emag_id", "emag_id"),
    (
        *ACCOUNT_COLUMNS,
        Column("awb_emag_id", INTEGER, "Shipment the parcel is part of: `emag_id` in awbs.", GIVEN),
        Column(
            "emag_id",
            INTEGER,
            "eMAG's id of the parcel. One sent without it has minus its place in the shipment: -1"
            " for the first.",
        ),
        Column("awb_number", TEXT, "Number the courier knows the shipment by (AWB)."),
        Column("awb_barcode", TEXT, "Barcode on the parcel."),
        extra_column(),
    ),
)

COURIER_ACCOUNTS = Table(
    "courier_accounts",
    (*ACCOUNT_KEYS, "account_id"),
    (
        *ACCOUNT_COLUMNS,
        Column(
            "account_id",
            INTEGER,
            "eMAG's id of the courier account.",
            ("account_id", "id"),
        ),
        Column("account_display_name", TEXT, "Name of the courier account."),
        Column(
            "courier_account_type",
            INTEGER,
            "What it may be used for: 1 returns, 2 orders, 3 both, 4 outside the marketplace.",
        ),
        Column("courier_name", TEXT, "Name of the courier."),
        Column(
            "courier_account_properties",
            ID_LIST,
            "What it can do, a list of codes: 0 home delivery, 2 lockers, 6 offices, 8 across"
            " borders, 9 BPO.",
            # One client has met the misspelt key.
            ("courier_account_properties", "currier_account_properties"),
        ),
        Column("created", TIMESTAMP, "When the courier account was made, UTC."),
        Column("status", FLAG, "Whether the courier account is active."),
        Column("pickup_country_code", TEXT, "Country it collects parcels in, such as RO."),
        extra_column(),
    ),
)

ADDRESSES = Table(
    "addresses",
    (*ACCOUNT_KEYS, "address_id"),
    (
        *ACCOUNT_COLUMNS,
        Column(
            "address_id",
            TEXT,
            "eMAG's id of the seller's address, a text.",
        ),
        Column("country_id", INTEGER, "eMAG's id of the country."),
        Column("country_code", TEXT, "Country of the address, such as RO."),
        Column(
            "address_type_id",
            INTEGER,
            "Use of the address: 1 return, 2 pickup, 3 head office, 4 estimates of delivery.",
        ),
        Column("locality_id", INTEGER, "Place of the address: `emag_id` in localities."),
        Column("suburb", TEXT, "County of the address."),
        Column("city", TEXT, "Town of the address."),
        Column("address", TEXT, "Street and number."),
        Column("zipcode", TEXT, "Postal code of the address."),
        Column("quarter", TEXT, "Quarter of the town."),
        Column("floor", TEXT, "Floor of the building."),
        Column("is_default", FLAG, "Whether it is the one used unless another is named."),
        extra_column(),
    ),
)


@dataclass(frozen=True)
class AwbRows:
    """One shipment's row, and those of its parcels."""

    awb: Row
    parcels: list[Row] = field(default_factory=list)


def awb_rows(
    raw: Mapping[str, Any],
    account: Account,
    reservation_id: int | None,
    return_emag_id: int | None,
    report: Report,
    clock: Clock,
) -> AwbRows:
    """Turn one shipment into rows.

    Args:
        raw: The shipment as awb/read gave it.
        account: The account it was read from.
        reservation_id: The reservation that was asked for.
        return_emag_id: The return that names the reservation.
        report: Told of unknown keys and misfits, by table.
        clock: The marketplace's clock.
    """
    kept: Row = {}
    parcels = take(raw, "awb", AWBS.name, kept, report)
    given = account.columns()
    if integer_or_none(raw.get("emag_id")) is None and reservation_id:
        # Unlike one drawn from the row, it stays the same when the state changes.
        given["emag_id"] = -abs(reservation_id)
    else:
        given["emag_id"] = key_of(raw, "emag_id")
    given["return_emag_id"] = return_emag_id
    if reservation_id is not None:
        given["reservation_id"] = reservation_id
    rows = AwbRows(AWBS.row(raw, clock, given, report, kept))
    seen: set[int] = set()
    for place, parcel in parcels:
        given = account.columns()
        given["awb_emag_id"] = rows.awb["emag_id"]
        given["emag_id"] = id_or_place(parcel, "emag_id", place, seen)
        rows.parcels.append(AWB_PARCELS.row(parcel, clock, given, report))
    return rows


def courier_account_row(
    raw: Mapping[str, Any], account: Account, clock: Clock, report: Report = unreported
) -> Row:
    """Turn one courier account of courier_accounts/read into its row."""
    name = "id" if raw.get("account_id") is None and raw.get("id") is not None else "account_id"
    given = {**account.columns(), "account_id": key_of(raw, name)}
    return COURIER_ACCOUNTS.row(raw, clock, given, report)


def address_row(
    raw: Mapping[str, Any], account: Account, clock: Clock, report: Report = unreported
) -> Row:
    """Turn one address of addresses/read into its row."""
    given = {**account.columns(), "address_id": text_key_of(raw, "address_id")}
    return ADDRESSES.row(raw, clock, given, report)
