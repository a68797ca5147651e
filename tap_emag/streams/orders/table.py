"""Tables of orders, their lines, vouchers and attachments."""

from __future__ import annotations

from tap_emag.schema.account_columns import ACCOUNT_COLUMNS, ACCOUNT_KEYS
from tap_emag.schema.column_types import (
    DATE,
    FLAG,
    ID_LIST,
    INTEGER,
    JSON_ANY,
    JSON_LIST,
    JSON_OBJECT,
    MONEY,
    RATE,
    TEXT,
    TIMESTAMP,
)
from tap_emag.schema.table import FROM_CALLER, Column, Table, extra_column
from tap_emag.schema.vat import Vat

ORDER_COLUMNS = (
    Column(
        "order_type", INTEGER, "Type of the order: 2 sent by eMAG, 3 by the seller.", FROM_CALLER
    ),
    Column("order_id", INTEGER, "Number of the order.", FROM_CALLER),
)


ORDER_MODIFIED = Column(
    "order_modified",
    TIMESTAMP,
    "The order's `modified` when this row was written, UTC. A row whose value is older than its"
    " order's is no longer part of the order.",
    FROM_CALLER,
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
            FROM_CALLER,
        ),
        ORDER_MODIFIED,
        Column("id", INTEGER, "eMAG's id of this use of the voucher."),
        Column("voucher_name", TEXT, "Name of the voucher."),
        Column("status", INTEGER, "Status code of the voucher, as eMAG sends it."),
        Column(
            "sale_price",
            MONEY,
            "Discount over the complete order, negative, in the order's currency.",
            vat=Vat.EXCLUDED,
        ),
        Column(
            "sale_price_vat",
            MONEY,
            "VAT of the discount, negative, in the order's currency.",
            vat=Vat.ITSELF,
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
            FROM_CALLER,
        ),
        Column(
            "order_line_id",
            INTEGER,
            "`id` of the order line the discount falls on; 0 for shipping.",
            FROM_CALLER,
        ),
        Column(
            "warranty_position",
            INTEGER,
            "Place, from 1, of the deposit in the line's `recycle_warranties`; 0 on other levels.",
            FROM_CALLER,
        ),
        Column(
            "position",
            INTEGER,
            "Place, from 1, among the rows of the same level, line and deposit. One discount has"
            " several rows when VAT rates differ or eMAG and the seller share it.",
            FROM_CALLER,
        ),
        ORDER_MODIFIED,
        Column("voucher_id", INTEGER, "Voucher the discount comes from."),
        Column(
            "value",
            MONEY,
            "Discount, negative, in the order's currency.",
            vat=Vat.EXCLUDED,
        ),
        Column(
            "vat_value",
            MONEY,
            "VAT of the discount, negative, in the order's currency.",
            vat=Vat.ITSELF,
        ),
        Column("vat", RATE, "VAT rate of the discount as a fraction: 0.21 is 21 %."),
        Column(
            "offered_by",
            TEXT,
            "Who pays for the discount: seller or eMAG; documented for the level line.",
        ),
        Column("voucher_name", TEXT, "Name of the voucher; sent since July 2025."),
        extra_column(),
    ),
)


ORDER_ATTACHMENTS = Table(
    "order_attachments",
    (*ACCOUNT_KEYS, "order_type", "order_id", "order_line_id", "url_hash", "position"),
    (
        *ACCOUNT_COLUMNS,
        # Some replies contain these two as well; a value that differs goes to `extra`.
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
            FROM_CALLER,
        ),
        Column(
            "url_hash",
            TEXT,
            "SHA-256 of `url`, 64 hex digits; of the empty text where there is no url.",
            FROM_CALLER,
        ),
        Column(
            "position",
            INTEGER,
            "1 for the first document of this url in the same place, 2 should it come again.",
            FROM_CALLER,
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
            "Order line the document was made for, where the API names it.",
        ),
        extra_column(),
    ),
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
        Column(
            "part_number",
            TEXT,
            "Code of the product, at most 25 characters: by eMAG's documentation the"
            " manufacturer's, which belongs to the PNK; where seen the seller's.",
        ),
        Column(
            "ext_part_number",
            TEXT,
            "The seller's own code of the product, at most 25 characters; equals `part_number`"
            " where the product's documentation is the seller's.",
        ),
        Column("part_number_key", TEXT, "eMAG's code of the product (PNK), part of its web page."),
        Column("status", INTEGER, "State of the line: 1 active, 0 cancelled."),
        Column(
            "quantity",
            INTEGER,
            "Pieces that remain, `initial_qty` less `storno_qty`; 0 when all were returned.",
        ),
        Column("initial_qty", INTEGER, "Pieces ordered."),
        Column("storno_qty", INTEGER, "Pieces taken back or cancelled after the order was sent."),
        Column("sale_price", MONEY, "Price of one piece, in `currency`.", vat=Vat.EXCLUDED),
        Column(
            "original_price",
            MONEY,
            "Price of one piece before discounts, in `currency`; not documented.",
            vat=Vat.EXCLUDED_OBSERVED,
        ),
        Column("currency", TEXT, "Currency of the line's amounts, ISO 4217."),
        Column(
            "vat",
            RATE,
            "VAT rate as a fraction: 0.21 is 21 %. In eMAG's sample, not in its list of keys.",
        ),
        Column(
            "retained_amount",
            MONEY,
            "Amount retained on the line, as eMAG sends it; neither that nor its currency is"
            " documented.",
            vat=Vat.UNKNOWN,
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
            "Deposits on the packaging: quantity, sale_price, vat_rate, product_name. Their"
            " discounts are in order_voucher_splits.",
            vat=Vat.EXCLUDED,
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
    indexes=(("product_id",),),
)


ORDERS = Table(
    "orders",
    (*ACCOUNT_KEYS, "type", "id"),
    (
        *ACCOUNT_COLUMNS,
        Column("type", INTEGER, "Who sends the order: 2 eMAG from its own stock, 3 the seller."),
        Column(
            "id",
            INTEGER,
            "Number of the order. The same number may occur in two accounts.",
        ),
        Column("vendor_name", TEXT, "Name of the seller account as eMAG shows it."),
        Column("parent_id", INTEGER, "Order this one belongs to; mostly null."),
        Column("date", TIMESTAMP, "When the customer placed the order, UTC."),
        Column("created", TIMESTAMP, "When the order's record was made, UTC; rarely sent."),
        Column(
            "modified",
            TIMESTAMP,
            "When the order last changed, UTC; what the incremental sync goes by.",
        ),
        Column(
            "status",
            INTEGER,
            "0 cancelled, 1 new, 2 in progress, 3 prepared, 4 finalized, 5 returned. Finalized and"
            " cancelled orders can change again; a partial return stays at 4.",
        ),
        Column("is_complete", FLAG, "False while eMAG may still complete the order's data."),
        Column(
            "payment_mode",
            TEXT,
            "Way of paying in the marketplace's language, such as RAMBURS (cash on delivery).",
        ),
        Column(
            "payment_mode_id",
            INTEGER,
            "1 cash on delivery, 2 bank transfer, 3 card online; null in some since February 2026.",
        ),
        Column("detailed_payment_method", TEXT, "Way of paying in detail, such as eCREDIT."),
        Column("delivery_payment_mode", TEXT, "How the delivery is paid for."),
        Column(
            "delivery_mode",
            TEXT,
            "How the parcel reaches the customer: courier, pickup (a locker), and others that eMAG"
            " does not document.",
        ),
        Column(
            "payment_status",
            INTEGER,
            "0 not paid, 1 paid; cash on delivery stays 0 until eMAG has the money.",
        ),
        Column(
            "cashed_co",
            MONEY,
            "Amount cashed from the customer's card, not the amount due; null and 0 were seen. Its"
            " currency is not documented.",
            vat=Vat.UNKNOWN,
        ),
        Column(
            "cashed_cod",
            MONEY,
            "Amount cashed on delivery, not the amount due; 0 was seen. Its currency is not"
            " documented.",
            vat=Vat.UNKNOWN,
        ),
        Column(
            "shipping_tax",
            MONEY,
            "Shipping fee that the customer pays. Mind that the prices of the lines are without"
            " VAT.",
            vat=Vat.INCLUDED_OBSERVED,
        ),
        Column(
            "customer",
            JSON_OBJECT,
            "The customer as one object: name, company, codes, phones, billing_… and shipping_…"
            " address, email (an alias, no mailbox); its times are local. Personal data: leave"
            " the column out to load none of it.",
        ),
        Column("customer_id", INTEGER, "eMAG's id of the customer.", ("customer.id",)),
        Column("proforms", JSON_LIST, "Proforma invoices of the order, as sent; mostly empty."),
        Column(
            "details",
            JSON_OBJECT,
            "Delivery to a locker or office: locker_id, locker_name, locker_delivery_eligible (0,"
            " 1), courier_external_office_id. Null when there is none.",
        ),
        Column("observation", TEXT, "Note on the order, written by a person."),
        Column(
            "is_storno",
            FLAG,
            "Whether the order was returned in part; documented for what sellers send eMAG.",
        ),
        Column(
            "reason_cancellation_id",
            INTEGER,
            "Why the order was cancelled, such as 1 out of stock, 2 by the client, 3 client not"
            " reached, 19 not paid, 20 undelivered, 22 incomplete, 24 at the customer's request.",
            (
                "reason_cancellation.id",
                "reason_cancellation",
                "cancellation_reason.id",
                "cancellation_reason",
            ),
        ),
        Column(
            "reason_cancellation_name",
            TEXT,
            "Why the order was cancelled, in the marketplace's language.",
            ("reason_cancellation.name", "cancellation_reason.name"),
        ),
        Column(
            "cancellation_request",
            TIMESTAMP,
            "When the customer asked to cancel the order, UTC; null if never.",
        ),
        Column("has_editable_products", FLAG, "Whether the seller may still change the lines."),
        Column(
            "refunded_amount",
            MONEY,
            "Amount paid back to the customer; neither that nor its currency is documented.",
            vat=Vat.UNKNOWN,
        ),
        Column("refund_status", TEXT, "How far the refund is, in eMAG's words."),
        Column("maximum_date_for_shipment", TIMESTAMP, "When the order has to be sent by, UTC."),
        Column("finalization_date", TIMESTAMP, "When the order was finalized, UTC."),
        Column("late_shipment", FLAG, "Whether the order was sent after its deadline."),
        Column("flags", JSON_LIST, "Marks on the order, each an object of flag and value."),
        Column("emag_club", FLAG, "Whether the customer is in eMAG's loyalty programme (Genius)."),
        Column("weekend_delivery", FLAG, "Whether delivery at the weekend was chosen."),
        Column(
            "enforced_vendor_courier_accounts",
            ID_LIST,
            "Courier accounts allowed. Null: any; a list: these alone; an empty list: none,"
            " no AWB can be issued through eMAG.",
        ),
        Column(
            "currency",
            TEXT,
            "Currency of the order's amounts, ISO 4217; since November 2025. Only that of lines is"
            " documented.",
        ),
        extra_column(),
    ),
    children=("products", "vouchers", "attachments", "shipping_tax_voucher_split"),
    indexes=(("date",), ("modified",)),
)
