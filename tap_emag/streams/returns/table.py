"""Tables of returns, their lines and events."""

from __future__ import annotations

from tap_emag.schema.account_columns import ACCOUNT_COLUMNS, ACCOUNT_KEYS
from tap_emag.schema.column_types import (
    DATE,
    DAY,
    FLAG,
    INTEGER,
    JSON_LIST,
    JSON_OBJECT,
    MONEY,
    TEXT,
    TIMESTAMP,
)
from tap_emag.schema.table import FROM_CALLER, Column, Table, extra_column
from tap_emag.schema.vat import Vat

_WHAT = (
    Column("emag_id", INTEGER, "eMAG's number of the return."),
    Column(
        "fingerprint",
        TEXT,
        "Version of the return, drawn by the tap from all that eMAG sent of it, since eMAG sends no"
        " time of change. Lines and events with another fingerprint are of an older version.",
        FROM_CALLER,
    ),
    Column(
        "id",
        INTEGER,
        "The seller's own number of the return; documented, though its changelog took it out with"
        " 4.4.6, and not sent where seen.",
    ),
    Column(
        "vendor_id", INTEGER, "eMAG's id of the seller; in its sample alone, not sent where seen."
    ),
    Column("order_id", INTEGER, "Number of the order the goods come from: `id` in orders."),
    Column("type", INTEGER, "Who sent the order: 2 eMAG from its own stock, 3 the seller."),
    Column("return_parent_id", INTEGER, "Return this one belongs to; mostly null."),
    Column("date", TIMESTAMP, "When the customer opened the return, UTC; changes do not move it."),
    Column(
        "request_status",
        INTEGER,
        "1 incomplete, 2 new, 3 acknowledged, 4 refused, 5 cancelled, 6 received, 7 finalized;"
        " 4, 5 and 7 are final.",
    ),
    Column(
        "request_status_reason",
        INTEGER,
        "Why it has this status, a code; neither the key nor a list of codes is documented.",
    ),
    Column(
        "return_type",
        INTEGER,
        "What the customer wants: 1 the same product, 2 a different product, 3 a refund, 4 the"
        " payment contract cancelled, 5 a voucher.",
    ),
    Column(
        "return_reason",
        INTEGER,
        "Why the goods come back: the deepest reason chosen in eMAG's tree of three levels, which"
        " return_reasons contains.",
    ),
    Column("observations", TEXT, "What the customer wrote; may contain personal data."),
    Column("is_full_fbe", FLAG, "Whether eMAG handles the complete return (fulfilment by eMAG)."),
    Column("is_club", FLAG, "Whether the customer is in eMAG's loyalty programme (Genius)."),
    Column("is_fast", FLAG, "Whether eMAG treats the return as a fast one."),
    Column(
        "finalized_with_incident",
        FLAG,
        "Whether it was finalized with an incident, by the key's name; not documented, since"
        " February 2026.",
    ),
    Column(
        "invoice_number",
        TEXT,
        "Number of the invoice of the order; documented, though its changelog took it out with"
        " 4.4.6, and not sent where seen.",
    ),
)

_WHO = (
    Column("customer_name", TEXT, "Name of the customer. Personal data."),
    Column("customer_company", TEXT, "Company of the customer. Personal data."),
    Column("customer_phone", TEXT, "Telephone of the customer. Personal data."),
    Column("customer_email", TEXT, "Email of the customer, no longer sent. Personal data."),
    Column(
        "customer_account_iban",
        TEXT,
        "Bank account (IBAN) the customer wants the refund on. Personal data.",
    ),
    Column("customer_account_bank", TEXT, "Bank the customer wants the refund at. Personal data."),
    Column(
        "customer_account_beneficiary",
        TEXT,
        "Holder of the bank account for the refund. Personal data.",
    ),
    Column("country", TEXT, "Country of the return, such as RO."),
)

_PICKUP = (
    Column(
        "pickup_method",
        INTEGER,
        "How the goods come back: 1 eMAG's courier, 2 the seller's courier, 3 sent by the client.",
    ),
    Column(
        "pickup_date",
        DAY,
        "Day of the pickup, marketplace calendar. eMAG documents a day with a time, and shows a"
        " bare day in its example; not sent where seen.",
    ),
    Column(
        "pickup_at",
        TIMESTAMP,
        "Time of the pickup, UTC; null where eMAG sends a bare day as `pickup_date`.",
        ("pickup_date",),
    ),
    Column("pickup_country", TEXT, "Country the goods are fetched from. Personal data."),
    Column("pickup_suburb", TEXT, "County the goods are fetched from. Personal data."),
    Column("pickup_city", TEXT, "Town the goods are fetched from. Personal data."),
    Column("pickup_address", TEXT, "Street and number of the pickup. Personal data."),
    Column("pickup_zipcode", TEXT, "Postal code of the pickup. Personal data."),
    Column(
        "pickup_locality_id",
        INTEGER,
        "Place of the pickup: `emag_id` in localities. Personal data.",
    ),
    Column(
        "pickup_address_id",
        INTEGER,
        "eMAG's id of the pickup's address; documented, not sent where seen.",
    ),
    Column("address_type", TEXT, "Kind of address the goods are fetched from, in eMAG's words."),
    Column(
        "locker",
        JSON_OBJECT,
        "Return through a locker: locker_hash, locker_pin (which opens it) and"
        " locker_pin_interval_end, whose time is local. Null when there is none.",
    ),
    Column("courier_name", TEXT, "Courier who brings the goods; since July 2026."),
    Column(
        "awbs",
        JSON_LIST,
        "Reservations of parcels, objects of reservation_id: `reservation_id` in awbs.",
    ),
    Column(
        "return_address_id", INTEGER, "Address the goods go to: `address_id` in addresses, a text."
    ),
    Column(
        "return_address_snapshot",
        TEXT,
        "Address the goods go to, as it was when the return was opened.",
    ),
    Column(
        "maximum_finalization_date",
        DATE,
        "Day by which the return has to be finalized, marketplace calendar.",
        ("extra_info.maximum_finalization_date",),
    ),
    Column(
        "first_pickup_date",
        DATE,
        "Day on which the goods were first to be fetched, marketplace calendar.",
        ("extra_info.first_pickup_date",),
    ),
    Column(
        "estimated_product_pickup",
        DATE,
        "Day on which the goods should be fetched, marketplace calendar.",
        ("extra_info.estimated_product_pickup",),
    ),
    Column(
        "estimated_product_reception",
        DATE,
        "Day on which the goods should arrive, marketplace calendar.",
        ("extra_info.estimated_product_reception",),
    ),
)

_REPLACEMENT = (
    Column(
        "replacement_product_emag_id",
        INTEGER,
        "eMAG's id of the product wanted instead; null or 0 when none is.",
    ),
    Column(
        "replacement_product_id",
        INTEGER,
        "The seller's own id of the offer wanted instead: `id` in products; 0 when none is.",
    ),
    Column("replacement_product_name", TEXT, "Name of the product wanted instead."),
    Column("replacement_product_quantity", INTEGER, "Pieces wanted instead; 0 when none are."),
    Column(
        "swap",
        TEXT,
        "Exchange the return is part of, by the key's name; in eMAG's samples alone, mostly null.",
    ),
    Column(
        "return_tax_value",
        MONEY,
        "Fee the customer pays for the return, in `currency`.",
        vat=Vat.INCLUDED,
    ),
    Column(
        "currency",
        TEXT,
        "Currency of `return_tax_value`, and of `retained_amount` of the lines, ISO 4217; since"
        " December 2025.",
    ),
)

RETURNS = Table(
    "returns",
    (*ACCOUNT_KEYS, "emag_id"),
    (*ACCOUNT_COLUMNS, *_WHAT, *_WHO, *_PICKUP, *_REPLACEMENT, extra_column()),
    children=("products", "status_history", "request_history"),
    indexes=(("order_id",),),
)


RETURN_COLUMN = Column("return_emag_id", INTEGER, "eMAG's number of the return.", FROM_CALLER)


RETURN_FINGERPRINT = Column(
    "fingerprint",
    TEXT,
    "The return's `fingerprint` when this row was written. A row with another one than its"
    " return's is of an older version, and no longer part of the return.",
    FROM_CALLER,
)


RETURN_LINES = Table(
    "return_lines",
    (*ACCOUNT_KEYS, "return_emag_id", "id"),
    (
        *ACCOUNT_COLUMNS,
        RETURN_COLUMN,
        Column(
            "id",
            INTEGER,
            "eMAG's id of the line. A line sent without one has minus its place in the return: -1"
            " for the first.",
        ),
        RETURN_FINGERPRINT,
        Column("product_emag_id", INTEGER, "eMAG's id of the product."),
        Column("product_id", INTEGER, "The seller's own id of the offer: `id` in products."),
        Column("product_name", TEXT, "Name of the product."),
        Column("quantity", INTEGER, "Pieces that come back."),
        Column(
            "return_reason",
            INTEGER,
            "Why the line comes back: the deepest reason chosen in eMAG's tree of three levels,"
            " which return_reasons contains.",
        ),
        Column("observations", TEXT, "What the customer wrote on the line; may be personal data."),
        Column(
            "diagnostic",
            TEXT,
            "What the goods were found to be. eMAG documents a number, and no list of codes.",
        ),
        Column(
            "reject_reason",
            INTEGER,
            "Why the line was refused, a code; eMAG documents no list of codes.",
        ),
        Column(
            "retained_amount",
            MONEY,
            "Amount retained from the refund, in the return's `currency`.",
            vat=Vat.UNKNOWN,
        ),
        Column(
            "refund_value",
            MONEY,
            "Amount paid back; documented as text and without its currency, not sent where seen.",
            vat=Vat.UNKNOWN,
        ),
        extra_column(),
    ),
)


RETURN_EVENTS = Table(
    "return_events",
    (*ACCOUNT_KEYS, "return_emag_id", "kind", "parent_position", "position"),
    (
        *ACCOUNT_COLUMNS,
        RETURN_COLUMN,
        Column(
            "kind",
            TEXT,
            "What the row is: status (the return reached a status), request (a request for a refund"
            " made in a status) or action (someone did something).",
            FROM_CALLER,
        ),
        Column(
            "parent_position",
            INTEGER,
            "`position` of the status in which a refund was requested; 0 for status and action.",
            FROM_CALLER,
        ),
        Column(
            "position",
            INTEGER,
            "Place, from 1, among the return's rows of the same kind, of a request among those of"
            " its status.",
            FROM_CALLER,
        ),
        RETURN_FINGERPRINT,
        Column(
            "date",
            TIMESTAMP,
            "When it happened, UTC: the date of a status or an action (to the minute), the creation"
            " of a request.",
            ("date", "event_date", "created"),
        ),
        Column("code", TEXT, "Status the return reached, in eMAG's words; null for other kinds."),
        Column(
            "amount",
            MONEY,
            "Amount of the refund requested, in `currency`; not documented. Null for other kinds.",
            vat=Vat.UNKNOWN,
        ),
        Column("currency", TEXT, "Currency of the refund, ISO 4217; since December 2025."),
        Column("refund_type", TEXT, "Way of the refund requested, in eMAG's words."),
        Column("refund_status", TEXT, "How far the refund requested is, in eMAG's words."),
        Column("status_date", TIMESTAMP, "When the refund reached its `refund_status`, UTC."),
        Column("rma_id", INTEGER, "Return the refund was requested for, as eMAG repeats it."),
        Column("id", INTEGER, "eMAG's id of the action; null for other kinds."),
        Column("user_name", TEXT, "Who did the action. May be personal data.", ("user",)),
        Column("action", TEXT, "What was done, in eMAG's words."),
        Column("action_type", TEXT, "Kind of what was done, in eMAG's words."),
        Column("source", TEXT, "Where the action came from, in eMAG's words."),
        extra_column(),
    ),
    children=("requests",),
)
