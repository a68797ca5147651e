"""The columns that every table has: the account a row belongs to."""

from __future__ import annotations

from tap_emag.schema.column_types import TEXT
from tap_emag.schema.table import FROM_CALLER, Column

ACCOUNT_KEYS = ("marketplace", "account_type")
ACCOUNT_COLUMNS = (
    Column(
        "marketplace",
        TEXT,
        "eMAG platform the row was read from, such as emag_ro.",
        FROM_CALLER,
    ),
    Column(
        "account_type",
        TEXT,
        "Label of the seller account the row was read from, such as main or fbe.",
        FROM_CALLER,
    ),
)
