"""The table of syncs: a row for each stream of each run."""

from __future__ import annotations

from tap_emag.schema.account_columns import ACCOUNT_COLUMNS, ACCOUNT_KEYS
from tap_emag.schema.column_types import FLAG, INTEGER, TEXT, TIMESTAMP
from tap_emag.schema.table import FROM_CALLER, Column, Table

SYNCS = Table(
    "syncs",
    (*ACCOUNT_KEYS, "run_id", "stream", "started"),
    (
        *ACCOUNT_COLUMNS,
        Column(
            "run_id",
            TEXT,
            "Id of the run: Meltano's, where Meltano has started it.",
            FROM_CALLER,
        ),
        Column("stream", TEXT, "Table that was read, such as orders.", FROM_CALLER),
        Column(
            "started",
            TIMESTAMP,
            "When the run began to read the stream; when the run ended, if it did not get there.",
            FROM_CALLER,
        ),
        Column("ended", TIMESTAMP, "When the run ended reading the stream.", FROM_CALLER),
        Column(
            "state",
            TEXT,
            "completed, failed or timed_out, as in metrics and webhooks. A stream that the run did"
            " not get to has the state of the run.",
            FROM_CALLER,
        ),
        Column(
            "mode",
            TEXT,
            "full or incremental, which goes on from the bookmark; null if it was not begun.",
            FROM_CALLER,
        ),
        Column(
            "complete",
            FLAG,
            "Whether the stream was read to its end, and its tables could take every row.",
            FROM_CALLER,
        ),
        Column(
            "read_up_to",
            TIMESTAMP,
            "The stream's bookmark: what eMAG had changed before it is in the table. Null before a"
            " first complete reading.",
            FROM_CALLER,
        ),
        Column("rows_written", INTEGER, "Number of rows that the run sent to it.", FROM_CALLER),
        Column(
            "rows_created",
            INTEGER,
            "Number of rows read that were new; null for a table that is filled with another one.",
            FROM_CALLER,
        ),
        Column("rows_updated", INTEGER, "Number of rows read that had changed.", FROM_CALLER),
        Column("rows_unchanged", INTEGER, "Number of rows read that had not.", FROM_CALLER),
        Column("rows_rejected", INTEGER, "Number of rows that went to rejected_rows.", FROM_CALLER),
        Column(
            "requests",
            INTEGER,
            "Number of requests to eMAG; null for a table that is filled with another one.",
            FROM_CALLER,
        ),
        Column(
            "error",
            TEXT,
            "Class of the error that ended the reading, such as ContractError; null if none.",
            FROM_CALLER,
        ),
        Column("tap_version", TEXT, "Version of tap-emag.", FROM_CALLER),
    ),
)
