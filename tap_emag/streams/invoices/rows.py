"""Turns an invoice of invoice/read or customer-invoice/read into rows of two tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_emag.schema.child_lists import split_children
from tap_emag.schema.identity import objects
from tap_emag.schema.keys import integer_or_none, text_key_of
from tap_emag.schema.table import unreported
from tap_emag.settings.account import Account
from tap_emag.streams.invoices.table import (
    CUSTOMER_INVOICE_LINES,
    CUSTOMER_INVOICES,
    INVOICE_CATEGORIES,
    INVOICE_LINES,
    INVOICES,
    TOTALS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from tap_emag.schema.child_lists import Row
    from tap_emag.schema.column_types import Clock
    from tap_emag.schema.table import Report, Table

__all__ = [
    "CUSTOMER_INVOICES",
    "CUSTOMER_INVOICE_LINES",
    "INVOICES",
    "INVOICE_CATEGORIES",
    "INVOICE_LINES",
    "Account",
    "InvoiceRows",
    "customer_invoice_rows",
    "invoice_category_row",
    "invoice_list",
    "invoice_rows",
    "invoice_total",
]


ENVELOPE = {"invoices", "results", "isError", "total_results"}


@dataclass(frozen=True)
class InvoiceRows:
    """One invoice's row, and those of its lines."""

    invoice: Row
    lines: list[Row] = field(default_factory=list)


def invoice_rows(
    raw: Mapping[str, Any], account: Account, clock: Clock, report: Report = unreported
) -> InvoiceRows:
    """Turn one invoice of invoice/read into rows of invoices and invoice_lines."""
    return _rows(INVOICES, INVOICE_LINES, raw, account, clock, report)


def customer_invoice_rows(
    raw: Mapping[str, Any], account: Account, clock: Clock, report: Report = unreported
) -> InvoiceRows:
    """Turn one invoice of customer-invoice/read into rows of customer_invoices and their lines."""
    return _rows(CUSTOMER_INVOICES, CUSTOMER_INVOICE_LINES, raw, account, clock, report)


def invoice_category_row(
    raw: Mapping[str, Any], account: Account, clock: Clock, report: Report = unreported
) -> Row:
    """Turn one kind of invoice of invoice/categories into its row."""
    given = {**account.columns(), "category": text_key_of(raw, "category")}
    return INVOICE_CATEGORIES.row(raw, clock, given, report)


def invoice_list(body: object) -> list[dict[str, Any]]:
    """Return the invoices in a reply, in any of eMAG's envelopes; values of another type as well.

    Args:
        body: A complete reply or its `results`: a list, an object with gaps in its numbering, one
            with the list in `invoices`, or a single invoice.
    """
    if isinstance(body, list) and len(body) == 1 and isinstance(body[0], list):
        body = body[0]
    if isinstance(body, list):
        return [invoice for item in body for invoice in _listed(item)]
    if not isinstance(body, dict) or not body:
        return objects([] if body in (None, "", {}) else [body])
    if body.keys() & {"number", "lines"}:
        return [body]
    for key in ("invoices", "results"):
        if body.get(key):
            return invoice_list(body[key])
    if all(key.isdecimal() for key in body):
        return invoice_list(list(body.values()))
    return [] if body.keys() & ENVELOPE else [body]


def _listed(item: object) -> list[dict[str, Any]]:
    """Return the invoices of one item of a list: the item, or those in its envelope."""
    enveloped = isinstance(item, dict) and item.keys() & ENVELOPE
    return invoice_list(item) if enveloped else objects([item])


def invoice_total(body: object) -> int | None:
    """Return the number of all invoices that a reply, or its `results`, contains; else None."""
    if isinstance(body, list):
        body = body[0] if len(body) == 1 else None
    if not isinstance(body, dict):
        return None
    total = integer_or_none(body.get("total_results"))
    return invoice_total(body.get("results")) if total is None else total


def _rows(
    table: Table,
    lines: Table,
    raw: Mapping[str, Any],
    account: Account,
    clock: Clock,
    report: Report,
) -> InvoiceRows:
    kept: Row = {}
    items = split_children(raw, "lines", table.name, kept, report)
    given = {**account.columns(), "number": text_key_of(raw, "number")}
    rows = InvoiceRows(table.row(raw, clock, given, report, kept))
    for name in TOTALS:
        rows.invoice[f"signed_{name}"] = _signed(rows.invoice[name], rows.invoice["is_storno"])
    for place, item in items:
        line = {**given, "position": place}
        rows.lines.append(lines.row(item, clock, line, report))
    return rows


def _signed(amount: Decimal | None, storno: bool | None) -> Decimal | None:  # noqa: FBT001
    return amount.copy_negate() if storno and amount and amount > 0 else amount
