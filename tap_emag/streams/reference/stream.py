"""Reads eMAG's reference lists and the seller's: categories, localities, addresses and others."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from tap_emag.api.client import PAGE_SIZE
from tap_emag.readers import Scan, UncountedList
from tap_emag.readers.forecast import Forecast, counted, page_requests
from tap_emag.schema.identity import DOUBLE, rows_with
from tap_emag.schema.keys import key_or_none
from tap_emag.schema.sent import SentForm
from tap_emag.singer_io import override
from tap_emag.state.bookmarks import AHEAD
from tap_emag.state.fingerprints import digest
from tap_emag.streams.base import ChildStream
from tap_emag.streams.changed_lists import Item, ListStream
from tap_emag.streams.reference import categories_table as categories
from tap_emag.streams.reference import rows as reference
from tap_emag.streams.reference.category_details import CategoryDetails
from tap_emag.streams.reference.value_reader import ValueReader, the_one

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_sdk.helpers.types import Context, Record

OWN = ""  # the country of the platform, which no request has to name
OVERLAP = timedelta(days=1)  # the zone of a locality's time is not known
PLACE = SentForm(reference.LOCALITIES)
CATEGORY = SentForm(
    categories.CATEGORIES,
    parts={
        "characteristics": categories.CATEGORY_CHARACTERISTICS,
        "family_types": categories.CATEGORY_FAMILY_TYPES,
        "family_types.characteristics": categories.CATEGORY_FAMILY_TYPES,
    },
    ignored=("characteristics.values",),
)


class SimpleList(ListStream):
    """A short list of one page or a few; eMAG documents neither pages nor their size."""

    resource: str
    ids: ClassVar[tuple[str, ...]]  # the keys of which one contains an element's id
    make: Callable[..., dict[str, Any]]  # turns an element into its row

    def items(self, bookmark: dict[str, Any]) -> Iterator[Item]:  # noqa: ARG002
        """Read the list page by page, as long as a page has new elements: see `readers`."""
        seen: dict[int | str, Item] = {}
        pages = UncountedList(partial(self.requests.call, self.rows), self.ids)
        for raw in chain.from_iterable(pages.pages()):
            item = self.placement.rows_or_reject(raw, self._item, *self.ids)
            if item is None:
                continue
            if seen.setdefault(item.key, item) is item:
                yield item
            elif seen[item.key] != item:
                self.placement.reject(raw, DOUBLE)

    def item(self, raw: dict[str, Any]) -> Item:
        """Turn one element into its row, whose key is the first of `ids`."""
        row = self.make(
            raw, self.run.account, self.run.marketplace_time, self.placement.log_unknown_field
        )
        return Item(row[self.ids[0]], row)

    def _item(self, raw: dict[str, Any]) -> Item:
        return self.item(raw).sent_as(self._form, raw, self.run.settings.timezone)

    @cached_property
    def _form(self) -> SentForm:
        return SentForm(self.table)

    def rows(self, number: int) -> list[dict[str, Any]]:
        """Read one page."""
        return self.run.client.read(self.resource, number, {}).rows


class VatRates(SimpleList):
    """VAT rates."""

    table = reference.VAT_RATES
    resource = "vat"
    ids = ("vat_id", "id")
    make = staticmethod(reference.vat_rate_row)


class HandlingTimes(SimpleList):
    """Handling times an offer may have."""

    table = reference.HANDLING_TIMES
    resource = "handling_time"
    ids = ("id", "value")
    make = staticmethod(reference.handling_time_row)

    def item(self, raw: dict[str, Any]) -> Item:
        """Turn one handling time into its row; former releases had no column `value`."""
        item = super().item(raw)
        former = {name: value for name, value in item.row.items() if name != "value"}
        return replace(item, former_version=Item(item.key, former).former())


class CourierAccounts(SimpleList):
    """The seller's courier accounts."""

    table = reference.COURIER_ACCOUNTS
    resource = "courier_accounts"
    ids = ("account_id", "id")
    make = staticmethod(reference.courier_account_row)


class Addresses(SimpleList):
    """The seller's addresses."""

    table = reference.ADDRESSES
    resource = "addresses"
    ids = ("address_id",)
    make = staticmethod(reference.address_row)


class AwbPackages(SimpleList):
    """The seller's packages. eMAG documents their keys, and not the envelope of the reply."""

    table = reference.AWB_PACKAGES
    resource = "awb/package"
    ids = ("label",)
    make = staticmethod(reference.awb_package_row)

    def rows(self, number: int) -> list[dict[str, Any]]:
        """Read one page, whatever it is wrapped in."""
        body = {"currentPage": number, "itemsPerPage": PAGE_SIZE}
        return rows_with(self.run.client.call_bare(f"{self.resource}/read", body).body, "label")


class Localities(ListStream):
    """Places that couriers deliver to: the first run reads all, later ones what changed.

    Each country of `locality_countries` is read on its own.
    """

    table = reference.LOCALITIES
    _read: tuple[str, ...] = ()  # countries; an empty one is read completely by the next run

    @override
    def forecast(self) -> Forecast:
        """Count the places of the platform's own country; eMAG's count takes no other."""
        countries = self.asked_for()["countries"]
        rows = counted(self.run.client, "locality") if countries == [OWN] else None
        return Forecast("localities", rows, page_requests(rows or 0))

    def is_complete(self, bookmark: dict[str, Any]) -> bool:
        """Return whether this is the first reading; later ones return changed places only."""
        return "read_at" not in bookmark

    def items(self, bookmark: dict[str, Any]) -> Iterator[Item]:
        """Read the places changed since the latest reading, or all.

        If the latest reading is in the future of eMAG's clock, a clock was wrong, and all are read.
        That is known only after eMAG's reply.
        """
        read_at, known = bookmark.get("read_at"), bookmark.get("countries", [OWN])
        self._read = ()
        for country in self.asked_for()["countries"]:
            latest = datetime.fromisoformat(read_at) if read_at and country in known else None
            if latest and self._passed(latest):
                yield from self._places(country, latest - OVERLAP)
            is_read = latest is not None and self._passed(latest)
            if not is_read:
                for place in self._places(country, None):
                    is_read = True
                    yield place
            if is_read:
                self._read += (country,)
        self.run.progress.ended("localities")

    def asked_for(self) -> dict[str, list[str]]:
        """Return the countries; a new one is read completely."""
        return {"countries": list(self.run.settings.locality_countries) or [OWN]}

    def covered(self) -> dict[str, list[str]]:
        """Return the countries that were ever read completely, and had rows then.

        eMAG may send an empty list by mistake. Only changes would be asked for after it.
        """
        return {"countries": list(self._read)}

    def _passed(self, moment: datetime) -> bool:
        return moment <= self.run.client.clock.now() + AHEAD

    def _places(self, country: str, since: datetime | None) -> Iterator[Item]:
        filters = {} if country == OWN else {"country_code": country}
        few = since is not None
        if since:
            wall = since.astimezone(self.run.settings.timezone).replace(tzinfo=None)
            filters["modified"] = f"{wall:%Y-%m-%d %H:%M:%S}"
        scan = Scan(self.run.client, self.requests, "locality", _locality_id, filters, few)
        scan.counted = country == OWN  # eMAG's count takes no country
        for page in scan.read():
            for raw in page.rows:
                item = self.placement.rows_or_reject(raw, self._item, "emag_id")
                if item is not None:
                    yield item
            self.update_scan_progress("localities", scan, len(page.rows))

    def _item(self, raw: dict[str, Any]) -> Item:
        row = reference.locality_row(
            raw, self.run.account, self.run.marketplace_time, self.placement.log_unknown_field
        )
        return Item(row["emag_id"], row).sent_as(PLACE, raw, self.run.settings.timezone)


class Categories(ListStream):
    """Categories, with the rows of their child tables.

    Where the list does not carry characteristics or family types, they come with a read of each
    category alone: see `category_details`.
    """

    table = categories.CATEGORIES
    _details: CategoryDetails | None = None

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Yield new and changed categories.

        Raises:
            SkippedItemsError: Parts of some categories are left to the next run.
        """
        yield from super().get_records(context)
        if self._details:
            self._details.check()

    @override
    def forecast(self) -> Forecast:
        """Count the categories."""
        rows = counted(self.run.client, "category")
        own = page_requests(rows or 0)
        return Forecast("categories", rows, own + self.requests_of_children(rows or 0))

    def items(self, bookmark: dict[str, Any]) -> Iterator[Item]:
        """Read all categories; then what only a read of each one brings, as far as it is wanted."""
        scan = Scan(self.run.client, self.requests, "category", _category_id, params=self._params)
        parts = {
            key: stream.table.name
            for key, stream in PARTS.items()
            if self.children.has(stream.table.name)
        }
        delivered = self.delivered_rows(self.account_context, "details")
        details = self._details = CategoryDetails(self, self._detail, delivered, bookmark, parts)
        for page in scan.read():
            for raw in page.rows:
                item = self.placement.rows_or_reject(raw, self._item, "id")
                if item is not None:
                    if item.number > 0:  # an id of eMAG's, which can be asked for
                        details.listed(item.number, self._version(item), raw)
                    yield item
            self.update_scan_progress("categories", scan, len(page.rows))
        self.run.progress.ended("categories")
        if self.children.has(CategoryValues.table.name):
            self._write_values(sorted(scan.seen), details)
        else:
            details.write(self._alone)

    def asked_for(self) -> dict[str, list[str]]:
        """Return the language."""
        return {"language": [self.run.settings.category_language or ""]}

    def _fresh(self, bookmark: dict[str, Any]) -> bool:
        return not bookmark.get("unread") and super()._fresh(bookmark)

    @property
    def _params(self) -> dict[str, str]:
        language = self.run.settings.category_language
        return {"language": language.lower()} if language else {}

    def _version(self, item: Item) -> bytes:
        """Return the item's version in the language; without a language it is the item's own.

        Two languages may share the name, which the list carries, and not the parts it lacks.
        """
        language = self.run.settings.category_language
        return digest(item.version + language.encode()) if language else item.version

    def _alone(self, category: int, once: bool) -> dict[str, Any]:  # noqa: FBT001
        asked = {"id": category}
        return the_one(
            self.run.client.read("category", 1, asked, self._params, once=once).rows, category
        )

    def _detail(self, raw: dict[str, Any]) -> Item | None:
        return self.placement.rows_or_reject(raw, self._item, "id")

    def _item(self, raw: dict[str, Any]) -> Item:
        rows = reference.category_rows(raw, self.run.account, self.placement.log_unknown_field)
        children = {
            CategoryCharacteristics.table.name: rows.characteristics,
            CategoryFamilyTypes.table.name: rows.family_types,
        }
        return Item(rows.category["id"], rows.category, children).sent_as(CATEGORY, raw)

    def _write_values(self, ids: list[int], details: CategoryDetails) -> None:
        """Read the values of each category's characteristics: a request or more for each."""
        self.announce("category_values", len(ids), "category/read")
        reader = ValueReader(self.run.client, self.requests, self._params)
        for number, (category, pages) in enumerate(reader.read(ids), start=1):
            for first, raw in pages:
                if first == 1:
                    details.take(category, raw)
                rows = self.placement.rows_or_reject(
                    raw,
                    partial(self._value_rows, first),
                    stream=CategoryValues.table.name,
                    category_id=category,
                )
                for row in rows or ():
                    self.children.write(CategoryValues.table.name, row)
            where = f"{min(number, len(ids))} of {len(ids)}, last {category}"
            self.run.update_progress("category_values", where, min(1.0, number / len(ids)))
        self.run.progress.ended("category_values")
        details.end()

    def _value_rows(self, first: int, raw: dict[str, Any]) -> list[dict[str, Any]]:
        return reference.category_value_rows(
            raw, self.run.account, first, self.placement.log_unknown_field
        )


class CategoryCharacteristics(ChildStream):
    """Characteristics that the offers of a category may or must have."""

    table = categories.CATEGORY_CHARACTERISTICS
    parent_stream_type = Categories


class CategoryFamilyTypes(ChildStream):
    """Family types of a category: the characteristics its variants may differ in."""

    table = categories.CATEGORY_FAMILY_TYPES
    parent_stream_type = Categories


class CategoryValues(ChildStream):
    """Values a characteristic may have. Off by default: it takes a request for each category."""

    table = categories.CATEGORY_VALUES
    parent_stream_type = Categories
    selected_by_default = False

    @override
    def requests_for(self, rows: int) -> int:
        """Return one request for each category, at least."""
        return rows


# Lists inside a category, by key, with the streams that their rows belong to.
PARTS = {"characteristics": CategoryCharacteristics, "family_types": CategoryFamilyTypes}


def _category_id(raw: dict[str, Any]) -> int | None:
    return key_or_none(raw, "id")


def _locality_id(raw: dict[str, Any]) -> int | None:
    return key_or_none(raw, "emag_id")
