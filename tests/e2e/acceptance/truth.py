"""What the tables have to hold: rows worked out from the sandbox's truth, and from nothing else.

Nothing of `tap_emag` is imported here that turns replies into rows: which field of an order lands
in which column is written down once more, by hand, so that a mistake over there is found here.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from emag_sandbox.shop.shop import Shop

Row = dict[str, Any]
Key = tuple[Any, ...]

KEYS = {
    "orders": "marketplace account_type type id",
    "order_lines": "marketplace account_type order_type order_id id",
    "order_vouchers": "marketplace account_type order_type order_id voucher_id position",
    "order_voucher_splits": "marketplace account_type order_type order_id level order_line_id"
    " warranty_position position",
    "order_attachments": "marketplace account_type order_type order_id order_line_id url_hash"
    " position",
    "products": "marketplace account_type id",
}
ORDER_TABLES = tuple(name for name in KEYS if name.startswith("order"))
OF_ORDERS = tuple(name for name in ORDER_TABLES if name != "orders")

# Fields that have a column of the same name and the same value, object by object.
ORDER = """type id vendor_name parent_id date created modified status is_complete payment_mode
    payment_mode_id detailed_payment_method delivery_payment_mode delivery_mode payment_status
    cashed_co cashed_cod shipping_tax observation is_storno cancellation_request
    has_editable_products refunded_amount refund_status maximum_date_for_shipment finalization_date
    late_shipment emag_club weekend_delivery enforced_vendor_courier_accounts currency"""
LINE = """id product_id mkt_id name part_number ext_part_number part_number_key status quantity
    initial_qty storno_qty sale_price original_price currency vat retained_amount
    reversible_vat_charging created modified serial_numbers"""
VOUCHER = """voucher_id id voucher_name status sale_price sale_price_vat vat created modified
    issue_date"""
SPLIT = "voucher_id value vat_value vat offered_by voucher_name"
PAPER = "name url type visibility order_product_id"
OFFER = """id part_number_key part_number name brand brand_name description url category_id
    vendor_category_id auto_translated sale_price recommended_price min_sale_price max_sale_price
    best_offer_sale_price best_offer_recommended_price main_offer_price currency currency_type
    vat_id
    reversible_vat_charging rrp_guidelines status general_stock estimated_stock warranty
    genius_eligibility genius_eligibility_type genius_computed has_smart_deals_badge
    number_of_offers buy_button_rank safety_information"""
# Fields that are kept as they come, in one JSON column of the same name.
ORDER_JSON = "customer proforms details flags"
LINE_JSON = "details"
OFFER_JSON = """ean barcode images attachments characteristics content_details offer_properties
    offer_price_other_currency start_date_other_currency start_date commission stock handling_time
    availability doc_errors"""
# Fields that become something else: other columns, or rows of another table.
ORDER_TURNED = "products vouchers attachments shipping_tax_voucher_split reason_cancellation"
LINE_TURNED = "recycle_warranties attachments product_voucher_split campaign"
PAPER_TURNED = "force_download order_id order_type"
VALIDATIONS = "offer_validation_status validation_status translation_validation_status"
OFFER_TURNED = f"""{VALIDATIONS} family offer_details ownership manufacturer eu_representative
    recycleWarranties"""
VALIDATION = "value description errors"
# Columns for what the API is known to send, and the sandbox does not when it is asked for many.
NEVER_SENT = "source_language weight green_tax manufacturer eu_representative"
FAMILY = {"id": "family_id", "name": "family_name", "family_type_id": "family_type_id"}
DETAILS = {
    "id": "offer_details_id",
    "warranty_type": "warranty_type",
    "supply_lead_time": "supply_lead_time",
    "emag_club": "emag_club",
}


class Json(NamedTuple):
    """A value that is kept in a JSON column, its scalars as loosely written as on the wire."""

    value: Any


class Owned(NamedTuple):
    """Whether the seller owns the content, told by one of two columns: see `comparison`."""

    value: bool


@dataclass
class Truth:
    """What is true at one moment: the rows of each table, by key."""

    account: Row = field(default_factory=lambda: {"marketplace": "emag_ro", "account_type": "main"})
    tables: dict[str, dict[Key, Row]] = field(default_factory=lambda: {name: {} for name in KEYS})

    @classmethod
    def of(cls, world: Shop) -> Truth:
        """Take down what a sandbox's world holds now."""
        return cls().add(world.orders(), world.offers())

    def add(self, orders: Iterable[Row], offers: Iterable[Row]) -> Truth:
        """Work out the rows of orders and offers."""
        for order in orders:
            for table, row in _order_rows(order):
                self._put(table, row)
        for offer in offers:
            self._put("products", _offer_row(offer))
        return self

    def _put(self, table: str, row: Row) -> None:
        row |= self.account
        key = key_of(table, row)
        assert key not in self.tables[table], f"two rows of {table} have the key {key}"
        self.tables[table][key] = row


def key_of(table: str, row: Row) -> Key:
    """Return the values of a table's key columns."""
    return tuple(row[name] for name in KEYS[table].split())


def _order_rows(order: Row) -> Iterator[tuple[str, Row]]:
    shared = {
        "order_type": order["type"],
        "order_id": order["id"],
        "order_modified": order["modified"],
    }
    row = _same(order, ORDER) | _json(order, ORDER_JSON)
    reason = order["reason_cancellation"] or {}
    row["customer_id"] = order["customer"]["id"] if order["customer"] else None
    row["reason_cancellation_id"] = reason.get("id")
    row["reason_cancellation_name"] = reason.get("name")
    row["extra"] = _extra(order, ORDER, ORDER_JSON, ORDER_TURNED)
    yield "orders", row
    yield from _splits(shared, order["shipping_tax_voucher_split"], "shipping")
    yield from _papers(shared, order["attachments"], 0)
    uses: Counter[int] = Counter()
    for voucher in order["vouchers"]:
        uses[voucher["voucher_id"]] += 1
        place = {"position": uses[voucher["voucher_id"]], "extra": _extra(voucher, VOUCHER)}
        yield "order_vouchers", shared | _same(voucher, VOUCHER) | place
    for line in order["products"]:
        yield from _line_rows(shared, line)


def _line_rows(shared: Row, line: Row) -> Iterator[tuple[str, Row]]:
    campaign = line["campaign"] or {}
    split = "recycle_warranty_voucher_split"
    deposits = [
        {name: value for name, value in deposit.items() if name != split}
        for deposit in line["recycle_warranties"]
    ]
    extra = _extra(line, LINE, LINE_JSON, LINE_TURNED)
    row = shared | _same(line, LINE) | _json(line, LINE_JSON)
    row["recycle_warranties"] = Json(deposits)
    row["campaign_id"] = campaign.get("id")
    row["campaign_name"] = campaign.get("name")
    row["extra"] = _nested(extra, {"campaign": _extra(campaign, "id name")})
    yield "order_lines", row
    yield from _splits(shared, line["product_voucher_split"], "line", line["id"])
    for position, deposit in enumerate(line["recycle_warranties"], 1):
        yield from _splits(shared, deposit[split], "recycle_warranty", line["id"], position)
    yield from _papers(shared, line["attachments"], line["id"])


def _splits(
    shared: Row, splits: list[Row], level: str, line: int = 0, warranty: int = 0
) -> Iterator[tuple[str, Row]]:
    for position, split in enumerate(splits, 1):
        place = {
            "level": level,
            "order_line_id": line,
            "warranty_position": warranty,
            "position": position,
        }
        extra = {"extra": _extra(split, SPLIT)}
        yield "order_voucher_splits", shared | place | _same(split, SPLIT) | extra


def _papers(shared: Row, papers: list[Row], line: int) -> Iterator[tuple[str, Row]]:
    seen: Counter[str] = Counter()
    for paper in papers:
        seen[paper["url"]] += 1
        yield (
            "order_attachments",
            shared
            | _same(paper, PAPER)
            | {
                "order_line_id": line,
                "url_hash": hashlib.sha256(paper["url"].encode()).hexdigest(),
                "position": seen[paper["url"]],
                "force_download": bool(paper["force_download"]),
                "extra": _extra(paper, PAPER, PAPER_TURNED),
            },
        )


def _offer_row(offer: Row) -> Row:
    row = _same(offer, OFFER) | _json(offer, OFFER_JSON) | dict.fromkeys(NEVER_SENT.split())
    nested: Row = {}
    for name in VALIDATIONS.split():
        given = offer[name]
        found = given if isinstance(given, dict) else given[0] if given else {}
        row[name] = found.get("value")
        row[f"{name}_description"] = found.get("description")
        row[f"{name}_errors"] = Json(found.get("errors"))
        nested[name] = _extra(found, VALIDATION)
    for name, columns in (("family", FAMILY), ("offer_details", DETAILS)):
        found = offer[name] or {}
        row |= {column: found.get(key) for key, column in columns.items()}
        nested[name] = _extra(found, " ".join(columns))
    row["ownership"] = Owned(offer["ownership"])
    row["has_manufacturer"] = bool(offer["manufacturer"])
    row["has_eu_representative"] = bool(offer["eu_representative"])
    row["recycle_warranties"] = offer["recycleWarranties"]
    row["extra"] = _nested(_extra(offer, OFFER, OFFER_JSON, OFFER_TURNED), nested)
    return row


def _same(truth: Row, names: str) -> Row:
    return {name: truth.get(name) for name in names.split()}


def _json(truth: Row, names: str) -> Row:
    return {name: Json(truth.get(name)) for name in names.split()}


def _extra(truth: Row, *known: str) -> Json:
    """Return what an object holds beyond the fields it is known for; see `unannounced`."""
    names = {name for each in known for name in each.split()}
    found = {name: value for name, value in truth.items() if name not in names}
    return Json({name: value for name, value in found.items() if value is not None} or None)


def _nested(extra: Json, found: dict[str, Json]) -> Json:
    """Add what nested objects hold beyond their known fields, under the object's own name."""
    inner = {name: each.value for name, each in found.items() if each.value}
    return Json({**(extra.value or {}), **inner} or None)


def add_unannounced(truth: Any, wire: Any) -> None:  # noqa: ANN401 - any JSON value
    """Add to a truth, in place, the keys that only the wire has: nobody announced them."""
    if isinstance(truth, list) and isinstance(wire, dict):
        wire = [wire]  # a list of one may come as its only item
    if isinstance(truth, list) and isinstance(wire, list):
        for one, other in zip(truth, wire, strict=True):
            add_unannounced(one, other)
    if isinstance(truth, dict) and isinstance(wire, list) and len(wire) == 1:
        wire = wire[0]  # an object, as the documentation has it
    if isinstance(truth, dict) and isinstance(wire, dict):
        for name, value in wire.items():
            if name in truth:
                add_unannounced(truth[name], value)
            elif name != "Description":  # what some replies call `description`
                truth[name] = value
