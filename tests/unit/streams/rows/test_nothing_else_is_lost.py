"""The same promises for returns, shipments, reference data, invoices, estimates and codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_emag.schema.table import unreported
from tap_emag.streams.codes.table import CODE_TABLES
from tap_emag.streams.invoices.rows import (
    CUSTOMER_INVOICE_LINES,
    CUSTOMER_INVOICES,
    INVOICE_CATEGORIES,
    INVOICE_LINES,
    INVOICES,
    customer_invoice_rows,
    invoice_category_row,
    invoice_list,
    invoice_rows,
    invoice_total,
)
from tap_emag.streams.products.estimate_rows import commission_row, smart_deal_row
from tap_emag.streams.products.estimate_table import COMMISSIONS, SMART_DEALS
from tap_emag.streams.reference.rows import (
    ADDRESSES,
    AWB_PACKAGES,
    CATEGORIES,
    CATEGORY_CHARACTERISTICS,
    CATEGORY_FAMILY_TYPES,
    CATEGORY_VALUES,
    COURIER_ACCOUNTS,
    HANDLING_TIMES,
    LOCALITIES,
    VAT_RATES,
    address_row,
    awb_package_row,
    category_rows,
    category_value_rows,
    courier_account_row,
    handling_time_row,
    locality_row,
    vat_rate_row,
)
from tap_emag.streams.returns.rows import (
    RETURN_EVENTS,
    RETURN_LINES,
    RETURNS,
    reservation_ids,
    return_rows,
)
from tap_emag.streams.returns.shipment_rows import awb_rows
from tap_emag.streams.returns.shipment_table import (
    AWB_PARCELS,
    AWBS,
)
from tests.unit.streams.rows.losses import (
    EXAMPLES,
    KEYS,
    VALUES,
    check_schema,
    check_tables,
    leaves,
    wire_keys,
)
from tests.unit.streams.rows.more_payloads import (
    address,
    awb,
    category,
    courier_account,
    customer_invoice,
    invoice,
    locality,
    return_,
)
from tests.unit.streams.rows.payloads import ACCOUNT, CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_emag.schema.table import Table

Raw = dict[str, Any]
Tables = dict["Table", list[Raw]]
# The places are many; each is much like another.
FEW_EXAMPLES = settings(EXAMPLES, max_examples=15)
READ_AT = "2026-11-24T10:00:00+00:00"


def of_return(raw: Mapping[str, Any]) -> Tables:
    found = return_rows(raw, ACCOUNT, CLOCK, fingerprint="f1")
    assert all(isinstance(each, int) for each in reservation_ids(raw))
    return {RETURNS: [found.return_row], RETURN_LINES: found.lines, RETURN_EVENTS: found.events}


def of_awb(raw: Mapping[str, Any]) -> Tables:
    found = awb_rows(raw, ACCOUNT, 4500077, 4300077, unreported, CLOCK)
    return {AWBS: [found.awb], AWB_PARCELS: found.parcels}


def of_category(raw: Mapping[str, Any]) -> Tables:
    found = category_rows(raw, ACCOUNT)
    return {
        CATEGORIES: [found.category],
        CATEGORY_CHARACTERISTICS: found.characteristics,
        CATEGORY_FAMILY_TYPES: found.family_types,
        CATEGORY_VALUES: category_value_rows(raw, ACCOUNT),
    }


def of_invoice(raw: Mapping[str, Any]) -> Tables:
    found = invoice_rows(raw, ACCOUNT, CLOCK)
    return {INVOICES: [found.invoice], INVOICE_LINES: found.lines}


def of_customer_invoice(raw: Mapping[str, Any]) -> Tables:
    found = customer_invoice_rows(raw, ACCOUNT, CLOCK)
    return {CUSTOMER_INVOICES: [found.invoice], CUSTOMER_INVOICE_LINES: found.lines}


def of_commission(raw: object) -> Tables:
    return {COMMISSIONS: [commission_row(1001, raw, ACCOUNT, CLOCK, READ_AT)]}


def of_smart_deal(raw: object) -> Tables:
    return {SMART_DEALS: [smart_deal_row(1001, raw, ACCOUNT, READ_AT)]}


WHOLE: dict[Table, Callable[[Raw], Tables]] = {
    RETURNS: of_return,
    AWBS: of_awb,
    COURIER_ACCOUNTS: lambda raw: {COURIER_ACCOUNTS: [courier_account_row(raw, ACCOUNT, CLOCK)]},
    AWB_PACKAGES: lambda raw: {AWB_PACKAGES: [awb_package_row(raw, ACCOUNT, CLOCK)]},
    ADDRESSES: lambda raw: {ADDRESSES: [address_row(raw, ACCOUNT, CLOCK)]},
    CATEGORIES: of_category,
    VAT_RATES: lambda raw: {VAT_RATES: [vat_rate_row(raw, ACCOUNT, CLOCK)]},
    HANDLING_TIMES: lambda raw: {HANDLING_TIMES: [handling_time_row(raw, ACCOUNT, CLOCK)]},
    LOCALITIES: lambda raw: {LOCALITIES: [locality_row(raw, ACCOUNT, CLOCK)]},
    INVOICES: of_invoice,
    CUSTOMER_INVOICES: of_customer_invoice,
    INVOICE_CATEGORIES: lambda raw: {
        INVOICE_CATEGORIES: [invoice_category_row(raw, ACCOUNT, CLOCK)]
    },
    COMMISSIONS: of_commission,
    SMART_DEALS: of_smart_deal,
}
# A list inside an object of another table, and how to make that object's rows.
PARTS: dict[tuple[str, Table], Callable[[Raw], Tables]] = {
    ("products", RETURN_LINES): of_return,
    ("status_history", RETURN_EVENTS): of_return,
    ("request_history", RETURN_EVENTS): of_return,
    ("awb", AWB_PARCELS): of_awb,
    ("characteristics", CATEGORY_CHARACTERISTICS): of_category,
    ("family_types", CATEGORY_FAMILY_TYPES): of_category,
    ("lines", INVOICE_LINES): of_invoice,
    ("lines", CUSTOMER_INVOICE_LINES): of_customer_invoice,
}
ALL = (
    *WHOLE,
    *dict.fromkeys(table for _, table in PARTS),
    CATEGORY_VALUES,
    *(codes.table for codes in CODE_TABLES),
)


@pytest.mark.parametrize(
    ("table", "key"),
    [(table, key) for table in WHOLE for key in [*wire_keys(table), "unheard_of"]],
    ids=lambda part: part if isinstance(part, str) else part.name,
)
@FEW_EXAMPLES
@given(value=VALUES)
def test_any_value_in_any_place(table: Table, key: str, value: object) -> None:
    raw = {"id": 7, "emag_id": 7, "number": "X-7", key: value}
    check_tables(WHOLE[table](raw), value)


@pytest.mark.parametrize(
    ("key", "table"), PARTS, ids=lambda part: part if isinstance(part, str) else part.name
)
@EXAMPLES
@given(data=st.data())
def test_any_value_in_any_place_of_a_part(key: str, table: Table, data: st.DataObject) -> None:
    known = st.sampled_from(wire_keys(table)) | KEYS
    item = st.dictionaries(known, VALUES, max_size=4)
    items = data.draw(VALUES | st.lists(item | VALUES, max_size=4))
    check_tables(PARTS[key, table]({"id": 7, "emag_id": 7, "number": "X-7", key: items}), items)


@EXAMPLES
@given(st.lists(st.fixed_dictionaries({}, optional={"requests": VALUES, "id": VALUES})))
def test_any_value_inside_a_return_s_history(statuses: list[Raw]) -> None:
    raw = {"emag_id": 7, "status_history": statuses, "request_history": statuses}
    check_tables(of_return(raw), statuses)


@EXAMPLES
@given(
    st.lists(st.dictionaries(st.sampled_from(["id", "values"]), VALUES)),
    st.lists(
        st.dictionaries(st.sampled_from(["id", "characteristics", "characteristic_id"]), VALUES)
    ),
)
def test_any_value_deep_inside_a_category(characteristics: list[Raw], types: list[Raw]) -> None:
    raw = {"id": 7, "characteristics": characteristics, "family_types": types}
    check_tables(of_category(raw), [characteristics, types])


@pytest.mark.parametrize("table", WHOLE, ids=lambda table: table.name)
@EXAMPLES
@given(data=st.data())
def test_rows_that_are_wrong_all_over(table: Table, data: st.DataObject) -> None:
    raw = data.draw(st.dictionaries(st.sampled_from(wire_keys(table)) | KEYS, VALUES))
    check_tables(WHOLE[table](raw), raw)


@EXAMPLES
@given(VALUES)
def test_any_answer_about_an_offer(answer: object) -> None:
    check_tables(of_commission(answer), answer)
    check_tables(of_smart_deal(answer), answer)


@EXAMPLES
@given(VALUES | st.fixed_dictionaries({"results": VALUES}))
def test_any_reply_with_invoices(body: object) -> None:
    found = invoice_list(body)
    assert all(isinstance(each, dict) for each in found)
    assert len(list(leaves(found))) <= len(list(leaves(body)))
    assert isinstance(invoice_total(body), int | None)


@pytest.mark.parametrize(
    ("make", "raw"),
    [
        (of_return, return_()),
        (of_awb, awb()),
        (WHOLE[COURIER_ACCOUNTS], courier_account()),
        (WHOLE[ADDRESSES], address()),
        (of_category, category()),
        (WHOLE[VAT_RATES], {"vat_id": 2, "vat_rate": "0.11", "is_default": 0}),
        (WHOLE[HANDLING_TIMES], {"id": 0}),
        (WHOLE[LOCALITIES], locality()),
        (of_invoice, invoice()),
        (of_customer_invoice, customer_invoice()),
        (WHOLE[INVOICE_CATEGORIES], {"category": "FC", "name": "Commission"}),
        (of_commission, {"value": 22, "id": 1001, "created": "2026-03-01 10:00:00"}),
        (of_smart_deal, {"smart_deals_price": 6}),
    ],
)
def test_good_rows_fit_their_schema_and_have_nothing_left(
    make: Callable[[Raw], Tables], raw: Raw
) -> None:
    tables = make(raw)
    check_tables(tables, raw)
    assert all(tables.values())
    assert all(row["extra"] is None for rows in tables.values() for row in rows)


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_a_schema_says_what_each_column_is(table: Table) -> None:
    check_schema(table)
