"""The table of invalid rows, which no other table can store."""

from __future__ import annotations

from tap_emag.schema.account_columns import ACCOUNT_COLUMNS, ACCOUNT_KEYS
from tap_emag.schema.column_types import JSON_OBJECT, TEXT, TIMESTAMP
from tap_emag.schema.table import FROM_CALLER, Column, Table

REJECTED_ROWS = Table(
    "rejected_rows",
    (*ACCOUNT_KEYS, "stream", "row_hash"),
    (
        *ACCOUNT_COLUMNS,
        Column("stream", TEXT, "Table that the row was meant for, such as orders.", FROM_CALLER),
        Column(
            "row_hash",
            TEXT,
            "SHA-256 of `row`, 64 hex digits: the same row is kept once, however often it comes.",
            FROM_CALLER,
        ),
        Column(
            "reason",
            TEXT,
            "Why the table could not take it: not an object, no id, or a failure of the tap.",
            FROM_CALLER,
        ),
        Column(
            "row",
            TEXT,
            "The row as eMAG sent it, as JSON text, keys in alphabetical order: `row::jsonb` reads"
            " it. May be personal data.",
            FROM_CALLER,
        ),
        Column(
            "partition",
            JSON_OBJECT,
            "What was asked for when it came, such as the type of orders; null where nothing was.",
            FROM_CALLER,
        ),
        Column("seen_at", TIMESTAMP, "When the tap last read the row, UTC.", FROM_CALLER),
    ),
)
