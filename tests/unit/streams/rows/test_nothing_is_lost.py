"""Whatever the API sends: no exception, no null key, no two rows of one key, no value lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_emag.streams.orders.rows import (
    ORDER_ATTACHMENTS,
    ORDER_LINES,
    ORDER_VOUCHER_SPLITS,
    ORDER_VOUCHERS,
    ORDERS,
    order_rows,
)
from tap_emag.streams.products.history_table import PRODUCT_DELETIONS, PRODUCT_HISTORY
from tap_emag.streams.products.rows import product_row
from tap_emag.streams.products.table import PRODUCTS
from tests.unit.streams.rows.losses import (
    EXAMPLES,
    KEYS,
    VALUES,
    check_rows,
    check_schema,
    check_tables,
    wire_keys,
)
from tests.unit.streams.rows.payloads import ACCOUNT, CLOCK, offer, order

if TYPE_CHECKING:
    from tap_emag.schema.table import Table
    from tap_emag.streams.orders.rows import OrderRows

TABLES = (
    *(ORDERS, ORDER_LINES, ORDER_VOUCHERS, ORDER_VOUCHER_SPLITS, ORDER_ATTACHMENTS),
    *(PRODUCTS, PRODUCT_HISTORY, PRODUCT_DELETIONS),
)


def tables_of(found: OrderRows) -> dict[Table, list[dict[str, Any]]]:
    return {
        ORDERS: [found.order],
        ORDER_LINES: found.lines,
        ORDER_VOUCHERS: found.vouchers,
        ORDER_VOUCHER_SPLITS: found.voucher_splits,
        ORDER_ATTACHMENTS: found.attachments,
    }


@pytest.mark.parametrize("key", [*wire_keys(ORDERS), "unheard_of"])
@EXAMPLES
@given(value=VALUES)
def test_any_value_in_any_place_of_an_order(key: str, value: object) -> None:
    found = order_rows({"id": 7, "type": 3, key: value}, ACCOUNT, CLOCK, 3)
    tables = tables_of(found)
    check_tables(tables, value)


@pytest.mark.parametrize("key", [*wire_keys(ORDER_LINES), "unheard_of"])
@EXAMPLES
@given(value=VALUES)
def test_any_value_in_any_place_of_a_line(key: str, value: object) -> None:
    raw = {"id": 7, "type": 3, "products": [{key: value}, {"id": 5}]}
    tables = tables_of(order_rows(raw, ACCOUNT, CLOCK, 3))
    check_tables(tables, value)


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
    check_tables(tables, items)


@pytest.mark.parametrize("key", [*wire_keys(PRODUCTS), "unheard_of"])
@EXAMPLES
@given(value=VALUES)
def test_any_value_in_any_place_of_an_offer(key: str, value: object) -> None:
    row = product_row({"id": 7, key: value}, ACCOUNT)
    check_tables({PRODUCTS: [row]}, value)


@EXAMPLES
@given(
    st.dictionaries(st.sampled_from(wire_keys(ORDERS)) | KEYS, VALUES),
    st.dictionaries(st.sampled_from(wire_keys(PRODUCTS)) | KEYS, VALUES),
)
def test_rows_that_are_wrong_all_over(order_raw: dict[str, Any], offer_raw: dict[str, Any]) -> None:
    tables = tables_of(order_rows(order_raw, ACCOUNT, CLOCK, 3))
    check_tables(tables, order_raw)
    product = product_row(offer_raw, ACCOUNT)
    check_tables({PRODUCTS: [product]}, offer_raw)


def test_good_rows_fit_their_schema_and_have_nothing_left() -> None:
    tables = tables_of(order_rows(order(), ACCOUNT, CLOCK, 3))
    for table, rows in tables.items():
        check_rows(table, rows)
        assert rows
        assert all(row["extra"] is None for row in rows)
    check_rows(PRODUCTS, [product_row(offer(), ACCOUNT)])


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_schema_says_what_each_column_is(table: Table) -> None:
    check_schema(table)
