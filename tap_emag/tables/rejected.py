"""The table of rows that no other table could take, and when that is the case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_emag.tables.account import ACCOUNT_COLUMNS, ACCOUNT_KEYS
from tap_emag.tables.raw import NoObject, digest_of, is_id, text_of_row
from tap_emag.tables.table import GIVEN, Column, Table
from tap_emag.types import JSON_OBJECT, TEXT, TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_emag.tables.account import Account

REJECTED_ROWS = Table(
    "rejected_rows",
    (*ACCOUNT_KEYS, "stream", "row_hash"),
    (
        *ACCOUNT_COLUMNS,
        Column("stream", TEXT, "Table that the row was meant for, such as orders.", GIVEN),
        Column(
            "row_hash",
            TEXT,
            "SHA-256 of `row`, 64 hex digits: the same row is kept once, however often it comes.",
            GIVEN,
        ),
        Column(
            "reason",
            TEXT,
            "Why the table could not take it: it is no object, or has no id, or the tap failed at"
            " it.",
            GIVEN,
        ),
        Column(
            "row",
            TEXT,
            "The row as eMAG sent it, as JSON text, keys in alphabetical order: `row::jsonb` reads"
            " it. May be personal data.",
            GIVEN,
        ),
        Column(
            "partition",
            JSON_OBJECT,
            "What was asked for when it came, such as the type of orders; null where nothing was.",
            GIVEN,
        ),
        Column("seen_at", TIMESTAMP, "When the tap met the row last, UTC.", GIVEN),
    ),
)


def unusable(raw: Mapping[str, Any], ids: Sequence[str]) -> str | None:
    """Say why a row cannot be placed in a table, None if it can.

    Args:
        raw: The row as it came.
        ids: The keys its id may stand under; none when it needs no id.
    """
    if isinstance(raw, NoObject):
        return "it is no object"
    if ids and not any(is_id(raw.get(name)) for name in ids):
        return f"it has no {' or '.join(ids)}"
    return None


def rejected_row(
    raw: Mapping[str, Any],
    account: Account,
    stream: str,
    reason: str,
    partition: Mapping[str, Any],
    seen_at: str,
) -> dict[str, Any]:
    """Return the row of rejected_rows that keeps a row.

    Args:
        raw: The row as it came.
        account: The account it was read from.
        stream: The table it was meant for.
        reason: Why it cannot be there, by names only.
        partition: What was asked for.
        seen_at: The present moment, UTC, ISO 8601 with `+00:00`.
    """
    return {
        **account.columns(),
        "stream": stream,
        "row_hash": digest_of(raw),
        "reason": reason,
        "row": text_of_row(raw),
        "partition": dict(partition) or None,
        "seen_at": seen_at,
    }
