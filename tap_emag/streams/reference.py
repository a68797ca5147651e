"""Reference lists: categories with their characteristics, VAT rates, handling times, localities."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tap_emag.client import PAGE_SIZE
from tap_emag.readers import Scan
from tap_emag.streams.base import ChildStream
from tap_emag.streams.lists import Item, ListStream
from tap_emag.tables import categories, reference, shipping
from tap_emag.tables.account import key_of
from tap_emag.tables.cleaning import items_of

if TYPE_CHECKING:
    from collections.abc import Iterator

VALUES_PER_PAGE = 256  # what comes without asking for pages, by the documentation
OVERLAP = timedelta(days=1)  # the zone of a locality's time is not known


class SimpleList(ListStream):
    """A short list that one request brings, or a few: whether they are paged is not documented."""

    resource: str

    def items(self, bookmark: dict[str, Any]) -> Iterator[Item]:  # noqa: ARG002
        """Read the list, page by page as long as pages are full and bring something new."""
        seen: set[int | str] = set()
        number = 1
        while True:
            rows = self.requests.call(self.rows, number)
            fresh = [item for item in map(self.item, rows) if item.key not in seen]
            yield from fresh
            seen.update(item.key for item in fresh)
            if len(rows) < PAGE_SIZE or not fresh:
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

    def item(self, raw: dict[str, Any]) -> Item:
        """Turn one VAT rate into its row."""
        row = reference.vat_rate_row(raw, self._tap.account, self._tap.wall, self.report)
        return Item(row["vat_id"], row)


class HandlingTimes(SimpleList):
    """Handling times an offer may have."""

    table = reference.HANDLING_TIMES
    resource = "handling_time"

    def item(self, raw: dict[str, Any]) -> Item:
        """Turn one handling time into its row."""
        row = reference.handling_time_row(raw, self._tap.account, self._tap.wall, self.report)
        return Item(row["id"], row)


class CourierAccounts(SimpleList):
    """The seller's courier accounts."""

    table = shipping.COURIER_ACCOUNTS
    resource = "courier_accounts"

    def item(self, raw: dict[str, Any]) -> Item:
        """Turn one courier account into its row."""
        row = shipping.courier_account_row(raw, self._tap.account, self._tap.wall, self.report)
        return Item(row["account_id"], row)


class Addresses(SimpleList):
    """The seller's addresses."""

    table = shipping.ADDRESSES
    resource = "addresses"

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
                row = reference.locality_row(raw, self._tap.account, self._tap.wall, self.report)
                yield Item(row["emag_id"], row)
            self._tap.life.reached("localities", f"{len(scan.seen)} of about {scan.total} read")


class Categories(ListStream):
    """Categories, with what hangs on them."""

    table = categories.CATEGORIES

    def items(self, bookmark: dict[str, Any]) -> Iterator[Item]:  # noqa: ARG002
        """Read all categories; then, if wanted, the values of each one's characteristics."""
        scan = Scan(self._tap.client, self.requests, "category", _category_id)
        for page in scan.read():
            for raw in page.rows:
                rows = reference.category_rows(raw, self._tap.account, self.report)
                yield Item(
                    rows.category["id"],
                    rows.category,
                    {
                        CategoryCharacteristics.table.name: rows.characteristics,
                        CategoryFamilyTypes.table.name: rows.family_types,
                    },
                )
            self._tap.life.reached("categories", f"{len(scan.seen)} of about {scan.total} read")
        if self.writes(CategoryValues.table.name):
            self._write_values(sorted(scan.seen))

    def _write_values(self, ids: list[int]) -> None:
        """Read the values of each category's characteristics: a request or more for each."""
        self.announce("category_values", len(ids), "category/read")
        for number, (category, pages) in enumerate(self.requests.map(self._values, ids), start=1):
            for first, raw in pages:
                rows = reference.category_value_rows(raw, self._tap.account, first, self.report)
                for row in rows:
                    self.write_child(CategoryValues.table.name, row)
            self._tap.life.reached("category_values", f"{number} of {len(ids)}, last {category}")

    def _values(self, category: int) -> list[tuple[int, dict[str, Any]]]:
        """Return a category with each page of values, and the place of the page's first value."""
        pages: list[tuple[int, dict[str, Any]]] = []
        while True:
            number = len(pages) + 1
            asked = {"id": category, "valuesCurrentPage": number, "valuesPerPage": VALUES_PER_PAGE}
            rows = self._tap.client.read("category", 1, asked).rows
            if not rows or (pages and rows[0] == pages[-1][1]):
                return pages
            pages.append(((number - 1) * VALUES_PER_PAGE + 1, rows[0]))
            if not any(len(values) >= VALUES_PER_PAGE for values in _value_lists(rows[0])):
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


def _category_id(raw: dict[str, Any]) -> int:
    return key_of(raw, "id")


def _locality_id(raw: dict[str, Any]) -> int:
    return key_of(raw, "emag_id")


def _value_lists(raw: dict[str, Any]) -> Iterator[Any]:
    for characteristic in items_of(raw.get("characteristics") or []):
        if isinstance(characteristic, dict):
            yield items_of(characteristic.get("values") or [])
