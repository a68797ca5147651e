"""Tables of the versions of offers, and of offers that the API no longer has."""

from __future__ import annotations

from tap_emag.schema.account_columns import ACCOUNT_COLUMNS, ACCOUNT_KEYS
from tap_emag.schema.column_types import INTEGER, TEXT, TIMESTAMP
from tap_emag.schema.table import FROM_CALLER, Column, Table
from tap_emag.streams.products.table import PRODUCTS

HISTORY_OF = (
    "status",
    "sale_price",
    "recommended_price",
    "min_sale_price",
    "max_sale_price",
    "best_offer_sale_price",
    "best_offer_recommended_price",
    "main_offer_price",
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
            FROM_CALLER,
        ),
        Column(
            "change",
            TEXT,
            "created for the first version the tap saw, updated for every later one.",
            FROM_CALLER,
        ),
        *(_COLUMNS[name] for name in HISTORY_OF),
    ),
)


PRODUCT_DELETIONS = Table(
    "product_deletions",
    (*ACCOUNT_KEYS, "id", "changed_at"),
    (
        *ACCOUNT_COLUMNS,
        Column("id", INTEGER, "The seller's own id of the offer that is gone.", FROM_CALLER),
        Column(
            "changed_at",
            TIMESTAMP,
            "When the tap found the offer gone, UTC. An offer with a later `changed_at` in products"
            " has come back.",
            FROM_CALLER,
        ),
    ),
)
