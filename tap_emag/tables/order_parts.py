"""Tables of what hangs on an order: its vouchers, how they were split, its documents."""

from __future__ import annotations

from tap_emag.tables.account import ACCOUNT_COLUMNS, ACCOUNT_KEYS
from tap_emag.tables.table import GIVEN, Column, Table, extra_column
from tap_emag.types import DATE, FLAG, INTEGER, MONEY, RATE, TEXT, TIMESTAMP

ORDER_COLUMNS = (
    Column("order_type", INTEGER, "Type of the order: 2 sent by eMAG, 3 by the seller.", GIVEN),
    Column("order_id", INTEGER, "Number of the order.", GIVEN),
)
ORDER_MODIFIED = Column(
    "order_modified",
    TIMESTAMP,
    "The order's `modified` when this row was written, UTC. A row whose value is older than its"
    " order's is no longer part of the order.",
    GIVEN,
)

ORDER_VOUCHERS = Table(
    "order_vouchers",
    (*ACCOUNT_KEYS, "order_type", "order_id", "voucher_id", "position"),
    (
        *ACCOUNT_COLUMNS,
        *ORDER_COLUMNS,
        Column(
            "voucher_id",
            INTEGER,
            "Voucher that was used; one voucher may be used in many orders. Its `id`, else 0, where"
            " the API names no voucher.",
        ),
        Column(
            "position",
            INTEGER,
            "1 for the first row of this voucher in the order, 2 should it come again.",
            GIVEN,
        ),
        ORDER_MODIFIED,
        Column("id", INTEGER, "eMAG's id of this use of the voucher."),
        Column("voucher_name", TEXT, "Name of the voucher."),
        Column("status", INTEGER, "Status code of the voucher, as eMAG sends it."),
        Column(
            "sale_price",
            MONEY,
            "Discount over the whole order without VAT, negative, in the order's currency.",
        ),
        Column(
            "sale_price_vat",
            MONEY,
            "VAT of the discount, negative, in the order's currency.",
        ),
        Column("vat", RATE, "VAT rate of the discount as a fraction: 0.21 is 21 %."),
        Column("created", TIMESTAMP, "When the voucher was put on the order, UTC."),
        Column("modified", TIMESTAMP, "When this use of the voucher last changed, UTC."),
        Column("issue_date", DATE, "Day on which the voucher was issued, marketplace calendar."),
        extra_column(),
    ),
)

ORDER_VOUCHER_SPLITS = Table(
    "order_voucher_splits",
    (
        *ACCOUNT_KEYS,
        "order_type",
        "order_id",
        "level",
        "order_line_id",
        "warranty_position",
        "position",
    ),
    (
        *ACCOUNT_COLUMNS,
        *ORDER_COLUMNS,
        Column(
            "level",
            TEXT,
            "What the discount falls on: line (the product), shipping (the shipping fee) or"
            " recycle_warranty (a deposit on the product's packaging).",
            GIVEN,
        ),
        Column(
            "order_line_id",
            INTEGER,
            "`id` of the order line the discount falls on; 0 for shipping.",
            GIVEN,
        ),
        Column(
            "warranty_position",
            INTEGER,
            "Place, from 1, of the deposit in the line's `recycle_warranties`; 0 on other levels.",
            GIVEN,
        ),
        Column(
            "position",
            INTEGER,
            "Place, from 1, among the rows of the same level, line and deposit. One discount has"
            " several rows when VAT rates differ or eMAG and the seller share it.",
            GIVEN,
        ),
        ORDER_MODIFIED,
        Column("voucher_id", INTEGER, "Voucher the discount comes from."),
        Column(
            "value",
            MONEY,
            "Discount without VAT, negative, in the order's currency.",
        ),
        Column("vat_value", MONEY, "VAT of the discount, negative, in the order's currency."),
        Column("vat", RATE, "VAT rate of the discount as a fraction: 0.21 is 21 %."),
        Column("offered_by", TEXT, "Who pays for the discount: seller or eMAG."),
        Column("voucher_name", TEXT, "Name of the voucher; sent since July 2025."),
        extra_column(),
    ),
)

ORDER_ATTACHMENTS = Table(
    "order_attachments",
    (*ACCOUNT_KEYS, "order_type", "order_id", "order_line_id", "url_hash", "position"),
    (
        *ACCOUNT_COLUMNS,
        # The wire has these two as well, in some replies; a differing one would land in `extra`.
        Column(
            "order_type",
            INTEGER,
            "Type of the order the document hangs on: 2 sent by eMAG, 3 sent by the seller.",
        ),
        Column("order_id", INTEGER, "Number of the order the document hangs on."),
        Column(
            "order_line_id",
            INTEGER,
            "`id` of the order line the document hangs on; 0 for the order itself.",
            GIVEN,
        ),
        Column(
            "url_hash",
            TEXT,
            "SHA-256 of `url`, 64 hex digits; of the empty text where there is no url.",
            GIVEN,
        ),
        Column(
            "position",
            INTEGER,
            "1 for the first document of this url in the same place, 2 should it come again.",
            GIVEN,
        ),
        ORDER_MODIFIED,
        Column("name", TEXT, "File name or title shown to the customer."),
        Column("url", TEXT, "Address the document is fetched from, at most 1024 characters."),
        Column(
            "type",
            INTEGER,
            "Kind of document: 1 invoice, 3 warranty, 4 manual, 8 guide, 10 AWB, 11 proforma;"
            " others occur.",
        ),
        Column("force_download", FLAG, "Whether the file is to be fetched again."),
        Column("visibility", TEXT, "Who sees the document, such as public."),
        Column(
            "order_product_id",
            INTEGER,
            "Order line the document was made for, where the API says so.",
        ),
        extra_column(),
    ),
)
