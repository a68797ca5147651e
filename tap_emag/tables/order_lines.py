"""The table of order lines: one row for each product of an order."""

from __future__ import annotations

from tap_emag.tables.account import ACCOUNT_COLUMNS, ACCOUNT_KEYS
from tap_emag.tables.order_parts import ORDER_COLUMNS, ORDER_MODIFIED
from tap_emag.tables.table import Column, Table, extra_column
from tap_emag.types import (
    FLAG,
    INTEGER,
    JSON_ANY,
    JSON_LIST,
    MONEY,
    RATE,
    TEXT,
    TIMESTAMP,
)

ORDER_LINES = Table(
    "order_lines",
    (*ACCOUNT_KEYS, "order_type", "order_id", "id"),
    (
        *ACCOUNT_COLUMNS,
        *ORDER_COLUMNS,
        Column(
            "id",
            INTEGER,
            "eMAG's id of the line, the same through every status of the order. A line sent without"
            " one has minus its place in the order: -1 for the first.",
        ),
        ORDER_MODIFIED,
        Column("product_id", INTEGER, "The seller's own id of the offer: `id` in products."),
        Column(
            "mkt_id",
            INTEGER,
            "eMAG's internal id of the product; null in some since October 2025.",
        ),
        Column("name", TEXT, "Name of the product at the time of the order."),
        Column("part_number", TEXT, "The seller's code of the product, at most 25 characters."),
        Column("ext_part_number", TEXT, "The seller's code of the product as eMAG was told it."),
        Column("part_number_key", TEXT, "eMAG's code of the product (PNK), part of its web page."),
        Column("status", INTEGER, "State of the line: 1 active, 0 cancelled."),
        Column(
            "quantity",
            INTEGER,
            "Pieces that remain, `initial_qty` less `storno_qty`; 0 when all were returned.",
        ),
        Column("initial_qty", INTEGER, "Pieces ordered."),
        Column("storno_qty", INTEGER, "Pieces taken back or cancelled after the order was sent."),
        Column("sale_price", MONEY, "Price of one piece without VAT, in `currency`."),
        Column("original_price", MONEY, "Price of one piece before discounts, without VAT."),
        Column("currency", TEXT, "Currency of the line's amounts, ISO 4217."),
        Column("vat", RATE, "VAT rate as a fraction: 0.21 is 21 %."),
        Column(
            "retained_amount",
            MONEY,
            "Amount retained on the line, as eMAG sends it, in `currency`.",
        ),
        Column(
            "reversible_vat_charging",
            FLAG,
            "Whether the buyer, not the seller, owes the VAT (reverse charge).",
        ),
        Column("created", TIMESTAMP, "When the line was made, UTC."),
        Column("modified", TIMESTAMP, "When the line last changed, UTC."),
        Column("details", JSON_ANY, "Notes on the line: text, or a list that is mostly empty."),
        Column(
            "recycle_warranties",
            JSON_LIST,
            "Deposits on the packaging: quantity, sale_price without VAT, vat_rate, product_name."
            " Their discounts stand in order_voucher_splits.",
        ),
        Column(
            "serial_numbers",
            TEXT,
            "Serial numbers or IMEI codes of the pieces sent; known since June 2025.",
        ),
        Column(
            "campaign_id",
            INTEGER,
            "Campaign the line was sold in; null outside campaigns, and for some within.",
            ("campaign.id",),
        ),
        Column(
            "campaign_name",
            TEXT,
            "Name of the campaign the line was sold in; sent since July 2026.",
            ("campaign.name",),
        ),
        extra_column(),
    ),
    children=("product_voucher_split", "attachments"),
)
