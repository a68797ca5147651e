"""Turns the elements of eMAG's reference lists into rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_emag.schema.child_lists import id_or_place, split_children
from tap_emag.schema.cleaning import fits_numeric, items_of
from tap_emag.schema.column_types import Clock
from tap_emag.schema.keys import integer_or_none, key_of, text_key_of
from tap_emag.schema.table import unreported
from tap_emag.settings.account import Account
from tap_emag.streams.reference.categories_table import (
    CATEGORIES,
    CATEGORY_CHARACTERISTICS,
    CATEGORY_FAMILY_TYPES,
    CATEGORY_VALUES,
)
from tap_emag.streams.reference.table import (
    ADDRESSES,
    AWB_PACKAGES,
    COURIER_ACCOUNTS,
    HANDLING_TIMES,
    LOCALITIES,
    VAT_RATES,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_emag.schema.child_lists import Item, Row
    from tap_emag.schema.table import Report

__all__ = [
    "ADDRESSES",
    "AWB_PACKAGES",
    "CATEGORIES",
    "CATEGORY_CHARACTERISTICS",
    "CATEGORY_FAMILY_TYPES",
    "CATEGORY_VALUES",
    "COURIER_ACCOUNTS",
    "HANDLING_TIMES",
    "LOCALITIES",
    "VAT_RATES",
    "Account",
    "CategoryRows",
    "address_row",
    "awb_package_row",
    "category_rows",
    "category_value_rows",
    "courier_account_row",
    "handling_time_row",
    "locality_row",
    "vat_rate_row",
]

# Categories contain no times, so any clock will do.
NO_CLOCK = Clock(timezone.utc)


@dataclass(frozen=True)
class CategoryRows:
    """One category's row, and the rows of its child tables."""

    category: Row
    characteristics: list[Row] = field(default_factory=list)
    family_types: list[Row] = field(default_factory=list)


def category_rows(
    raw: Mapping[str, Any], account: Account, report: Report = unreported
) -> CategoryRows:
    """Turn one category into rows.

    Args:
        raw: The category as category/read returned it, in a list or alone.
        account: The account it was read from.
        report: Called with each unknown or invalid key, by table.

    Returns:
        The category's rows, without its characteristics' values: see `category_value_rows`.
    """
    kept: Row = {}
    characteristics = split_children(raw, "characteristics", CATEGORIES.name, kept, report)
    family_types = split_children(raw, "family_types", CATEGORIES.name, kept, report)
    given = {**account.columns(), "id": key_of(raw, "id")}
    rows = CategoryRows(CATEGORIES.row(raw, NO_CLOCK, given, report, kept))
    shared = {**account.columns(), "category_id": rows.category["id"]}
    for (characteristic_id, position), characteristic in _numbered(characteristics):
        given = {**shared, "id": characteristic_id, "position": position}
        row = CATEGORY_CHARACTERISTICS.row(characteristic, NO_CLOCK, given, report)
        rows.characteristics.append(row)
    seen: set[int] = set()
    for place, family_type in family_types:
        given = {**shared, "id": id_or_place(family_type, "id", place, seen)}
        rows.family_types.extend(_family_type_rows(family_type, given, report))
    return rows


def category_value_rows(
    raw: Mapping[str, Any],
    account: Account,
    first_position: int = 1,
    report: Report = unreported,
) -> list[Row]:
    """Turn the values of one category's characteristics into rows.

    Args:
        raw: The category as category/read returned it when asked for it alone.
        account: The account it was read from.
        first_position: Place of the first value of each list: 257 on the second page of 256.
        report: Called with each unknown or invalid key.
    """
    shared = {**account.columns(), "category_id": key_of(raw, "id")}
    # `category_rows` keeps and reports the elements of the list that are not objects.
    characteristics = split_children(raw, "characteristics", CATEGORIES.name, {}, unreported)
    rows = []
    for (characteristic_id, position), characteristic in _numbered(characteristics):
        for place, value in enumerate(_values(characteristic), first_position):
            if value is None:
                continue
            given = {
                **shared,
                "characteristic_id": characteristic_id,
                "characteristic_position": position,
                "position": place,
            }
            item = value if isinstance(value, dict) else {"value": value}
            rows.append(CATEGORY_VALUES.row(item, NO_CLOCK, given, report))
    return rows


def vat_rate_row(
    raw: Mapping[str, Any], account: Account, clock: Clock, report: Report = unreported
) -> Row:
    """Turn one VAT rate of vat/read into its row."""
    given = {**account.columns(), "vat_id": key_of(raw, _named(raw, "vat_id", "id"))}
    row = VAT_RATES.row(raw, clock, given, report)
    row["vat_fraction"] = _fraction(row["vat_rate"])
    return row


def handling_time_row(
    raw: Mapping[str, Any], account: Account, clock: Clock, report: Report = unreported
) -> Row:
    """Turn one handling time of handling_time/read into its row."""
    given = {**account.columns(), "id": key_of(raw, _named(raw, "id", "value"))}
    row = HANDLING_TIMES.row(raw, clock, given, report)
    if raw.get("value") is None and "id" not in (row["extra"] or {}):
        row["value"] = row["id"]
    return row


def courier_account_row(
    raw: Mapping[str, Any], account: Account, clock: Clock, report: Report = unreported
) -> Row:
    """Turn one courier account of courier_accounts/read into its row."""
    given = {**account.columns(), "account_id": key_of(raw, _named(raw, "account_id", "id"))}
    return COURIER_ACCOUNTS.row(raw, clock, given, report)


def awb_package_row(
    raw: Mapping[str, Any], account: Account, clock: Clock, report: Report = unreported
) -> Row:
    """Turn one package of awb/package/read into its row."""
    given = {**account.columns(), "label": text_key_of(raw, "label")}
    return AWB_PACKAGES.row(raw, clock, given, report)


def address_row(
    raw: Mapping[str, Any], account: Account, clock: Clock, report: Report = unreported
) -> Row:
    """Turn one address of addresses/read into its row."""
    given = {**account.columns(), "address_id": text_key_of(raw, "address_id")}
    return ADDRESSES.row(raw, clock, given, report)


def locality_row(
    raw: Mapping[str, Any], account: Account, clock: Clock, report: Report = unreported
) -> Row:
    """Turn one place of locality/read into its row."""
    given = {**account.columns(), "emag_id": key_of(raw, "emag_id")}
    return LOCALITIES.row(raw, clock, given, report)


def _numbered(characteristics: list[Item]) -> Iterator[tuple[tuple[int, int], Row]]:
    """Yield each characteristic with its id and which of that id it is, from 1."""
    seen: Counter[int] = Counter()
    for _, raw in characteristics:
        found = integer_or_none(raw.get("id")) or 0
        seen[found] += 1
        yield (found, seen[found]), raw


def _family_type_rows(raw: Row, given: Row, report: Report) -> Iterator[Row]:
    """Yield a row for each characteristic, and one for the family type where that has none."""
    key = "characteristics"
    kept: Row = {}
    characteristics = split_children(raw, key, CATEGORY_FAMILY_TYPES.name, kept, report)
    bare = {name: value for name, value in raw.items() if name != key}
    if kept or not characteristics:
        position = {"position": 0}
        yield CATEGORY_FAMILY_TYPES.row(bare, NO_CLOCK, given | position, report, kept)
    for place, characteristic in characteristics:
        position = {"position": place}
        one = bare | {key: characteristic}
        yield CATEGORY_FAMILY_TYPES.row(one, NO_CLOCK, given | position, report)


def _values(characteristic: Mapping[str, Any]) -> list[Any]:
    values = characteristic.get("values")
    if isinstance(values, list | dict):
        return items_of(values)
    return [] if values == "" else [values]


def _named(raw: Mapping[str, Any], name: str, other: str) -> str:
    """Return which of two keys contains a row's id."""
    return other if raw.get(name) is None and raw.get(other) is not None else name


def _fraction(rate: Decimal | None) -> Decimal | None:
    if rate is None or rate <= 1:
        return rate
    sign, digits, exponent = rate.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - no rate is infinite
    # Moving the point, unlike dividing, is exact however long the number is.
    fraction = Decimal((sign, digits, exponent - 2))
    return fraction if fits_numeric(fraction) else None
