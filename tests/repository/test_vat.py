"""Every amount declares whether VAT is in it, and the docs and comments repeat it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tap_emag.ops.tables.declared import declared_tables
from tap_emag.schema.column_types import JSON_ANY, JSON_LIST, MONEY, NUMBER, RATE, TEXT
from tap_emag.schema.table import Column
from tap_emag.schema.vat import Vat
from tap_emag.tap import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_emag.schema.table import Table

ROOT = Path(__file__).resolve().parents[2]
# By hand, from eMAG's documentation 4.5.1 and from what replies showed.
NET, NET_SEEN, GROSS, GROSS_SEEN, TAX, UNKNOWN = Vat
SAID = {
    NET: """
        order_vouchers.sale_price order_voucher_splits.value order_lines.sale_price
        order_lines.recycle_warranties products.sale_price products.recommended_price
        products.min_sale_price products.max_sale_price product_history.sale_price
        product_history.recommended_price product_history.min_sale_price
        product_history.max_sale_price invoices.total_without_vat
        invoices.signed_total_without_vat invoice_lines.value customer_invoices.total_without_vat
        customer_invoices.signed_total_without_vat customer_invoice_lines.value
    """,
    NET_SEEN: "order_lines.original_price",
    GROSS: """
        products.green_tax returns.return_tax_value invoices.total_with_vat
        invoices.signed_total_with_vat customer_invoices.total_with_vat
        customer_invoices.signed_total_with_vat
    """,
    GROSS_SEEN: "orders.shipping_tax",
    TAX: """
        order_vouchers.sale_price_vat order_voucher_splits.vat_value invoices.total_vat_value
        invoices.signed_total_vat_value invoice_lines.vat_value customer_invoices.total_vat_value
        customer_invoices.signed_total_vat_value customer_invoice_lines.vat_value
    """,
    UNKNOWN: """
        orders.cashed_co orders.cashed_cod orders.refunded_amount order_lines.retained_amount
        products.best_offer_sale_price products.best_offer_recommended_price
        products.main_offer_price products.offer_price_other_currency products.commission
        product_history.best_offer_sale_price product_history.best_offer_recommended_price
        product_history.main_offer_price smart_deals.smart_deals_price
        awbs.cash_on_delivery return_lines.retained_amount return_lines.refund_value
        return_events.amount invoice_lines.unit_price customer_invoice_lines.unit_price
    """,
}


def columns() -> Iterator[tuple[Table, Column]]:
    for stream in STREAMS:
        for column in stream.table.columns:
            yield stream.table, column


def amounts() -> dict[str, Vat | None]:
    return {
        f"{table.name}.{column.name}": column.vat
        for table, column in columns()
        if column.type is MONEY or column.vat
    }


def test_each_amount_declares_its_vat_as_it_is_known() -> None:
    assert amounts() == {name: vat for vat, names in SAID.items() for name in names.split()}


def test_a_number_is_an_amount_a_rate_or_a_plain_number() -> None:
    numbers = [
        (table.name, column)
        for table, column in columns()
        if column.type.schema["type"] == "number"
    ]
    assert {column.type for _, column in numbers} == {MONEY, NUMBER, RATE}
    others = {column.name for _, column in numbers if column.type is not MONEY}
    rates = {"vat", "vat_rate", "vat_fraction"}
    measures = {"weight", "length", "width", "height", "quantity"}
    assert others - rates - measures == {"value"}, "is it an amount?"
    values = {name for name, column in numbers if column.name == "value" and not column.vat}
    assert values == {"commissions"}


def test_an_amount_without_a_word_on_vat_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="fee: an amount; name its Vat"):
        Column("fee", MONEY, "A fee.")
    assert Column("fee", MONEY, "A fee.", vat=Vat.UNKNOWN).meaning == "A fee. VAT: unknown."
    assert Column("fees", JSON_ANY, "Fees.").meaning == "Fees."


@pytest.mark.parametrize("kind", [TEXT, RATE, NUMBER])
def test_what_is_not_an_amount_has_no_vat(kind: object) -> None:
    with pytest.raises(ValueError, match="note: not an amount, so without Vat"):
        Column("note", kind, "A note.", vat=Vat.UNKNOWN)  # type: ignore[arg-type]
    Column("note", JSON_LIST, "Amounts in a list.", vat=Vat.EXCLUDED)


def test_the_page_of_tables_and_the_comments_repeat_it() -> None:
    page = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    comments = declared_tables([])
    sections = dict(re.findall(r"(?ms)^## (\w+)$(.*?)(?=^## |\Z)", page))
    for name, vat in amounts().items():
        assert vat
        table, column = name.split(".")
        row = re.search(rf"(?m)^\| `{column}` \|.*$", sections[table])
        assert row
        assert row[0].endswith(f"{vat.sentence} |")
        assert (comments[table].columns[column].meaning or "").endswith(vat.sentence)


def test_the_page_of_tables_lists_the_amounts_by_what_is_known() -> None:
    page = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    section = page.partition("## VAT in amounts")[2].partition("\n## ")[0]
    for name, vat in amounts().items():
        assert vat
        row = next(line for line in section.splitlines() if line.startswith(f"| {vat.value} |"))
        assert f"`{name}`" in row


def test_the_schema_of_a_column_has_it_too() -> None:
    for stream in STREAMS:
        for name, column in stream.table.schema()["properties"].items():
            found = next(each for each in stream.table.columns if each.name == name)
            assert column["description"] == found.meaning
