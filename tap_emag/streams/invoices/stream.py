"""Reads invoices of eMAG to the seller, and of the seller to customers, by date.

eMAG documents both date filters as exclusive, and as the day on which an invoice was created. So
the tap asks for each span with a day more on both sides, and the first span that returns an invoice
delivers it, whatever its date.
"""

from __future__ import annotations

import abc
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_emag.api.client import PAGE_SIZE
from tap_emag.errors import ContractError, EmagError, UnsteadyError
from tap_emag.readers import UncountedList
from tap_emag.readers.forecast import Forecast
from tap_emag.schema.identity import DOUBLE, identities, is_double, rows_of
from tap_emag.schema.sent import SentForm
from tap_emag.singer_io import override
from tap_emag.streams.base import ChildStream, EmagStream
from tap_emag.streams.changed_lists import ChangedItems, Item, read_again_if_doubtful
from tap_emag.streams.invoices import rows as tables
from tap_emag.streams.reference.stream import SimpleList

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from singer_sdk.helpers.types import Context, Record

    from tap_emag.state.delivered import DeliveredRows
    from tap_emag.streams.children import Row

DAY = timedelta(days=1)
SPAN = timedelta(days=26)  # from the first to the last day; the request spans 28
STRAY = timedelta(days=31)  # at most, between an invoice's date and the day of its creation
MOST_TRIES = 4
PLACES = {
    "results",
    "invoices",
    "number",
    "lines",
    "0",
}  # keys of an envelope that contains invoices


class DatedItems(ChangedItems):
    """Expects a number of invoices again: those dated since a day well inside the range.

    Whether earlier ones come depends on the bounds, and on the date that eMAG filters by.
    """

    def __init__(
        self,
        delivered: DeliveredRows,
        count_rows: Callable[[str], None],
        first: str,
        bookmark: dict[str, Any],
    ) -> None:
        """Expect the number in the bookmark, unless this reading begins later, at `first`."""
        super().__init__(delivered, count_rows)
        self._since = bookmark.get("known_since", "")
        self.known = bookmark.get("expected", 0) if first <= self._since else 0
        self._days: dict[int, str] = {}
        self._came = 0

    def passes(self, item: Item) -> Row | None:
        """Return the invoice's rows if they are to be written."""
        if item.number not in self.seen:
            self._days[item.number] = day = item.row["date"] or ""
            known = self._delivered.change(item.number, item.fingerprint) != "created"
            self._came += known and day >= self._since
        return super().passes(item)

    @property
    def missing(self) -> int:
        """How many of the expected invoices are missing."""
        return max(0, self.known - self._came)

    def expected(self, since: str) -> dict[str, Any]:
        """Return, for the bookmark, how many invoices the next reading has to return."""
        return {"known_since": since, "expected": sum(day >= since for day in self._days.values())}


class DatedInvoices(EmagStream):
    """Invoices of a range of dates, read span by span; new and changed ones are written."""

    replication_key = "date"
    resource: str
    form: SentForm

    @override
    def forecast(self) -> Forecast:
        """Return the requests for months with few invoices: eMAG has no count of them."""
        return Forecast(requests=len(list(self._months({}))))

    @abc.abstractmethod
    def item(self, raw: dict[str, Any]) -> Item:
        """Turn one invoice into its row and those of its lines."""

    @property
    @override
    def plan(self) -> str:
        """Which invoices this sync reads."""
        reached = self.oldest_bookmark
        first = reached.date() - self._look_back if reached else self._first_day
        return f"reading those dated since {first}"

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Yield the new and changed invoices since the look-back."""
        self.begin_children()
        bookmark = self.get_context_state(context)
        months = list(self._months(bookmark))
        if not months:
            self.logger.info("nothing to read: end_date is earlier than what was read already")
            return
        delivered = self.delivered_rows(context, "rows")
        changed = DatedItems(delivered, self.count_rows, months[0][0].isoformat(), bookmark)
        read = partial(self._changed, months, changed)
        try:
            yield from read_again_if_doubtful(self.run, self.name, changed, read)
        except EmagError:
            self.move_bookmark(context, **delivered.bookmark())
            raise
        changed.forget_missing()
        reached = min(months[-1][1], self._today())
        self.move_bookmark(
            context,
            replication_key_value=reached.isoformat(),
            **changed.expected((reached - self._look_back).isoformat()),
            **delivered.bookmark(),
        )
        self.run.progress.ended(self.name)

    def _changed(self, months: list[tuple[date, date]], changed: ChangedItems) -> Iterator[Row]:
        start = min(months[0][0], self._local(self.run.settings.start_date)).isoformat()
        end = months[-1][1].isoformat() if self.run.settings.end_date else None
        two = replace(self.requests, concurrency=1)  # spans are under way: see AHEAD
        for number, ((_, last), items) in enumerate(two.map(self._complete, months), start=1):
            for item in items:
                day = item.row["date"]
                if day is not None and (day < start or (end is not None and day > end)):
                    continue
                row = changed.passes(item)
                if row is not None:
                    yield row
            where = f"read up to {min(last, self._today())}"
            self.run.update_progress(self.name, where, number / len(months))

    @property
    def _first_day(self) -> date:
        return self._local(self.run.settings.start_date)

    @property
    def _look_back(self) -> timedelta:
        return timedelta(days=self.run.settings.invoice_lookback_days)

    def _today(self) -> date:
        """Return the marketplace's date by the earlier of eMAG's clock and this machine's."""
        return self._local(self.run.client.clock.now())

    def _local(self, moment: datetime) -> date:
        return moment.astimezone(self.run.settings.timezone).date()

    def _months(self, bookmark: dict[str, Any]) -> Iterator[tuple[date, date]]:
        """Cut the range into spans of 27 days; the last ends tomorrow, since dates may be ahead."""
        settings = self.run.settings
        first = self._first_day
        if bookmark.get("replication_key_value"):
            reached = min(date.fromisoformat(bookmark["replication_key_value"]), self._today())
            first = reached - self._look_back
        end = self._local(settings.end_date) if settings.end_date else self._today() + DAY
        while first <= end:
            last = min(first + SPAN, end)
            yield first, last
            first = last + DAY

    def _complete(self, span: tuple[date, date]) -> list[Item]:
        """Read all invoices of a span, again until their number is the API's own count.

        Two spans are read at the same time, in threads that send requests.

        Raises:
            UnsteadyError: The numbers never agreed.
        """
        first, last = span
        for _ in range(MOST_TRIES):
            found, total = self._pages(first, last)
            if total is None or total == len(found):
                return [item for item in found.values() if item is not None]
        raise UnsteadyError(
            f"{self.resource}/read: of {first} to {last} there should be {total} invoices, but"
            f" {len(found)} came, {MOST_TRIES} times; run again later"
        )

    def _pages(self, first: date, last: date) -> tuple[dict[str, Item | None], int | None]:
        """Read all pages of a span; return the invoices, None for invalid ones, and the count."""
        found: dict[str, Item | None] = {}
        total: int | None = None

        def listed(number: int) -> list[dict[str, Any]]:
            nonlocal total
            reply = self._page(first, last, number)
            invoices, stated = self._listed(reply), tables.invoice_total(reply)
            total = total if stated is None else stated  # an empty page may have no count
            return invoices

        for invoices in UncountedList(listed, ["number"]).pages():
            for name, raw in zip(identities(invoices, "number"), invoices, strict=True):
                if is_double(name):
                    found[name] = None
                    self.placement.reject(raw, DOUBLE)
                else:
                    found[name] = self.placement.rows_or_reject(
                        raw, partial(self._dated, first, last), "number"
                    )
            if len(found) == total:
                break
        return found, total

    def _dated(self, first: date, last: date, raw: dict[str, Any]) -> Item:
        """Turn one invoice of a span into its rows.

        Raises:
            ContractError: Its date is so far from the span that eMAG ignored the filter.
        """
        item = self.item(raw).sent_as(self.form, raw, self.run.settings.timezone)
        day = item.row["date"]
        if day and not first - STRAY <= date.fromisoformat(day) <= last + STRAY:
            raise ContractError(
                f"{self.resource}/read: asked for {first} to {last}, got an invoice of {day}: the"
                " filter was ignored"
            )
        return item

    def _listed(self, reply: object) -> list[dict[str, Any]]:
        """Return the invoices of a reply.

        Raises:
            ContractError: It contains no list of invoices.
        """
        if isinstance(reply, dict) and "isError" in reply and not reply.keys() & PLACES:
            raise ContractError(f"{self.resource}/read: the reply has no `results`")
        return tables.invoice_list(reply)

    def _page(self, first: date, last: date, number: int) -> Any:  # noqa: ANN401 - of any shape
        body = {
            "date_start": (first - DAY).isoformat(),
            "date_end": (last + DAY).isoformat(),
            "currentPage": number,
            "itemsPerPage": PAGE_SIZE,
        }
        return self.run.client.call_bare(f"{self.resource}/read", body).body


class Invoices(DatedInvoices):
    """Invoices of eMAG to the seller."""

    table = tables.INVOICES
    resource = "invoice"
    form = SentForm(tables.INVOICES, parts={"lines": tables.INVOICE_LINES})

    def item(self, raw: dict[str, Any]) -> Item:
        """Turn one invoice into its row and those of its lines."""
        rows = tables.invoice_rows(
            raw, self.run.account, self.run.marketplace_time, self.placement.log_unknown_field
        )
        return Item(rows.invoice["number"], rows.invoice, {InvoiceLines.table.name: rows.lines})


class CustomerInvoices(DatedInvoices):
    """Invoices of the seller to customers."""

    table = tables.CUSTOMER_INVOICES
    resource = "customer-invoice"
    form = SentForm(tables.CUSTOMER_INVOICES, parts={"lines": tables.CUSTOMER_INVOICE_LINES})

    def item(self, raw: dict[str, Any]) -> Item:
        """Turn one invoice into its row and those of its lines."""
        rows = tables.customer_invoice_rows(
            raw, self.run.account, self.run.marketplace_time, self.placement.log_unknown_field
        )
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
        row = tables.invoice_category_row(
            raw, self.run.account, self.run.marketplace_time, self.placement.log_unknown_field
        )
        return Item(row["category"], row)

    def rows(self, number: int) -> list[dict[str, Any]]:
        """Read the list, which has no pages and no `/read` in its name."""
        if number > 1:
            return []
        results = self.run.client.call("invoice/categories", {}).body.get("results")
        rows = rows_of(results)
        if rows is None:
            raise ContractError("invoice/categories: the results are not a list")
        return rows
