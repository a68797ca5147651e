"""What the tables beside orders and offers have to hold, from the sandbox's truth alone.

As in `truth`, nothing that turns replies into rows is imported: where a field lands is written down
once more, by hand. What the sandbox cannot know is checked apart: `APART`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import requests

from tests.e2e.acceptance import comparison, truth
from tests.e2e.acceptance.truth import Json, add_unannounced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import date

    from emag_sandbox import Sandbox
    from emag_sandbox.postgres.server import Postgres
    from emag_sandbox.shop.shop import Shop
    from tests.e2e.acceptance.truth import Key, Row

ACCOUNT = {"marketplace": "emag_ro", "account_type": "main"}
KEYS = {
    "returns": "emag_id",
    "return_lines": "return_emag_id id",
    "return_events": "return_emag_id kind parent_position position",
    "awbs": "emag_id",
    "awb_parcels": "awb_emag_id emag_id",
    "categories": "id",
    "category_characteristics": "category_id id position",
    "category_family_types": "category_id id position",
    "category_values": "category_id characteristic_id characteristic_position position",
    "vat_rates": "vat_id",
    "handling_times": "id",
    "localities": "emag_id",
    "courier_accounts": "account_id",
    "addresses": "address_id",
    "awb_packages": "label",
    "order_volumetry": "order_type order_id product_id",
    "invoice_categories": "category",
    "invoices": "number",
    "invoice_lines": "number position",
    "customer_invoices": "number",
    "customer_invoice_lines": "number position",
    "commissions": "id",
    "smart_deals": "id",
}
OF_RETURNS = ("returns", "return_lines", "return_events", "awbs", "awb_parcels")
OF_CATEGORIES = tuple(name for name in KEYS if name.startswith("category_"))
OF_INVOICES = tuple(name for name in KEYS if "invoice" in name and name != "invoice_categories")
OF_OFFERS = ("commissions", "smart_deals")
MEASURES = "product_id length width height weight"
# Columns the sandbox has no truth for: drawn by the tap, or the time it asked.
APART = ("fingerprint", "read_at")
# One reply in eight leaves these out.
LEFT_OUT = ("value_tags", "is_mandatory_for_mktp")

OPEN = (1, 2, 3, 6)
COUNTRY = "RO"  # without a filter, locality/read gives the platform's own country alone

# Fields that have a column of the same name and the same value, object by object.
RETURN = """emag_id vendor_id pickup_address_id order_id type return_parent_id date
    request_status request_status_reason
    return_type return_reason observations is_full_fbe is_club is_fast finalized_with_incident
    customer_name customer_company customer_phone customer_account_iban customer_account_bank
    customer_account_beneficiary country pickup_method pickup_country pickup_suburb pickup_city
    pickup_address pickup_zipcode pickup_locality_id address_type courier_name return_address_id
    return_address_snapshot replacement_product_emag_id replacement_product_id
    replacement_product_name replacement_product_quantity swap return_tax_value currency"""
RETURN_JSON = "locker awbs"
RETURN_TURNED = "pickup_date extra_info products status_history request_history"
RETURN_DAYS = """maximum_finalization_date first_pickup_date estimated_product_pickup
    estimated_product_reception"""
# Columns for what eMAG documents and no longer sends.
RETURN_NEVER = "id invoice_number customer_email"
RETURN_LINE = """id product_emag_id product_id product_name quantity return_reason observations
    diagnostic reject_reason retained_amount refund_value"""
EVENT = """date code amount currency refund_type refund_status status_date rma_id id user_name
    action action_type source"""
AWB = "emag_id order_id rma_id type awb_type currency cash_on_delivery"
STATUS = {"code": "status_code", "name": "status_name", "description": "status_description"}
COURIER = "courier_account_id courier_id courier_name"
PARCEL = "emag_id awb_number awb_barcode"
CATEGORY = "id parent_id name is_allowed is_ean_mandatory is_warranty_mandatory scm_id"
CHARACTERISTIC = """id name type_id display_order is_mandatory is_mandatory_for_mktp is_filter
    allow_new_value"""
MEMBER = """characteristic_id characteristic_type characteristic_family_type_id is_foldable
    display_order"""
LOCALITY = """emag_id name name_latin region1 region1_latin region2 region2_latin region3
    region3_latin region4 region4_latin geoid modified zipcode country_code iso2"""
COURIER_ACCOUNT = """account_id account_display_name courier_account_type courier_name created
    status pickup_country_code"""
PACKAGE = "label length width height weight is_default"
ADDRESS = """address_id country_id country_code address_type_id locality_id suburb city address
    zipcode quarter floor is_default"""
TOTALS = "total_without_vat total_vat_value total_with_vat"
INVOICE = f"number category name date is_storno payment_term {TOTALS} currency"
CUSTOMER_INVOICE = f"number category order_id date is_storno reversal_for {TOTALS} currency"
PARTIES = "supplier customer"
INVOICE_LINE = "product_name unit_of_measure quantity unit_price vat_rate value vat_value"

# By hand from eMAG's documentation: the codes of each list.
CODES: dict[str, set[int] | set[str]] = {
    "order_statuses": {0, 1, 2, 3, 4, 5},
    "order_types": {2, 3},
    "order_line_statuses": {0, 1},
    "payment_modes": {1, 2, 3},
    "payment_statuses": {0, 1},
    "cancellation_reasons": {1, 2, 3, *range(15, 44)},
    "attachment_types": {1, 3, 4, 8, 10, 11},
    "offer_statuses": {0, 1, 2},
    "offer_validation_statuses": {1, 2},
    "validation_statuses": set(range(18)),
    "genius_eligibility_types": {0, 1, 2, 3},
    "image_display_types": {0, 1, 2},
    "characteristic_types": {1, 2, 11, 20, 30, 40, 60},
    "return_statuses": {1, 2, 3, 4, 5, 6, 7},
    "return_types": {1, 2, 3, 4, 5},
    "return_reasons": {*range(30, 33), *range(34, 41), *range(42, 56), *range(57, 107)}
    | {*range(111, 119), *range(120, 156), *range(157, 164), *range(166, 223)},
    "delivery_modes": {"courier", "pickup"},
    "discount_sponsors": {"eMAG", "seller"},
    "genders": {"F", "M"},
    "content_ownerships": {1, 2},
    "family_displays": {1, 2, 3},
    "awb_status_codes": {"DLV"},
    "locality_countries": {"BG", "DE", "EL", "HU", "PL", "RO"},
    "category_languages": {"BG", "DE", "EN", "GR", "HU", "PL", "RO"},
    "invoice_category_codes": {"FC", "FCA", "FCD", "FCSA", "FTA"},
    "customer_invoice_categories": {"normal", "storno"},
    "package_labels": {"L", "M", "S", "XL", "XS"},
    "currencies": {"BGN", "EUR", "HUF", "RON"},
    "pickup_methods": {1, 2, 3},
    "awb_types": {1, 2},
    "courier_account_types": {1, 2, 3, 4},
    "courier_account_properties": {0, 2, 6, 8, 9},
    "address_types": {1, 2, 3, 4},
}


@dataclass
class ShopTruth:
    """The truth of a sandbox, object by object, before it is cut into rows."""

    returns: list[Row]
    awbs: list[Row]  # each with the return and the reservation it is found by
    categories: list[Row]
    vat_rates: list[Row]
    handling_times: list[Row]
    localities: list[Row]
    courier_accounts: list[Row]
    addresses: list[Row]
    packages: list[Row]
    volumetry: list[Row]
    invoice_categories: list[Row]
    invoices: list[Row]
    customer_invoices: list[Row]
    commissions: dict[int, Row]
    smart_deals: dict[int, Row]

    @classmethod
    def of(cls, world: Shop, moving: Iterable[int] | None = None) -> ShopTruth:
        """Take down what a world holds now.

        Args:
            world: The sandbox's world.
            moving: The returns whose shipments are read: those that were open at any run.
        """
        returns = list(world.returns())
        read = {row["emag_id"] for row in returns if row["request_status"] in OPEN}
        read |= set(moving or ())
        awbs = [
            {
                **world.awb(one["reservation_id"]),
                "found": (row["emag_id"], one["reservation_id"]),
            }
            for row in returns
            if row["emag_id"] in read
            for one in row["awbs"]
            if not world.foreign_awb(one["reservation_id"])
        ]
        return cls(
            returns=returns,
            awbs=awbs,
            categories=list(world.categories()),
            vat_rates=world.vat_rates(),
            handling_times=world.handling_times(),
            localities=[row for row in world.localities() if row["country_code"] == COUNTRY],
            courier_accounts=world.courier_accounts(),
            addresses=world.addresses(),
            packages=world.packages(),
            volumetry=[world.volumetry(key) for key in world.order_keys()],
            invoice_categories=world.invoice_categories(),
            invoices=list(world.invoices()),
            customer_invoices=list(world.customer_invoices()),
            commissions={id_: world.commission(id_) for id_ in world.offer_ids()},
            smart_deals={id_: world.smart_deal(id_) for id_ in world.offer_ids()},
        )

    def add_unannounced(self, shop: Sandbox) -> ShopTruth:
        """Add the keys that only the wire has, read without the tap."""
        wire = _Wire(shop)
        for rows, resource, key in (
            (self.returns, "rma/read", "emag_id"),
            (self.categories, "category/read", "id"),
            (self.vat_rates, "vat/read", "vat_id"),
            (self.handling_times, "handling_time/read", "id"),
            (self.localities, "locality/read", "emag_id"),
            (self.courier_accounts, "courier_accounts/read", "account_id"),
            (self.addresses, "addresses/read", "address_id"),
            (self.packages, "awb/package/read", "label"),
            (self.invoice_categories, "invoice/categories", "category"),
            (self.invoices, "invoice/read", "number"),
            (self.customer_invoices, "customer-invoice/read", "number"),
        ):
            found = {str(row[key]): row for row in wire.objects(resource, key)}
            assert found.keys() == {str(row[key]) for row in rows}, resource
            for row in rows:
                add_unannounced(row, found[str(row[key])])
        for row in self.awbs:
            (found_one,) = wire.objects("awb/read", "emag_id", {"reservation_id": row["found"][1]})
            for name in ("status", "courier"):
                if isinstance(found_one[name], list):
                    (found_one[name],) = found_one[name]
            add_unannounced(row, found_one)
        for row in self.volumetry:
            asked = {"order_id": row["order_id"], "type": row["type"]}
            for answer in wire.objects("order/volumetry/read", "order_id", asked):
                add_unannounced(row, answer)
        for id_, row in self.commissions.items():
            add_unannounced(row, wire.get(f"/api/v1/commission/estimate/{id_}")["data"])
        for id_, row in self.smart_deals.items():
            path = f"/api-3/smart-deals-price-check?productId={id_}"
            add_unannounced(row, wire.get(path)["results"])
        return self

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Cut everything into rows, each with the table it belongs to."""
        yield from _each(self.returns, _return_rows)
        yield from _each(self.awbs, _awb_rows)
        yield from _each(self.categories, _category_rows)
        yield from _each(self.volumetry, _volumetry_rows)
        yield from self._lists()
        for invoice in self.invoices:
            row: Row = {"payment_due_date": None}
            yield from _invoice_rows("invoices", invoice, INVOICE, row)
        for invoice in self.customer_invoices:
            yield from _invoice_rows("customer_invoices", invoice, CUSTOMER_INVOICE, {})
        for id_, fee in self.commissions.items():
            row = _plain(fee, "value created end_date", turned="id")
            yield "commissions", row | {"id": id_, "estimate_id": fee["id"]}
        for id_, deal in self.smart_deals.items():
            yield "smart_deals", _plain(deal, "smart_deals_price") | {"id": id_}

    def _lists(self) -> Iterator[tuple[str, Row]]:
        for rate in self.vat_rates:
            row = _plain(rate, "vat_id vat_rate is_default") | {"name": None}
            yield "vat_rates", row | {"vat_fraction": rate["vat_rate"]}
        for days in self.handling_times:
            yield "handling_times", _plain(days, "id") | {"value": days["id"], "name": None}
        for place in self.localities:
            yield "localities", _plain(place, LOCALITY)
        for account in self.courier_accounts:
            yield "courier_accounts", _plain(account, COURIER_ACCOUNT, "courier_account_properties")
        for address in self.addresses:
            yield "addresses", _plain(address, ADDRESS)
        for package in self.packages:
            yield "awb_packages", _plain(package, PACKAGE)
        for kind in self.invoice_categories:
            yield "invoice_categories", _plain(kind, "category name")


@dataclass
class OtherTruth:
    """The rows of each table, by key."""

    tables: dict[str, dict[Key, Row]] = field(default_factory=lambda: {name: {} for name in KEYS})

    @classmethod
    def of(cls, shop: ShopTruth) -> OtherTruth:
        """Work out the rows."""
        made = cls()
        for table, told in shop.rows():
            row = told | ACCOUNT
            key = key_of(table, row)
            assert key not in made.tables[table], f"two rows of {table} have the key {key}"
            made.tables[table][key] = row
        return made


def key_of(table: str, row: Row) -> Key:
    """Return the values of a table's key columns."""
    return tuple(row[name] for name in ("marketplace", "account_type", *KEYS[table].split()))


def other_differences(
    database: Postgres, wanted: OtherTruth, tables: Iterable[str] = tuple(KEYS)
) -> list[str]:
    """Say where the tables hold something else than the truth; [] when they are equal."""
    found: list[str] = []
    for table in tables:
        rows = comparison.stored(database, table)
        by_key = {key_of(table, row): row for row in rows}
        if len(by_key) != len(rows):
            found.append(f"{table}: {len(rows) - len(by_key)} keys more than once")
        for key, row in by_key.items():
            drawn = [name for name in APART if name in row]
            found += [f"{table} {key}: {name} is null" for name in drawn if row.pop(name) is None]
            _settle(row, wanted.tables[table].get(key, {}))
        found += comparison._table_differences(table, wanted.tables[table], by_key)
    shown = comparison.SHOWN
    return found[:shown] + [f"… {len(found)} in all"] * (len(found) > shown)


def _each(
    objects: Iterable[Row], cut: Callable[[Row], Iterator[tuple[str, Row]]]
) -> Iterator[tuple[str, Row]]:
    for raw in objects:
        yield from cut(raw)


def _settle(row: Row, wanted: Row) -> None:
    """Take what eMAG may leave out, or write in two ways, as the truth has it."""
    for name in LEFT_OUT:
        if name in row and row[name] is None:
            row[name] = wanted[name].value if isinstance(wanted[name], Json) else wanted[name]
    if "is_ean_mandatory" in row and row["parent_id"] == 0:
        row["parent_id"] = None  # a category without a parent


def _volumetry_rows(raw: Row) -> Iterator[tuple[str, Row]]:
    around = truth._extra(raw, "order_id type volumetric_data").value or {}
    shared = {"order_id": raw["order_id"], "order_type": raw["type"]}
    for one in raw["volumetric_data"]:
        extra = Json({**around, **(truth._extra(one, MEASURES).value or {})} or None)
        yield "order_volumetry", shared | truth._same(one, MEASURES) | {"extra": extra}


def _pickup(sent: datetime | date | None) -> Row:
    """Return the day of a pickup, and its time where that was sent."""
    if isinstance(sent, datetime):
        return {"pickup_at": sent, "pickup_date": sent.astimezone(comparison.WALL).date()}
    return {"pickup_at": None, "pickup_date": sent}


def _return_rows(raw: Row) -> Iterator[tuple[str, Row]]:
    row = _plain(raw, RETURN, RETURN_JSON, RETURN_TURNED, extra_info=RETURN_DAYS)
    row |= dict.fromkeys(RETURN_NEVER.split())
    row |= truth._same(raw["extra_info"], RETURN_DAYS) | _pickup(raw["pickup_date"])
    yield "returns", row
    shared = {"return_emag_id": raw["emag_id"]}
    for line in raw["products"]:
        yield "return_lines", shared | _plain(line, RETURN_LINE)
    for place, status in enumerate(raw["status_history"], 1):
        told = _event(status, "code", date="event_date", turned="requests")
        yield "return_events", shared | _place("status", 0, place) | told
        for spot, request in enumerate(status["requests"], 1):
            names = "amount currency refund_type refund_status status_date rma_id"
            told = _event(request, names, date="created")
            yield "return_events", shared | _place("request", place, spot) | told
    for place, action in enumerate(raw["request_history"], 1):
        told = _event(action, "id action action_type source", date="date", turned="user")
        yield (
            "return_events",
            shared | _place("action", 0, place) | told | {"user_name": action["user"]},
        )


def _place(kind: str, parent: int, position: int) -> Row:
    return {"kind": kind, "parent_position": parent, "position": position}


def _event(raw: Row, names: str, *, date: str, turned: str = "") -> Row:
    row = dict.fromkeys(EVENT.split()) | _plain(raw, names, turned=f"{turned} {date}")
    return row | {"date": raw[date]}


def _awb_rows(raw: Row) -> Iterator[tuple[str, Row]]:
    status, courier = raw["status"], raw["courier"]
    row = _plain(
        raw,
        AWB,
        turned="weight awb status courier found",
        status=" ".join(STATUS),
        courier=COURIER,
    )
    row["return_emag_id"], row["reservation_id"] = raw["found"]
    row["weight"] = Decimal(raw["weight"])
    row |= {column: status[name] for name, column in STATUS.items()}
    row |= truth._same(courier, COURIER)
    yield "awbs", row
    for parcel in raw["awb"]:
        yield "awb_parcels", {"awb_emag_id": raw["emag_id"], **_plain(parcel, PARCEL)}


def _category_rows(raw: Row) -> Iterator[tuple[str, Row]]:
    yield "categories", _plain(raw, CATEGORY, turned="characteristics family_types")
    shared = {"category_id": raw["id"]}
    seen: Counter[int] = Counter()
    for characteristic in raw["characteristics"]:
        id_ = characteristic["id"]
        seen[id_] += 1
        row = _plain(characteristic, CHARACTERISTIC, "tags value_tags", "values")
        yield "category_characteristics", shared | row | {"position": seen[id_]}
        for place, value in enumerate(characteristic["values"], 1):
            yield (
                "category_values",
                shared
                | {
                    "characteristic_id": id_,
                    "characteristic_position": seen[id_],
                    "position": place,
                    "value": value,
                    "extra": Json(None),
                },
            )
    for family in raw["family_types"]:
        row = shared | truth._same(family, "id name")
        own = truth._extra(family, "id name characteristics")
        if not family["characteristics"]:
            nothing = dict.fromkeys(MEMBER.split())
            yield "category_family_types", row | nothing | {"position": 0, "extra": own}
        for place, member in enumerate(family["characteristics"], 1):
            extra = truth._nested(own, {"characteristics": truth._extra(member, MEMBER)})
            told = truth._same(member, MEMBER)
            yield "category_family_types", row | told | {"position": place, "extra": extra}


def _invoice_rows(table: str, raw: Row, names: str, more: Row) -> Iterator[tuple[str, Row]]:
    row = _plain(raw, names, PARTIES, "lines") | more
    for party in PARTIES.split():
        row[f"{party}_cif"] = raw[party]["cif"]
    for name in TOTALS.split():
        row[f"signed_{name}"] = -abs(raw[name]) if raw["is_storno"] else raw[name]
    yield table, row
    for place, line in enumerate(raw["lines"], 1):
        shared = {"number": raw["number"], "position": place}
        yield f"{table.removesuffix('s')}_lines", shared | _plain(line, INVOICE_LINE)


def _plain(raw: Row, names: str, as_json: str = "", turned: str = "", **inner: str) -> Row:
    """Return columns named as their fields, and `extra` with whatever else there is."""
    extra = truth._extra(raw, names, as_json, turned)
    nested = {name: truth._extra(raw[name], known) for name, known in inner.items()}
    row = truth._same(raw, names) | truth._json(raw, as_json)
    return row | {"extra": truth._nested(extra, nested)}


class _Wire:
    """Reads the sandbox without the tap."""

    def __init__(self, shop: Sandbox) -> None:
        self._url = shop.url
        self._root = shop.url.partition("/api-3")[0]

    def objects(self, resource: str, key: str, body: Row | None = None) -> Iterator[Row]:
        """Yield every object of a resource, whatever it is wrapped in, with all pages."""
        asked = {"itemsPerPage": 100, "date_start": "2020-01-01", "date_end": "2030-01-01"}
        if not resource.startswith(("invoice/read", "customer-invoice")):
            asked = {"itemsPerPage": 100}
        page, seen = 0, set()
        while True:
            page += 1
            reply = requests.post(
                f"{self._url}/{resource}",
                json={**asked, "currentPage": page, **(body or {})},
                auth=("demo", "demo"),
                timeout=60,
            ).json(parse_float=Decimal)
            fresh = [row for row in _outermost(_listed(reply), key) if row[key] not in seen]
            seen |= {row[key] for row in fresh}
            yield from fresh
            if not fresh or body:
                return

    def get(self, path: str) -> Any:  # noqa: ANN401 - a body of any shape
        """Read one object."""
        reply = requests.get(f"{self._root}{path}", auth=("demo", "demo"), timeout=60)
        return _listed(reply.json(parse_float=Decimal))


def _listed(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Turn each object of numbered keys, a PHP array with holes, into the list it stands for."""
    if isinstance(value, dict):
        if value and all(name.isdecimal() for name in value):
            return [_listed(each) for each in value.values()]
        return {name: _listed(each) for name, each in value.items()}
    return [_listed(each) for each in value] if isinstance(value, list) else value


def _outermost(value: object, key: str) -> Iterator[Row]:
    if isinstance(value, dict) and key in value:
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _outermost(each, key)
