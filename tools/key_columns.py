"""Finds the columns of each key that eMAG's API is known to send."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from emag_sandbox.documented import keys
from tap_emag.schema.column_types import JSON_ANY, JSON_LIST, JSON_OBJECT
from tap_emag.tap import STREAMS

if TYPE_CHECKING:
    from emag_sandbox.documented import Key
    from tap_emag.schema.table import Column, Table

JSON_TYPES = (JSON_ANY, JSON_LIST, JSON_OBJECT)


class Place(NamedTuple):
    """The table of a list of objects, and what its rows have in common.

    Attributes:
        table: Its name.
        owner: The column with the id of the row it is part of.
        where: A column with one value in all of its rows, such as `level` of a discount.
        unless: A column with another value in all of its rows.
    """

    table: str
    owner: str = ""
    where: tuple[str, object] | None = None
    unless: tuple[str, object] | None = None


SPLITS = "order_voucher_splits"
# By resource and list; the row itself is "", and its owner is its own id.
PLACES: dict[str, dict[str, Place]] = {
    "order": {
        "": Place("orders", "id"),
        "products": Place("order_lines", "order_id"),
        "products.attachments": Place("order_attachments", "order_id", unless=("order_line_id", 0)),
        "products.product_voucher_split": Place(SPLITS, "order_id", ("level", "line")),
        "products.recycle_warranties.recycle_warranty_voucher_split": Place(
            SPLITS, "order_id", ("level", "recycle_warranty")
        ),
        "shipping_tax_voucher_split": Place(SPLITS, "order_id", ("level", "shipping")),
        "attachments": Place("order_attachments", "order_id", ("order_line_id", 0)),
        "vouchers": Place("order_vouchers", "order_id"),
    },
    "order/volumetry": {
        "": Place("order_volumetry", "order_id"),
        "volumetric_data": Place("order_volumetry", "order_id"),
    },
    "product_offer": {"": Place("products", "id")},
    "rma": {
        "": Place("returns", "emag_id"),
        "products": Place("return_lines", "return_emag_id"),
        "status_history": Place("return_events", "return_emag_id", ("kind", "status")),
        "status_history.requests": Place("return_events", "return_emag_id", ("kind", "request")),
        "request_history": Place("return_events", "return_emag_id", ("kind", "action")),
    },
    "awb": {
        "": Place("awbs", "emag_id"),
        "awb": Place("awb_parcels", "awb_emag_id"),
    },
    "category": {
        "": Place("categories", "id"),
        "characteristics": Place("category_characteristics", "category_id"),
        "characteristics.values": Place("category_values", "category_id"),
        "family_types": Place("category_family_types", "category_id"),
    },
    "vat": {"": Place("vat_rates", "vat_id")},
    "handling_time": {"": Place("handling_times", "id")},
    "locality": {"": Place("localities", "emag_id")},
    "courier_accounts": {"": Place("courier_accounts", "account_id")},
    "addresses": {"": Place("addresses", "address_id")},
    "awb/package": {"": Place("awb_packages", "label")},
    "invoice/categories": {"": Place("invoice_categories", "category")},
    "invoice": {
        "": Place("invoices", "number"),
        "lines": Place("invoice_lines", "number"),
    },
    "customer-invoice": {
        "": Place("customer_invoices", "number"),
        "lines": Place("customer_invoice_lines", "number"),
    },
    "smart-deals-price-check": {"": Place("smart_deals")},
    "commission": {"": Place("commissions")},
}
# Resources and keys that no table has, each with the reason. A key is `resource: key`.
NO_COLUMN: dict[str, str] = {
    "order/attachments": "`order/read` sends the same list inside each order: order_attachments.",
    "find_by_eans": "A search by barcode for products of all sellers, not a list of the account's"
    " own data; with a budget of its own, 5000 requests a day.",
    "envelope": "It marks a reply as good or failed; the tap logs errors.",
    "invoice list": "The number proves that a reading is complete; the invoices are rows.",
    "count": "Counts prove that a reading is complete; they are logged and counted, not stored.",
}
TABLES: dict[str, Table] = {stream.table.name: stream.table for stream in STREAMS}


class Target(NamedTuple):
    """Where the values of a key arrive.

    Attributes:
        place: The table.
        column: The column; None for a list whose elements are the table's rows.
        inner: The path inside the column's JSON value; empty where the column is the value.
    """

    place: Place
    column: Column | None
    inner: tuple[str, ...] = ()


def targets(resource: str, path: str) -> list[Target]:
    """Return every place a key's values arrive at, the most exact first."""
    places = PLACES.get(resource, {})
    if path in places:
        place = places[path]
        values = [c for c in TABLES[place.table].columns if c.name == "value"]
        # The elements of a list are rows: objects with columns, or texts in the column `value`.
        return [Target(place, values[0] if path == "characteristics.values" else None)]
    owner = max(
        (name for name in places if not name or path.startswith(f"{name}.")), key=len, default=None
    )
    if owner is None:
        return []
    place, rest = places[owner], path.removeprefix(f"{owner}.") if owner else path
    columns = TABLES[place.table].columns
    exact = [Target(place, each) for each in columns if rest in each.wire_keys()]
    parts = rest.split(".")
    inside = [
        Target(place, each, tuple(parts[cut:]))
        for cut in range(1, len(parts))
        for each in columns
        if ".".join(parts[:cut]) in each.wire_keys() and each.type in JSON_TYPES
    ]
    return exact + inside


def missing() -> list[str]:
    """Return the documented and observed keys without a column, `resource: key`."""
    return [
        f"{resource}: {key.path}"
        for resource in PLACES
        for key in keys(resource)
        if not is_container(key) and not targets(resource, key.path)
    ]


def is_container(key: Key) -> bool:
    """Return whether a key has keys of its own, which have the columns."""
    return key.type in ("object", "objects")
