"""Turns an invalid row into its row of rejected_rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_emag.schema.identity import digest_of, text_of_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_emag.settings.account import Account


def rejected_row(
    raw: Mapping[str, Any],
    account: Account,
    stream: str,
    reason: str,
    partition: Mapping[str, Any],
    seen_at: str,
) -> dict[str, Any]:
    """Return the row of rejected_rows that stores an invalid row.

    Args:
        raw: The row as eMAG sent it.
        account: The account it was read from.
        stream: The table it was meant for.
        reason: Why it is invalid; names of keys only, no values.
        partition: The filters of the request.
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
