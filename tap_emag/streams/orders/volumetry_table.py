"""The table of what eMAG has measured of the products of orders."""

from __future__ import annotations

from tap_emag.schema.account_columns import ACCOUNT_COLUMNS, ACCOUNT_KEYS
from tap_emag.schema.column_types import INTEGER, NUMBER, TIMESTAMP
from tap_emag.schema.table import FROM_CALLER, Column, Table, extra_column

ORDER_VOLUMETRY = Table(
    "order_volumetry",
    (*ACCOUNT_KEYS, "order_type", "order_id", "product_id"),
    (
        *ACCOUNT_COLUMNS,
        Column(
            "order_type",
            INTEGER,
            "Type of the order: 2 sent by eMAG, 3 sent by the seller.",
            ("type",),
        ),
        Column("order_id", INTEGER, "Number of the order: `id` in orders."),
        Column(
            "product_id",
            INTEGER,
            "The seller's own id of the offer: `product_id` in order_lines. A product sent without"
            " one has minus its place in the answer: -1 for the first.",
        ),
        Column(
            "read_at",
            TIMESTAMP,
            "When eMAG gave this answer, UTC. An order's rows with an earlier one are of a product"
            " that the latest answer does not have.",
            FROM_CALLER,
        ),
        Column(
            "length",
            NUMBER,
            "Length of one piece, in centimetres, as if it were sent in a parcel of its own.",
        ),
        Column("width", NUMBER, "Width of one piece, in centimetres."),
        Column("height", NUMBER, "Height of one piece, in centimetres."),
        Column("weight", NUMBER, "Weight of one piece, in kilograms."),
        extra_column(),
    ),
)
