"""Turns one offer of product_offer/read into rows of products, history and deletions."""

from __future__ import annotations

from datetime import timezone
from typing import TYPE_CHECKING, Any

from tap_emag.schema.column_types import Clock
from tap_emag.schema.keys import key_of
from tap_emag.schema.table import unreported
from tap_emag.streams.products.history_table import HISTORY_OF
from tap_emag.streams.products.table import PRODUCTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_emag.schema.table import Report, Table
    from tap_emag.settings.account import Account
    from tap_emag.state.fingerprints import Change


# Offers contain no local times, so any clock will do.
NO_CLOCK = Clock(timezone.utc)


def product_row(
    raw: Mapping[str, Any],
    account: Account,
    report: Report = unreported,
    table: Table = PRODUCTS,
) -> dict[str, Any]:
    """Turn one offer into its row of products, without `changed_at`, which the caller adds.

    Args:
        raw: The offer as product_offer/read returned it.
        account: The account it was read from.
        report: Called with each unknown or invalid key.
        table: The table of products, or of an earlier release of it.
    """
    given = account.columns()
    given["id"] = key_of(raw, "id")
    row = table.row(raw, NO_CLOCK, given, report)
    del row["changed_at"]
    return row


def history_row(product: Mapping[str, Any], changed_at: str, change: Change) -> dict[str, Any]:
    """Return the row of product_history for a row of products.

    Args:
        product: A row made by `product_row`.
        changed_at: When this version was seen, UTC, ISO 8601 with `+00:00`; microseconds allowed.
        change: Whether the offer is new or was seen before.
    """
    row = {name: product[name] for name in ("marketplace", "account_type", "id")}
    row["changed_at"] = changed_at
    row["change"] = change
    for name in HISTORY_OF:
        row[name] = product[name]
    return row


def deletion_row(account: Account, offer_id: int, changed_at: str) -> dict[str, Any]:
    """Return the row of product_deletions for an offer that is gone.

    Args:
        account: The account it vanished from.
        offer_id: `id` of its last row in products.
        changed_at: When it was found gone, UTC, ISO 8601 with `+00:00`; microseconds allowed.
    """
    return {**account.columns(), "id": offer_id, "changed_at": changed_at}
