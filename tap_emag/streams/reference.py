"""Reference lists: categories with their characteristics, VAT rates, handling times, localities."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from tap_emag.client import PAGE_SIZE
from tap_emag.errors import ContractError
from tap_emag.readers import Scan
from tap_emag.streams.base import ChildStream
from tap_emag.streams.lists import Item, ListStream
from tap_emag.tables import categories, reference, shipping
from tap_emag.tables.account import key_or_none
from tap_emag.tables.cleaning import items_of
from tap_emag.tables.raw import DOUBLE

if TYPE_CHECKING:
    from collections.abc import Iterator

VALUES_PER_PAGE = 256  # what comes without asking for pages, by the documentation
OVERLAP = timedelta(days=1)  # the zone of a locality's time is not known


class SimpleList(ListStream):
    """A short list that one request brings, or a few: whether they are paged is not documented."""

    resource: str
    ids: ClassVar[tuple[str, ...]]  # the keys under which the id of an element may stand

    def items(self, bookmark: dict[str, Any]) -> Iterator[Item]:  # noqa: ARG002
        """Read the list, page by page as long as pages are full and bring something new."""
        seen: dict[int | str, Item] = {}
        number = 1
        while True:
            rows = self.requests.call(self.rows, number)
            before = len(seen)
            for raw in rows:
                item = self.placed(raw, self.item, *self.ids)
                if item is not None and seen.setdefault(item.key, item) is item:
                    yield item
                elif item is not None and seen[item.key] != item:
                    self.reject(raw, DOUBLE)
            if len(rows) < PAGE_SIZE or len(seen) == before:
                return
            number += 1

    def item(self, raw: dict[str, Any]) -> Item:
        """Turn one element into its row."""
        raise NotImplementedError

    def rows(self, number: int) -> list[dict[str, Any]]:
        """Read one page."""
        return self._tap.client.read(self.resource, number, {}).rows


class VatRates(SimpleList):
    """VAT rates."""

    table = reference.VAT_RATES
    resource = "vat"
    ids = ("vat_id", "id")

    def item(self, raw: dict[str, Any]) -> Item:
        """Turn one VAT rate into its row."""
        row = reference.vat_rate_row(raw, self._tap.account, self._tap.wall, self.report)
        return Item(row["vat_id"], row)


class HandlingTimes(SimpleList):
    """Handling times an offer may have."""

    table = reference.HANDLING_TIMES
    resource = "handling_time"
    ids = ("id", "value")

    def item(self, raw: dict[str, Any]) -> Item:
        """Turn one handling time into its row."""
        row = reference.handling_time_row(raw, self._tap.account, self._tap.wall, self.report)
        return Item(row["id"], row)


class CourierAccounts(SimpleList):
    """The seller's courier accounts."""

    table = shipping.COURIER_ACCOUNTS
    resource = "courier_accounts"
    ids = ("account_id", "id")

    def item(self, raw: dict[str, Any]) -> Item:
        """Turn one courier account into its row."""
        row = shipping.courier_account_row(raw, self._tap.account, self._tap.wall, self.report)
        return Item(row["account_id"], row)


class Addresses(SimpleList):
    """The seller's addresses."""

    table = shipping.ADDRESSES
    resource = "addresses"
    ids = ("address_id",)

    def item(self, raw: dict[str, Any]) -> Item:
        """Turn one address into its row."""
        row = shipping.address_row(raw, self._tap.account, self._tap.wall, self.report)
        return Item(row["address_id"], row)


class Localities(ListStream):
    """Places that couriers deliver to: all of them at first, later those that changed."""

    table = reference.LOCALITIES

    def items(self, bookmark: dict[str, Any]) -> Iterator[Item]:
        """Read the places changed since the latest reading, or all."""
        filters = {}
        if "read_at" in bookmark:
            since = datetime.fromisoformat(bookmark["read_at"]) - OVERLAP
            wall = since.astimezone(self._tap.settings.timezone).replace(tzinfo=None)
            filters["modified"] = f"{wall:%Y-%m-%d %H:%M:%S}"
        few = bool(filters)
        scan = Scan(self._tap.client, self.requests, "locality", _locality_id, filters, few)
        for page in scan.read():
            for raw in page.rows:
                item = self.placed(raw, self._item, "emag_id")
                if item is not None:
                    yield item
            self.reached_page("localities", scan, len(page.rows))
        self._tap.progress.ended("localities")

    def _item(self, raw: dict[str, Any]) -> Item:
        row = reference.locality_row(raw, self._tap.account, self._tap.wall, self.report)
        return Item(row["emag_id"], row)


class Categories(ListStream):
    """Categories, with what hangs on them."""

    table = categories.CATEGORIES

    def items(self, bookmark: dict[str, Any]) -> Iterator[Item]:  # noqa: ARG002
        """Read all categories; then, if wanted, the values of each one's characteristics."""
        scan = Scan(self._tap.client, self.requests, "category", _category_id)
        for page in scan.read():
            for raw in page.rows:
                item = self.placed(raw, self._item, "id")
                if item is not None:
                    yield item
            self.reached_page("categories", scan, len(page.rows))
        self._tap.progress.ended("categories")
        if self.writes(CategoryValues.table.name):
            self._write_values(sorted(scan.seen))

    def _item(self, raw: dict[str, Any]) -> Item:
        rows = reference.category_rows(raw, self._tap.account, self.report)
        children = {
            CategoryCharacteristics.table.name: rows.characteristics,
            CategoryFamilyTypes.table.name: rows.family_types,
        }
        return Item(rows.category["id"], rows.category, children)

    def _write_values(self, ids: list[int]) -> None:
        """Read the values of each category's characteristics: a request or more for each."""
        self.announce("category_values", len(ids), "category/read")
        for number, (category, pages) in enumerate(self.requests.map(self._values, ids), start=1):
            for first, raw in pages:
                rows = self.placed(
                    raw,
                    partial(self._value_rows, first),
                    stream=CategoryValues.table.name,
                    category_id=category,
                )
                for row in rows or ():
                    self.write_child(CategoryValues.table.name, row)
            where = f"{number} of {len(ids)}, last {category}"
            self.reached("category_values", where, number / len(ids))
        self._tap.progress.ended("category_values")

    def _value_rows(self, first: int, raw: dict[str, Any]) -> list[dict[str, Any]]:
        return reference.category_value_rows(raw, self._tap.account, first, self.report)

    def _values(self, category: int) -> list[tuple[int, dict[str, Any]]]:
        """Return a category with each page of values, and the place of the page's first value."""
        pages: list[tuple[int, dict[str, Any]]] = []
        while True:
            number = len(pages) + 1
            asked = {"id": category, "valuesCurrentPage": number, "valuesPerPage": VALUES_PER_PAGE}
            rows = self._tap.client.read("category", 1, asked).rows
            found = [raw for raw in rows if _category_id(raw) == category]
            if rows and not found:
                raise ContractError(
                    f"category/read: asked for category {category}, got others: the filter was"
                    " ignored"
                )
            if not rows or (pages and found[0] == pages[-1][1]):
                return pages
            pages.append(((number - 1) * VALUES_PER_PAGE + 1, found[0]))
            if not any(len(values) >= VALUES_PER_PAGE for values in _value_lists(found[0])):
                return pages


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


def _category_id(raw: dict[str, Any]) -> int | None:
    return key_or_none(raw, "id")


def _locality_id(raw: dict[str, Any]) -> int | None:
    return key_or_none(raw, "emag_id")


def _value_lists(raw: dict[str, Any]) -> Iterator[Any]:
    for characteristic in _items(raw.get("characteristics")):
        if isinstance(characteristic, dict):
            yield _items(characteristic.get("values"))


def _items(value: object) -> list[Any]:
    return items_of(value) if isinstance(value, list | dict) else []
