"""Turns one shipment of awb/read into rows of shipments and parcels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_emag.schema.child_lists import id_or_place, split_children
from tap_emag.schema.cleaning import clean_object
from tap_emag.schema.keys import integer_or_none, key_of
from tap_emag.streams.returns.shipment_table import AWB_PARCELS, AWBS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_emag.schema.child_lists import Row
    from tap_emag.schema.column_types import Clock
    from tap_emag.schema.table import Report
    from tap_emag.settings.account import Account


@dataclass(frozen=True)
class AwbRows:
    """One shipment's row, and those of its parcels."""

    awb: Row
    parcels: list[Row] = field(default_factory=list)


# Columns since fingerprints covered rows; their keys went to `extra`.
NEW = ("currency", "cash_on_delivery")


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
        raw: The shipment as awb/read returned it.
        account: The account it was read from.
        reservation_id: The reservation of the request.
        return_emag_id: The return that names the reservation.
        report: Called with each unknown or invalid key, by table.
        clock: The marketplace's clock.
    """
    kept: Row = {}
    parcels = split_children(raw, "awb", AWBS.name, kept, report)
    given = account.columns()
    if integer_or_none(raw.get("emag_id")) is None and reservation_id:
        # Unlike an id drawn from the row, it stays the same when the shipment's state changes.
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


def former_row(row: Row, raw: Mapping[str, Any]) -> Row:
    """Return a shipment's row as it was before the table had the columns of `NEW`.

    Args:
        row: The row of `awb_rows`.
        raw: The shipment it was made of.
    """
    unknown = {name: raw[name] for name in NEW if raw.get(name) is not None}
    extra = clean_object({**(row["extra"] or {}), **unknown}) or None
    return {name: value for name, value in row.items() if name not in NEW} | {"extra": extra}
