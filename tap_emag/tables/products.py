"""From one offer of product_offer/read to its row, its history and its end."""

from __future__ import annotations

from datetime import timezone
from typing import TYPE_CHECKING, Any, Literal

from tap_emag.tables.account import ACCOUNT_COLUMNS, ACCOUNT_KEYS, Account, key_of
from tap_emag.tables.offers import PRODUCTS
from tap_emag.tables.table import GIVEN, Column, Table, unreported
from tap_emag.types import INTEGER, TEXT, TIMESTAMP, Clock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_emag.tables.table import Report

__all__ = [
    "PRODUCTS",
    "PRODUCT_DELETIONS",
    "PRODUCT_HISTORY",
    "Account",
    "Change",
    "deletion_row",
    "history_row",
    "product_row",
]

Change = Literal["created", "updated"]
# Offers carry no local times, so that any clock will do.
NO_CLOCK = Clock(timezone.utc)
HISTORY_OF = (
    "status",
    "sale_price",
    "recommended_price",
    "min_sale_price",
    "max_sale_price",
    "best_offer_sale_price",
    "best_offer_recommended_price",
    "currency",
    "general_stock",
    "estimated_stock",
    "offer_validation_status",
    "validation_status",
    "translation_validation_status",
    "buy_button_rank",
    "number_of_offers",
)
_COLUMNS = {column.name: column for column in PRODUCTS.columns}

PRODUCT_HISTORY = Table(
    "product_history",
    (*ACCOUNT_KEYS, "id", "changed_at"),
    (
        *ACCOUNT_COLUMNS,
        _COLUMNS["id"],
        Column(
            "changed_at",
            TIMESTAMP,
            "When the tap saw this version of the offer for the first time, UTC.",
            GIVEN,
        ),
        Column(
            "change",
            TEXT,
            "created for the first version the tap saw, updated for every later one.",
            GIVEN,
        ),
        *(_COLUMNS[name] for name in HISTORY_OF),
    ),
)

PRODUCT_DELETIONS = Table(
    "product_deletions",
    (*ACCOUNT_KEYS, "id", "changed_at"),
    (
        *ACCOUNT_COLUMNS,
        Column("id", INTEGER, "The seller's own id of the offer that is gone.", GIVEN),
        Column(
            "changed_at",
            TIMESTAMP,
            "When the tap found the offer gone, UTC. An offer with a later `changed_at` in products"
            " has come back.",
            GIVEN,
        ),
    ),
)


def product_row(
    raw: Mapping[str, Any],
    account: Account,
    report: Report = unreported,
) -> dict[str, Any]:
    """Turn one offer into its row of products, but for `changed_at`, which the caller knows.

    Args:
        raw: The offer as product_offer/read gave it.
        account: The account it was read from.
        report: Told of unknown keys and misfits.
    """
    given = account.columns()
    given["id"] = key_of(raw, "id")
    row = PRODUCTS.row(raw, NO_CLOCK, given, report)
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
