"""Rows of eMAG's reference data: categories, VAT rates, handling times, localities."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_emag.tables.account import Account, integer_or_none, key_of
from tap_emag.tables.categories import (
    CATEGORIES,
    CATEGORY_CHARACTERISTICS,
    CATEGORY_FAMILY_TYPES,
    CATEGORY_VALUES,
)
from tap_emag.tables.children import id_or_place, take
from tap_emag.tables.cleaning import fits_numeric, items_of
from tap_emag.tables.lookups import HANDLING_TIMES, LOCALITIES, VAT_RATES
from tap_emag.tables.table import unreported
from tap_emag.types import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_emag.tables.children import Item, Row
    from tap_emag.tables.table import Report

__all__ = [
    "CATEGORIES",
    "CATEGORY_CHARACTERISTICS",
    "CATEGORY_FAMILY_TYPES",
    "CATEGORY_VALUES",
    "HANDLING_TIMES",
    "LOCALITIES",
    "VAT_RATES",
    "Account",
    "CategoryRows",
    "category_rows",
    "category_value_rows",
    "handling_time_row",
    "locality_row",
    "vat_rate_row",
]

# Categories carry no times, so that any clock will do.
NO_CLOCK = Clock(timezone.utc)


@dataclass(frozen=True)
class CategoryRows:
    """One category's rows: its own, and those of the tables that hang on it."""

    category: Row
    characteristics: list[Row] = field(default_factory=list)
    family_types: list[Row] = field(default_factory=list)


def category_rows(
    raw: Mapping[str, Any], account: Account, report: Report = unreported
) -> CategoryRows:
    """Turn one category into rows.

    Args:
        raw: The category as category/read gave it, in a list or alone.
        account: The account it was read from.
        report: Told of unknown keys and misfits, by table.

    Returns:
        The category's rows. The values of its characteristics are left to `category_value_rows`.
    """
    kept: Row = {}
    characteristics = take(raw, "characteristics", CATEGORIES.name, kept, report)
    family_types = take(raw, "family_types", CATEGORIES.name, kept, report)
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
        raw: The category as category/read gave it when asked for it alone.
        account: The account it was read from.
        first_position: Place of the first value of each list: 257 on the second page of 256.
        report: Told of unknown keys and misfits.
    """
    shared = {**account.columns(), "category_id": key_of(raw, "id")}
    # What is no object in the list, `category_rows` keeps and reports.
    characteristics = take(raw, "characteristics", CATEGORIES.name, {}, unreported)
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
    return HANDLING_TIMES.row(raw, clock, given, report)


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
    characteristics = take(raw, key, CATEGORY_FAMILY_TYPES.name, kept, report)
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
    """Return which of two keys a row's id stands under."""
    return other if raw.get(name) is None and raw.get(other) is not None else name


def _fraction(rate: Decimal | None) -> Decimal | None:
    if rate is None or rate <= 1:
        return rate
    sign, digits, exponent = rate.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - no rate is infinite
    # Moving the point, unlike dividing, is exact however long the number is.
    fraction = Decimal((sign, digits, exponent - 2))
    return fraction if fits_numeric(fraction) else None
