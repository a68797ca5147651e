"""Tables of what hangs on a return: its lines, and what happened to it."""

from __future__ import annotations

from tap_emag.tables.account import ACCOUNT_COLUMNS, ACCOUNT_KEYS
from tap_emag.tables.table import GIVEN, Column, Table, extra_column
from tap_emag.types import INTEGER, MONEY, TEXT, TIMESTAMP

RETURN_COLUMN = Column("return_emag_id", INTEGER, "eMAG's number of the return.", GIVEN)
RETURN_FINGERPRINT = Column(
    "fingerprint",
    TEXT,
    "The return's `fingerprint` when this row was written. A row with another one than its"
    " return's is of an older version, and no longer part of the return.",
    GIVEN,
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
            " whose topmost are in return_reasons.",
        ),
        Column("observations", TEXT, "What the customer wrote on the line; may be personal data."),
        Column("diagnostic", TEXT, "What the seller found when looking at the goods."),
        Column("reject_reason", INTEGER, "Why the seller refused the line, as eMAG codes it."),
        Column(
            "retained_amount",
            MONEY,
            "Amount retained from the refund, as eMAG sends it, in the return's currency.",
        ),
        Column(
            "refund_value",
            MONEY,
            "Amount paid back, in the return's currency; documented, not sent where seen.",
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
            GIVEN,
        ),
        Column(
            "parent_position",
            INTEGER,
            "`position` of the status in which a refund was requested; 0 for status and action.",
            GIVEN,
        ),
        Column(
            "position",
            INTEGER,
            "Place, from 1, among the return's rows of the same kind, of a request among those of"
            " its status.",
            GIVEN,
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
            "Amount of the refund requested, in `currency`; null for other kinds.",
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
