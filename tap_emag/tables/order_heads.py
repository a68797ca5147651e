"""The table of orders: one row an order, without what has a table of its own."""

from __future__ import annotations

from tap_emag.tables.account import ACCOUNT_COLUMNS, ACCOUNT_KEYS
from tap_emag.tables.table import Column, Table, extra_column
from tap_emag.types import (
    FLAG,
    ID_LIST,
    INTEGER,
    JSON_LIST,
    JSON_OBJECT,
    MONEY,
    TEXT,
    TIMESTAMP,
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
            "How the parcel reaches the customer: courier, pickup (a locker), and others.",
        ),
        Column(
            "payment_status", INTEGER, "0 not paid, 1 paid; cash on delivery stays 0 till then."
        ),
        Column("cashed_co", MONEY, "Amount the customer paid by card, in the order's currency."),
        Column("cashed_cod", MONEY, "Amount to be paid in cash on delivery."),
        Column(
            "shipping_tax",
            MONEY,
            "Shipping fee paid by the customer, VAT included, unlike the prices of the lines.",
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
        Column("is_storno", FLAG, "Whether the order is marked as returned in part."),
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
        Column("refunded_amount", MONEY, "Amount paid back, in the order's currency."),
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
        Column("currency", TEXT, "Currency of the order's amounts, ISO 4217; since November 2025."),
        extra_column(),
    ),
    children=("products", "vouchers", "attachments", "shipping_tax_voucher_split"),
)
