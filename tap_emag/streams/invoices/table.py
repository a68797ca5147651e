"""Tables of invoices: eMAG's to the seller, and those to the customers."""

from __future__ import annotations

from tap_emag.schema.account_columns import ACCOUNT_COLUMNS, ACCOUNT_KEYS
from tap_emag.schema.column_types import DATE, FLAG, INTEGER, JSON_OBJECT, MONEY, NUMBER, RATE, TEXT
from tap_emag.schema.table import FROM_CALLER, Column, Table, extra_column
from tap_emag.schema.vat import Vat

TOTALS = ("total_without_vat", "total_vat_value", "total_with_vat")

_NUMBER = Column(
    "number",
    TEXT,
    "Number of the invoice with its series. One sent without it, or with one of over 255"
    " characters, has `unnamed-` and digits drawn from what was sent.",
)
_DATE = Column("date", DATE, "Day of the invoice, marketplace calendar.")
_IS_STORNO = Column(
    "is_storno", FLAG, "Whether the invoice takes another back, completely or in part (storno)."
)
_CURRENCY = Column("currency", TEXT, "Currency of the invoice's amounts, ISO 4217.")


def _parties(supplier: str, customer: str) -> tuple[Column, ...]:
    """Return the columns of who issued an invoice and who gets it."""
    keys = "name, register_number, cif, tax_code, iban, bank, address and others"
    return (
        Column("supplier", JSON_OBJECT, f"{supplier}, an object of {keys}."),
        Column("supplier_cif", TEXT, "Tax registration number of the supplier.", ("supplier.cif",)),
        Column("customer", JSON_OBJECT, f"{customer}, an object of {keys}."),
        Column("customer_cif", TEXT, "Tax registration number of the customer.", ("customer.cif",)),
    )


def _totals() -> tuple[Column, ...]:
    """Return the columns of an invoice's totals, as sent and with a sign that can be relied on."""
    whats = (
        ("Sum of the lines", Vat.EXCLUDED),
        ("VAT of all lines", Vat.ITSELF),
        ("Sum to be paid", Vat.INCLUDED),
    )
    totals = tuple((name, *what) for name, what in zip(TOTALS, whats, strict=True))
    return (
        *(
            Column(
                name,
                MONEY,
                f"{what}, in `currency`, exactly as sent: of a storno negative or not.",
                vat=vat,
            )
            for name, what, vat in totals
        ),
        *(
            Column(
                f"signed_{name}",
                MONEY,
                f"{what}, in `currency`: negative whenever `is_storno`, else as sent. For sums.",
                FROM_CALLER,
                vat=vat,
            )
            for name, what, vat in totals
        ),
    )


def _lines(name: str) -> Table:
    """Return a table of invoice lines."""
    return Table(
        name,
        (*ACCOUNT_KEYS, "number", "position"),
        (
            *ACCOUNT_COLUMNS,
            Column("number", TEXT, "Number of the invoice that has the line.", FROM_CALLER),
            Column("position", INTEGER, "Place, from 1, of the line on the invoice.", FROM_CALLER),
            Column("product_name", TEXT, "What is charged."),
            Column("unit_of_measure", TEXT, "Unit that is counted, such as Buc (piece)."),
            Column("quantity", NUMBER, "Units charged, as sent."),
            Column(
                "unit_price",
                MONEY,
                "Price of one unit, in the invoice's currency; without VAT in eMAG's samples.",
                vat=Vat.UNKNOWN,
            ),
            Column(
                "vat_rate",
                RATE,
                "VAT rate exactly as sent; in eMAG's documentation percent: 21 is 21 %.",
            ),
            Column(
                "value",
                MONEY,
                "Amount of the line, in the invoice's currency, its sign as sent.",
                vat=Vat.EXCLUDED,
            ),
            Column(
                "vat_value",
                MONEY,
                "VAT of the amount, in the invoice's currency, its sign as sent.",
                vat=Vat.ITSELF,
            ),
            extra_column(),
        ),
    )


INVOICES = Table(
    "invoices",
    (*ACCOUNT_KEYS, "number"),
    (
        *ACCOUNT_COLUMNS,
        _NUMBER,
        Column(
            "category",
            TEXT,
            "Kind of the invoice, such as FC commission: `category` in invoice_categories.",
        ),
        Column("name", TEXT, "Name of the kind of invoice."),
        _DATE,
        _IS_STORNO,
        *_parties("The company of eMAG's that charges", "The seller who is charged"),
        Column(
            "payment_term",
            INTEGER,
            "Term of payment where eMAG sends a number, as it documents; 0 was seen there.",
        ),
        Column(
            "payment_due_date",
            DATE,
            "Day by which to pay, where eMAG sends a date as the term of payment.",
            ("payment_term",),
        ),
        *_totals(),
        _CURRENCY,
        extra_column(),
    ),
    children=("lines",),
)

INVOICE_LINES = _lines("invoice_lines")

CUSTOMER_INVOICES = Table(
    "customer_invoices",
    (*ACCOUNT_KEYS, "number"),
    (
        *ACCOUNT_COLUMNS,
        _NUMBER,
        Column("category", TEXT, "Kind of the invoice: normal or storno."),
        Column("order_id", INTEGER, "Number of the order it charges: `id` in orders."),
        _DATE,
        _IS_STORNO,
        Column("reversal_for", TEXT, "`number` of the invoice that a storno takes back."),
        *_parties("The seller", "The customer of the order. Personal data"),
        *_totals(),
        _CURRENCY,
        extra_column(),
    ),
    children=("lines",),
)

CUSTOMER_INVOICE_LINES = _lines("customer_invoice_lines")

INVOICE_CATEGORIES = Table(
    "invoice_categories",
    (*ACCOUNT_KEYS, "category"),
    (
        *ACCOUNT_COLUMNS,
        Column(
            "category",
            TEXT,
            "Code of a kind of invoice that eMAG sends sellers, such as FC: `category` in"
            " invoices.",
        ),
        Column("name", TEXT, "Name of the kind of invoice."),
        extra_column(),
    ),
)
