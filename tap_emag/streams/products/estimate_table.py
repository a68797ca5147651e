"""Tables of what eMAG answers about one offer: its commission, its Smart Deals price."""

from __future__ import annotations

from datetime import timezone

from tap_emag.schema.account_columns import ACCOUNT_COLUMNS, ACCOUNT_KEYS
from tap_emag.schema.column_types import INTEGER, MONEY, RATE, TIMESTAMP, Clock
from tap_emag.schema.table import FROM_CALLER, Column, Table, extra_column
from tap_emag.schema.vat import Vat

# The answer on Smart Deals contains no times, so any clock will do.
NO_CLOCK = Clock(timezone.utc)
OFFER_COLUMN = Column(
    "id",
    INTEGER,
    "The seller's own id of the offer that was asked about: `id` in products.",
    FROM_CALLER,
)
READ_AT = Column("read_at", TIMESTAMP, "When eMAG gave this answer, UTC.", FROM_CALLER)

COMMISSIONS = Table(
    "commissions",
    (*ACCOUNT_KEYS, "id"),
    (
        *ACCOUNT_COLUMNS,
        OFFER_COLUMN,
        READ_AT,
        Column(
            "value",
            RATE,
            "eMAG's estimated commission as sent, by all that is known percent of the price: 22.0"
            " is 22 %. eMAG documents neither the unit nor whether the price is the one with VAT.",
        ),
        Column("estimate_id", INTEGER, "The id inside eMAG's answer; not documented.", ("id",)),
        Column("created", TIMESTAMP, "When eMAG set the commission, UTC."),
        Column("end_date", TIMESTAMP, "When the commission ends, UTC; null when it has no end."),
        extra_column(),
    ),
)

SMART_DEALS = Table(
    "smart_deals",
    (*ACCOUNT_KEYS, "id"),
    (
        *ACCOUNT_COLUMNS,
        OFFER_COLUMN,
        READ_AT,
        Column(
            "smart_deals_price",
            MONEY,
            "Price at which the offer would earn the Smart Deals badge; null when eMAG names none."
            " Its currency is not documented.",
            vat=Vat.UNKNOWN,
        ),
        extra_column(),
    ),
)
