"""Tables of shipments of returns and their parcels."""

from __future__ import annotations

from tap_emag.schema.account_columns import ACCOUNT_COLUMNS, ACCOUNT_KEYS
from tap_emag.schema.column_types import INTEGER, MONEY, NUMBER, TEXT
from tap_emag.schema.table import FROM_CALLER, Column, Table, extra_column
from tap_emag.schema.vat import Vat

AWBS = Table(
    "awbs",
    (*ACCOUNT_KEYS, "emag_id"),
    (
        *ACCOUNT_COLUMNS,
        Column(
            "emag_id",
            INTEGER,
            "eMAG's id of the shipment. One sent without it has minus its `reservation_id`.",
        ),
        # Replies may contain it as well; a value that differs goes to `extra`.
        Column(
            "reservation_id",
            INTEGER,
            "Reservation the shipment was found by: reservation_id in `awbs` of returns.",
        ),
        Column(
            "return_emag_id",
            INTEGER,
            "Return the shipment was found in: `emag_id` in returns.",
            FROM_CALLER,
        ),
        Column("order_id", INTEGER, "Number of the order that was shipped: `id` in orders."),
        Column("rma_id", INTEGER, "Number of the return that was shipped; null for orders."),
        Column("type", INTEGER, "Type of the order: 2 sent by eMAG, 3 by the seller."),
        Column(
            "awb_type",
            INTEGER,
            "Way of the goods: 1 delivery to the customer, 2 pickup from the customer. Documented"
            " for shipments of returns.",
        ),
        Column(
            "cash_on_delivery",
            MONEY,
            "What the customer pays on receipt, in `currency`; documented since 4.5.1. 0 where"
            " nothing is to be paid.",
            vat=Vat.UNKNOWN,
        ),
        Column(
            "currency",
            TEXT,
            "Currency of `cash_on_delivery` and of the insured value, ISO 4217; documented since"
            " 4.5.0.",
        ),
        Column(
            "weight",
            NUMBER,
            "Weight of the shipment as sent. eMAG documents kilograms where a seller issues a"
            " shipment, and no unit where one is read.",
        ),
        Column(
            "status_code",
            TEXT,
            "State of the shipment, eMAG's code. DLV, delivered, is the only one documented.",
            ("status.code", "status"),
        ),
        Column("status_name", TEXT, "State of the shipment, its name.", ("status.name",)),
        Column(
            "status_description",
            TEXT,
            "State of the shipment in eMAG's words.",
            ("status.description",),
        ),
        Column(
            "courier_account_id",
            INTEGER,
            "Courier account that was used: `account_id` in courier_accounts.",
            ("courier.courier_account_id",),
        ),
        Column("courier_id", INTEGER, "eMAG's id of the courier.", ("courier.courier_id",)),
        Column("courier_name", TEXT, "Name of the courier.", ("courier.courier_name", "courier")),
        extra_column(),
    ),
    children=("awb",),
)

AWB_PARCELS = Table(
    "awb_parcels",
    (*ACCOUNT_KEYS, "awb_emag_id", "emag_id"),
    (
        *ACCOUNT_COLUMNS,
        Column(
            "awb_emag_id",
            INTEGER,
            "Shipment the parcel is part of: `emag_id` in awbs.",
            FROM_CALLER,
        ),
        Column(
            "emag_id",
            INTEGER,
            "eMAG's id of the parcel. One sent without it has minus its place in the shipment: -1"
            " for the first.",
        ),
        Column("awb_number", TEXT, "Number the courier knows the shipment by (AWB)."),
        Column("awb_barcode", TEXT, "Barcode on the parcel."),
        extra_column(),
    ),
)
