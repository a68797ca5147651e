"""Invoices of eMAG to the seller, and of the seller to customers, by their date."""

from __future__ import annotations

import abc
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from tap_emag.client import PAGE_SIZE
from tap_emag.errors import ContractError, EmagError, UnsteadyError
from tap_emag.streams.base import ChildStream, EmagStream
from tap_emag.streams.lists import ChangedItems, Item
from tap_emag.streams.reference import SimpleList
from tap_emag.tables import finance as tables
from tap_emag.tables.raw import DOUBLE, identities, is_double, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record

SPAN = timedelta(days=27)  # and the day itself
MOST_TRIES = 4
PLACES = {"results", "invoices", "number", "lines", "0"}  # where invoices stand in an envelope


class DatedInvoices(EmagStream):
    """Invoices of a range of dates, read month by month; written where they differ."""

    replication_key = "date"
    resource: str

    @abc.abstractmethod
    def item(self, raw: dict[str, Any]) -> Item:
        """Turn one invoice into its row and those of its lines."""

    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Yield the invoices from the look-back on that are new or changed."""
        self.begin_children()
        bookmark = self.get_context_state(context)
        months = list(self._months(bookmark))
        if not months:
            self.logger.info("nothing to read: end_date lies before what was read already")
            return
        with self.ledger(context, "rows") as ledger:
            changed = ChangedItems(ledger, self.met)
            try:
                yield from self._changed(months, changed)
            except EmagError:
                self.move_bookmark(context, **ledger.bookmark())
                raise
            changed.forget_missing()
        reached = min(months[-1][1], self._today()).isoformat()
        self.move_bookmark(context, replication_key_value=reached, **ledger.bookmark())
        self._tap.progress.ended(self.name)

    def _changed(self, months: list[tuple[date, date]], changed: ChangedItems) -> Iterator[Record]:
        for number, (first, last) in enumerate(months, start=1):
            for item in self._whole(first, last):
                row = changed.passes(item)
                if row is not None:
                    yield row
            where = f"read up to {min(last, self._today())}"
            self.reached(self.name, where, number / len(months))

    def _today(self) -> date:
        return datetime.now(timezone.utc).astimezone(self._tap.settings.timezone).date()

    def _months(self, bookmark: dict[str, Any]) -> Iterator[tuple[date, date]]:
        """Cut the range into spans of four weeks; the last one reaches beyond today.

        An invoice may bear a date that is still to come.
        """
        settings = self._tap.settings
        first = settings.start_date.astimezone(settings.timezone).date()
        if bookmark.get("replication_key_value"):
            reached = date.fromisoformat(bookmark["replication_key_value"])
            first = reached - timedelta(days=settings.invoice_lookback_days)
        end = settings.end_date.date() if settings.end_date else self._today() + timedelta(days=1)
        while first <= end:
            last = min(first + SPAN, end)
            yield first, last
            first = last + timedelta(days=1)

    def _whole(self, first: date, last: date) -> list[Item]:
        """Read all invoices of a span, until as many have come as the API says there are.

        Raises:
            UnsteadyError: They never were as many.
        """
        for _ in range(MOST_TRIES):
            found, total = self._pages(first, last)
            if total is None or total == len(found):
                return [item for item in found.values() if item is not None]
        raise UnsteadyError(
            f"{self.resource}/read: of {first} to {last} there should be {total} invoices, but"
            f" {len(found)} came, {MOST_TRIES} times; run again later"
        )

    def _pages(self, first: date, last: date) -> tuple[dict[str, Item | None], int | None]:
        """Read all pages of a span; return what came, None for each row that made no sense."""
        found: dict[str, Item | None] = {}
        total, number = None, 1
        while True:
            reply = self.requests.call(self._page, (first, last, number))
            invoices = self._listed(reply)
            total = tables.invoice_total(reply)
            before = len(found)
            for name, raw in zip(identities(invoices, "number"), invoices, strict=True):
                if is_double(name):
                    found[name] = None
                    self.reject(raw, DOUBLE)
                else:
                    found[name] = self.placed(raw, self.item, "number")
            if len(invoices) < PAGE_SIZE or len(found) == before:
                return found, total
            number += 1

    def _listed(self, reply: object) -> list[dict[str, Any]]:
        """Return the invoices of a reply.

        Raises:
            ContractError: It holds nothing that could be a list of them.
        """
        if isinstance(reply, dict) and "isError" in reply and not reply.keys() & PLACES:
            raise ContractError(f"{self.resource}/read: the reply holds no `results`")
        return tables.invoice_list(reply)

    def _page(self, asked: tuple[date, date, int]) -> Any:  # noqa: ANN401 - a body of any shape
        first, last, number = asked
        body = {
            "date_start": first.isoformat(),
            "date_end": last.isoformat(),
            "currentPage": number,
            "itemsPerPage": PAGE_SIZE,
        }
        return self._tap.client.call_bare(f"{self.resource}/read", body).body


class Invoices(DatedInvoices):
    """Invoices of eMAG to the seller."""

    table = tables.INVOICES
    resource = "invoice"

    def item(self, raw: dict[str, Any]) -> Item:
        """Turn one invoice into its row and those of its lines."""
        rows = tables.invoice_rows(raw, self._tap.account, self._tap.wall, self.report)
        return Item(rows.invoice["number"], rows.invoice, {InvoiceLines.table.name: rows.lines})


class CustomerInvoices(DatedInvoices):
    """Invoices of the seller to customers."""

    table = tables.CUSTOMER_INVOICES
    resource = "customer-invoice"

    def item(self, raw: dict[str, Any]) -> Item:
        """Turn one invoice into its row and those of its lines."""
        rows = tables.customer_invoice_rows(raw, self._tap.account, self._tap.wall, self.report)
        children = {CustomerInvoiceLines.table.name: rows.lines}
        return Item(rows.invoice["number"], rows.invoice, children)


class InvoiceLines(ChildStream):
    """Lines of an invoice of eMAG."""

    table = tables.INVOICE_LINES
    parent_stream_type = Invoices


class CustomerInvoiceLines(ChildStream):
    """Lines of an invoice to a customer."""

    table = tables.CUSTOMER_INVOICE_LINES
    parent_stream_type = CustomerInvoices


class InvoiceCategories(SimpleList):
    """Kinds of invoices."""

    table = tables.INVOICE_CATEGORIES
    ids = ("category",)

    def item(self, raw: dict[str, Any]) -> Item:
        """Turn one kind into its row."""
        row = tables.invoice_category_row(raw, self._tap.account, self._tap.wall, self.report)
        return Item(row["category"], row)

    def rows(self, number: int) -> list[dict[str, Any]]:
        """Read the list, which has no pages and no `/read` in its name."""
        if number > 1:
            return []
        results = self._tap.client.call("invoice/categories", {}).body.get("results")
        rows = rows_of(results)
        if rows is None:
            raise ContractError("invoice/categories: the results are no list")
        return rows
