"""Generates `docs/tables.md` from the tables' own declarations."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from tap_emag.schema.vat import Vat
from tap_emag.tap import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_emag.schema.table import Column, Table
    from tap_emag.streams.base import EmagStream

# What one row of a table is; the others have their stream's docstring.
ROWS = {
    "orders": "An order, as it is now.",
    "order_lines": "A product in an order.",
    "order_vouchers": "A voucher that was used in an order.",
    "order_voucher_splits": "The part of a voucher that falls on a line, a deposit or the shipping"
    " fee.",
    "order_attachments": "A document of an order or of a line: invoice, warranty, AWB.",
    "order_volumetry": "The measures of a product in an order.",
    "products": "An offer of the seller, as it is now or, if it is gone, as it was last.",
    "product_history": "A version of an offer's price, stock, status and rank.",
    "product_deletions": "An offer that was found gone, and when.",
    "commissions": "The commission eMAG takes of an offer.",
    "smart_deals": "The price at which an offer would carry the Smart Deals badge.",
    "returns": "A return, as it is now.",
    "return_lines": "A product in a return.",
    "return_events": "What happened to a return: a state, a refund, an action.",
    "awbs": "A shipment of a return.",
    "awb_parcels": "A parcel of a shipment.",
    "categories": "A category of eMAG's catalogue.",
    "category_characteristics": "A characteristic that offers of a category may or must have.",
    "category_family_types": "A family type: characteristics in which variants may differ.",
    "category_values": "A value that a characteristic may have.",
    "vat_rates": "A VAT rate.",
    "handling_times": "A handling time that an offer may have.",
    "localities": "A place that couriers deliver to.",
    "courier_accounts": "A courier account of the seller.",
    "addresses": "An address of the seller.",
    "awb_packages": "A package that the seller has predefined for shipments.",
    "invoice_categories": "A kind of invoice.",
    "invoices": "An invoice of eMAG to the seller.",
    "invoice_lines": "A line of an invoice of eMAG.",
    "customer_invoices": "An invoice of the seller to a customer.",
    "customer_invoice_lines": "A line of an invoice to a customer.",
    "rejected_rows": "A row that its table could not take, as it came.",
}
INTRODUCTION = """\
# Tables

<!-- `make generate` writes this page from the tables' declarations. -->

Every column of every table, with its type in Postgres. Key columns are bold and never null; all
others may be null. Times are UTC, in columns without a time zone. Amounts and rates are exact.

Which keys eMAG documents, and which were only observed: [api-keys.md](api-keys.md).

The loader adds columns of its own, whose names begin with `_sdc_`. How to use all this:
[querying.md](querying.md). Which tables belong together: [tables-diagram.md](tables-diagram.md).
"""

VAT = """
## VAT in amounts

Whether VAT is in an amount, and how that is known. Documented is what eMAG's API documentation
4.5.1 gives; observed is what replies showed where the documentation is silent. Unknown is neither:
do not add such an amount to others. The description of each amount ends with the same words.

| VAT | amounts |
| --- | --- |"""


def files() -> dict[str, str | None]:
    """Return the page."""
    lines = [INTRODUCTION, *_overview(STREAMS), VAT, *_amounts(STREAMS)]
    for stream in STREAMS:
        lines += ["", *_page(stream)]
    return {"docs/tables.md": "\n".join(lines) + "\n"}


def postgres_type(schema: Mapping[str, Any]) -> str:
    """Return the type of column that the loader makes for a JSON schema."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    kind = kinds[0] if len(kinds) == 1 else "object"
    if kind == "string":
        return {"date-time": "timestamp", "date": "date"}.get(schema.get("format", ""), "text")
    return {"integer": "bigint", "number": "numeric", "boolean": "boolean"}.get(kind, "jsonb")


def _overview(streams: Iterable[type[EmagStream]]) -> Iterator[str]:
    yield "| table | a row is | key |"
    yield "| --- | --- | --- |"
    for stream in streams:
        name = stream.table.name
        yield f"| [`{name}`](#{name}) | {row_text(stream)} | {_keys(stream.table)} |"


def _amounts(streams: Iterable[type[EmagStream]]) -> Iterator[str]:
    """Yield a line for each thing that may be known of an amount's VAT."""
    tables = [stream.table for stream in streams]
    for vat in Vat:
        names = [f"`{t.name}.{c.name}`" for t in tables for c in t.columns if c.vat is vat]
        yield f"| {vat.value} | {', '.join(names)} |"


def _page(stream: type[EmagStream]) -> Iterator[str]:
    table = stream.table
    yield f"## {table.name}"
    yield ""
    yield f"{row_text(stream)} Key: {_keys(table)}."
    yield ""
    yield "| column | type | meaning |"
    yield "| --- | --- | --- |"
    for column in table.columns:
        yield f"| {_name(table, column)} | {postgres_type(column.type.schema)} | {_text(column)} |"


def row_text(stream: type[EmagStream]) -> str:
    """Return what one row of a table is, in a sentence."""
    row = ROWS.get(stream.table.name) or inspect.cleandoc(stream.__doc__ or "").partition("\n")[0]
    # A code list needs no more words than its code.
    row = row or next(
        c.description for c in stream.table.columns if c.name in stream.table.keys[2:]
    )
    return row if stream.selected_by_default else f"{row} Off by default."


def _keys(table: Table) -> str:
    return ", ".join(f"`{key}`" for key in table.keys)


def _name(table: Table, column: Column) -> str:
    name = f"`{column.name}`"
    return f"**{name}**" if column.name in table.keys else name


def _text(column: Column) -> str:
    return column.meaning.replace("|", "\\|")
