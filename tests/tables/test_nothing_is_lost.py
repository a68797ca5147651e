"""Whatever the API sends: no exception, no null key, no two rows of one key, no value lost."""

from __future__ import annotations

import importlib
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_emag.tables.cleaning import clean, fits_numeric
from tap_emag.tables.orders import (
    ORDER_ATTACHMENTS,
    ORDER_LINES,
    ORDER_VOUCHER_SPLITS,
    ORDER_VOUCHERS,
    ORDERS,
    order_rows,
)
from tap_emag.tables.products import PRODUCT_DELETIONS, PRODUCT_HISTORY, PRODUCTS, product_row
from tap_emag.types import DATE, FLAG, MONEY, TIMESTAMP, MisfitError
from tests.tables.payloads import ACCOUNT, CLOCK, offer, order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_emag.tables.orders import OrderRows
    from tap_emag.tables.table import Table

TABLES = (
    *(ORDERS, ORDER_LINES, ORDER_VOUCHERS, ORDER_VOUCHER_SPLITS, ORDER_ATTACHMENTS),
    *(PRODUCTS, PRODUCT_HISTORY, PRODUCT_DELETIONS),
)
# Comes with the SDK, but without type stubs.
VALIDATOR = importlib.import_module("jsonschema").Draft202012Validator
VALIDATORS = {table.name: VALIDATOR(table.schema()) for table in TABLES}
WRITER = msgspec.json.Encoder(decimal_format="number")

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 6)
    | st.decimals(allow_nan=False, allow_infinity=False).filter(fits_numeric)
    | st.text()
    | st.integers().map(str)
    | st.sampled_from(
        [
            *("", " ", "0", "1", "true", "12.0", "10,07", "1.234,56", "NaN", "\0", "a\0b"),
            *("2026-03-02 11:19:26", "2026-10-25 03:30:00", "2026-02-20", "0000-00-00 00:00:00"),
            *("1784106000", 1784106000, 2**63, 10**40),
        ]
    )
)
KEYS = st.text() | st.sampled_from(
    [
        *("id", "name", "value", "description", "Description", "errors", "0", "1", "voucher_id"),
        *("url", "order_id", "type", "recycle_warranty_voucher_split", "marketplace", "extra"),
    ]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


# Each of some 130 places gets its own share; a busy machine may take its time.
EXAMPLES = settings(max_examples=40, deadline=None)


def wire_keys(table: Table) -> list[str]:
    keys = {source.split(".")[0] for column in table.columns for source in column.wire_keys()}
    return sorted(keys | set(table.children))


def tables_of(found: OrderRows) -> dict[Table, list[dict[str, Any]]]:
    return {
        ORDERS: [found.order],
        ORDER_LINES: found.lines,
        ORDER_VOUCHERS: found.vouchers,
        ORDER_VOUCHER_SPLITS: found.voucher_splits,
        ORDER_ATTACHMENTS: found.attachments,
    }


def check_rows(table: Table, rows: list[dict[str, Any]]) -> None:
    names = {column.name for column in table.columns}
    keys = [tuple(row[key] for key in table.keys) for row in rows]
    assert len(set(keys)) == len(keys)
    for row, key in zip(rows, keys, strict=True):
        assert None not in key
        assert set(row) | {"changed_at"} == names | {"changed_at"}
        VALIDATORS[table.name].validate(row)
        text = WRITER.encode(row).decode()
        assert clean(row) == row, "no NUL, no half pair, no endless number"
        assert json.loads(text, parse_float=Decimal).keys() == row.keys()


def leaves(value: object) -> Iterator[object]:
    """Yield the scalars of a JSON value that say something."""
    if isinstance(value, dict | list):
        for item in value if isinstance(value, list) else value.values():
            yield from leaves(item)
    elif value is not None and not (isinstance(value, str) and not value.strip("\0 ")):
        yield value


def forms(value: object) -> set[tuple[str, object]]:
    """Return every form in which a column may say what a scalar says."""
    found: set[tuple[str, object]] = {(type(value).__name__, value)}
    text = str(value).lower() if isinstance(value, bool) else str(value)
    found.add(("text", text))
    for name, kind in (("number", MONEY), ("flag", FLAG), ("date", DATE)):
        assert kind.parse is not None
        try:
            found.add((name, kind.parse(value)))
        except MisfitError:
            continue
    try:
        found.add(("text", CLOCK.utc(value)))
    except MisfitError:
        return found
    return found


def check_kept(value: object, rows: list[dict[str, Any]]) -> None:
    said = {form for leaf in leaves(rows) for form in forms(leaf)}
    zero = {"0000-00-00 00:00:00"}
    for leaf in leaves(clean(value)):
        assert leaf in zero or forms(leaf) & said, f"{leaf!r} is lost"


@pytest.mark.parametrize("key", [*wire_keys(ORDERS), "unheard_of"])
@EXAMPLES
@given(value=VALUES)
def test_any_value_in_any_place_of_an_order(key: str, value: object) -> None:
    found = order_rows({"id": 7, "type": 3, key: value}, ACCOUNT, CLOCK, 3)
    tables = tables_of(found)
    for table, rows in tables.items():
        check_rows(table, rows)
    check_kept(value, [row for rows in tables.values() for row in rows])


@pytest.mark.parametrize("key", [*wire_keys(ORDER_LINES), "unheard_of"])
@EXAMPLES
@given(value=VALUES)
def test_any_value_in_any_place_of_a_line(key: str, value: object) -> None:
    raw = {"id": 7, "type": 3, "products": [{key: value}, {"id": 5}]}
    tables = tables_of(order_rows(raw, ACCOUNT, CLOCK, 3))
    for table, rows in tables.items():
        check_rows(table, rows)
    check_kept(value, [row for rows in tables.values() for row in rows])


@pytest.mark.parametrize(
    ("key", "table"),
    [
        ("products", ORDER_LINES),
        ("vouchers", ORDER_VOUCHERS),
        ("attachments", ORDER_ATTACHMENTS),
        ("shipping_tax_voucher_split", ORDER_VOUCHER_SPLITS),
    ],
)
@EXAMPLES
@given(data=st.data())
def test_any_value_in_any_place_of_what_hangs_on_an_order(
    key: str, table: Table, data: st.DataObject
) -> None:
    known = st.sampled_from(wire_keys(table)) | KEYS
    items = data.draw(st.lists(st.dictionaries(known, VALUES, max_size=4) | VALUES, max_size=4))
    tables = tables_of(order_rows({"id": 7, key: items}, ACCOUNT, CLOCK, 3))
    for each, rows in tables.items():
        check_rows(each, rows)
    check_kept(items, [row for rows in tables.values() for row in rows])


@pytest.mark.parametrize("key", [*wire_keys(PRODUCTS), "unheard_of"])
@EXAMPLES
@given(value=VALUES)
def test_any_value_in_any_place_of_an_offer(key: str, value: object) -> None:
    row = product_row({"id": 7, key: value}, ACCOUNT)
    check_rows(PRODUCTS, [row])
    check_kept(value, [row])


@EXAMPLES
@given(
    st.dictionaries(st.sampled_from(wire_keys(ORDERS)) | KEYS, VALUES),
    st.dictionaries(st.sampled_from(wire_keys(PRODUCTS)) | KEYS, VALUES),
)
def test_rows_that_are_wrong_all_over(order_raw: dict[str, Any], offer_raw: dict[str, Any]) -> None:
    tables = tables_of(order_rows(order_raw, ACCOUNT, CLOCK, 3))
    for table, rows in tables.items():
        check_rows(table, rows)
    check_kept(order_raw, [row for rows in tables.values() for row in rows])
    product = product_row(offer_raw, ACCOUNT)
    check_rows(PRODUCTS, [product])
    check_kept(offer_raw, [product])


def test_good_rows_fit_their_schema_and_have_nothing_left() -> None:
    tables = tables_of(order_rows(order(), ACCOUNT, CLOCK, 3))
    for table, rows in tables.items():
        check_rows(table, rows)
        assert rows
        assert all(row["extra"] is None for row in rows)
    check_rows(PRODUCTS, [product_row(offer(), ACCOUNT)])


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_schema_says_what_each_column_is(table: Table) -> None:
    schema = table.schema()
    VALIDATOR.check_schema(schema)
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)
    assert names[:2] == ["marketplace", "account_type"]
    assert schema["required"] == list(table.keys)
    assert list(schema["properties"]) == names
    for name, column in schema["properties"].items():
        assert ("null" in column["type"]) is (name not in table.keys)
        assert len(column["description"]) > 10
        assert column["description"].endswith(".")
    times = [column.name for column in table.columns if column.type is TIMESTAMP]
    assert all("UTC" in schema["properties"][name]["description"] for name in times)
