"""Reads orders by windows on `modified`, one partition for each order type."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tap_emag.formatting import utc
from tap_emag.readers import CountReliability, PageSize, TimeField, WindowReader
from tap_emag.readers.calendar import Calendar
from tap_emag.readers.forecast import Forecast, counted, extrapolated, samples, window_requests
from tap_emag.schema.identity import DOUBLE
from tap_emag.singer_io import override
from tap_emag.state.bookmarks import AHEAD, NEWEST
from tap_emag.state.delivered import name_pipeline
from tap_emag.streams.base import ChildStream, EmagStream
from tap_emag.streams.children import Row
from tap_emag.streams.orders import rows as tables
from tap_emag.streams.orders.tally import Tally, counted_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record

    from tap_emag.readers import ProvenWindow, WindowPipeline
    from tap_emag.readers.calendar import Window
    from tap_emag.state.order_versions import Version

TIME_FIELD = TimeField("order", "id", "modified", "modifiedAfter", "modifiedBefore", typed=True)
GROWTH = 4  # from the first to the last window counted, up to which no other count is needed
DOUBTED = timedelta(days=1)  # a bookmark may be this far ahead, if two clocks were wrong


class Orders(EmagStream):
    """Orders by (`modified`, `id`); the bookmark passes a window once it is proven complete."""

    table = tables.ORDERS
    bucket = "orders"
    replication_key = "modified"
    is_sorted = True
    _lines: dict[int, WindowPipeline] | None = None  # by order type, the ones not yet consumed

    @property
    @override
    def partitions(self) -> list[dict[str, Any]]:
        """One partition per order type: the API reads one type at a time."""
        account = super().partitions or [{}]
        return [account[0] | {"type": kind} for kind in self.run.settings.order_types]

    @property
    @override
    def plan(self) -> str:
        """Which orders this sync reads."""
        settings, reached = self.run.settings, self.oldest_bookmark
        if self._is_reread:
            return f"reading those changed in the last {settings.order_reread_days} days again"
        first = reached - self._look_back if reached else settings.start_date
        last = f" until {utc(settings.end_date)}" if settings.end_date else ""
        return f"reading those changed since {utc(first)}{last}"

    @override
    def forecast(self) -> Forecast:
        """Count the orders of each type, in some windows of the range."""
        now = self._calendar.local(self.run.client.clock.now())
        end = now if self._end is None else min(self._end, now)
        requests = 0
        for part in self.partitions:
            after = self._begin(part)
            until = max(after, end)
            rows = self._counted(int(part["type"]), after, until)
            self._expected[int(part["type"])] = rows
            requests += window_requests(rows or 0, until - after)
        found = list(self._expected.values())
        total = None if None in found else sum(filter(None, found))
        return Forecast("orders", total, requests + self.requests_of_children(total or 0))

    @cached_property
    def _expected(self) -> dict[int, int | None]:
        """The number of orders by type, as far as eMAG has counted them before."""
        return {}

    def _counted(self, kind: int, after: int, until: int) -> int | None:
        """Return about how many orders a range has; None where eMAG does not count them."""
        windows = samples(after, until, self._calendar)

        def count(window: Window | None) -> int | None:
            bounds = (TIME_FIELD.after, TIME_FIELD.before)
            asked = dict(zip(bounds, window.bounds, strict=True)) if window else {}
            return counted(self.run.client, TIME_FIELD.resource, {"type": kind, **asked})

        found = [rows for _, rows in self.requests.map(count, windows)]
        known = [rows for rows in found if rows is not None]
        if len(known) < len(found):
            return None
        # A young shop has none before it opened, and few soon after.
        total = count(None) if known[-1] > GROWTH * known[0] else None
        return extrapolated(sum(known), windows, until - after, total)

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Yield the orders of one type, from the bookmark to the present."""
        if context is None:
            return
        self.begin_children()
        if not self._lines:
            self._lines = {part["type"]: self._start(part) for part in self.partitions}
        try:
            yield from self._read(context, self._lines.pop(context["type"]))
            if not self._lines:  # the last type: its children's own requests are not in the way
                self.let_children_follow(())
        except BaseException:  # an error, or the caller stops: the others are not consumed
            for line in self._lines.values():
                line.stopped.set()
            raise

    def _read(self, context: Context, line: WindowPipeline) -> Iterator[Row]:
        kind = int(context["type"])
        state = self.get_context_state(context)
        begun = self._calendar.instant(line.after).isoformat()
        tally = Tally(counted_until(state, self.run.client.clock.now()))
        tally.newest = state.get(NEWEST) or begun
        present = self._calendar.local(self.run.client.clock.now())
        what, read, expected = f"orders of type {kind}", 0, self._expected.get(kind)
        for sealed in self._sealed(context, line):
            number = len(sealed.rows)
            versions: list[Version] = []
            timed: list[Version] = []
            for row in self._rows(sealed, kind):
                tally.add(row)
                versions.append(_version(row))
                if row["modified"]:
                    timed.append(versions[-1])
                yield row
            if self._is_reread:
                late = self._late(kind, timed)
                tally.late(len(late))
                many = self.let_children_expect(context, late)
            else:
                many = self.let_children_expect(context, versions)
                self._seal(context, sealed, timed, tally.newest)
            if many:
                self.let_children_follow(())
            self.run.recorder.read_orders(kind, number)
            for action, times in tally.taken().items():
                self.count_rows(action, times)
            until = sealed.window.until
            read += number
            share = min(1.0, (until - line.after) / max(1, present - line.after))
            # Rows are spread unevenly over time, so their number shows the time left better.
            done = min(0.99, read / expected) if expected and share < 1 else share
            where = f"read up to {utc(self._calendar.instant(until))}"
            self.run.update_progress(what, where, done, number)
        self.run.progress.ended(what)

    @property
    def _is_reread(self) -> bool:
        return self.run.settings.order_reread_days > 0

    def _late(self, kind: int, versions: list[Version]) -> list[Version]:
        """Count and log the orders that no regular run has read, and return them."""
        look_back = self.run.settings.order_lookback_seconds
        late = self.run.delivered_orders.take_late(kind, versions, look_back)
        self.run.recorder.late_orders(kind, len(late))
        if late:
            oldest = datetime.fromtimestamp(min(modified for _, modified in late), timezone.utc)
            self.logger.warning(
                "%d orders of type %d came late: no regular run had brought them, though the oldest"
                " was changed at %s; order_lookback_seconds (%d) is too short for these",
                len(late),
                kind,
                utc(oldest),
                look_back,
            )
        return late

    def _sealed(self, context: Context, line: WindowPipeline) -> Iterator[ProvenWindow]:
        """Yield a pipeline's windows; of a new one if it began in the future of eMAG's clock.

        Where this machine's clock is ahead, that is known only after eMAG's first reply.
        """
        empty = True
        for sealed in line:
            empty = False
            yield sealed
        if empty and self._begin(context) < line.after:
            yield from self._start(context)

    @cached_property
    def _calendar(self) -> Calendar:
        return Calendar(self.run.settings.timezone)

    @cached_property
    def _reader(self) -> WindowReader:
        return WindowReader(
            self.run.client,
            TIME_FIELD,
            self._calendar,
            self.run.executor(self.bucket),
            self.run.watchdog,
            self.run.settings.max_concurrent_requests,
            self._look_back,
            CountReliability(pages=self._page_size),
        )

    @cached_property
    def _page_size(self) -> PageSize:
        states = [self.get_context_state(part) for part in self.partitions]
        return PageSize(max(state.get("page_rows", 0) for state in states))

    @property
    def _look_back(self) -> timedelta:
        return timedelta(seconds=self.run.settings.order_lookback_seconds)

    def _start(self, context: Context) -> WindowPipeline:
        """Start reading a partition; all start at once, so that the request budget never idles."""
        with self.run.state_lock:
            name_pipeline(self.get_context_state(context))
        return self._reader.start(self._begin(context), self._end, {"type": context["type"]})

    def _begin(self, context: Context) -> int:
        """Return the cut after which to read: the bookmark less the look-back, or the start.

        A bookmark is as right as the clocks of the run that set it. The newest order that was seen
        does not depend on clocks: all missing orders are newer. So reading begins there if it is at
        most DOUBTED before the bookmark, or if the bookmark is in the future.
        """
        settings, calendar = self.run.settings, self._calendar
        if self._is_reread:
            first = self.run.client.clock.now() - timedelta(days=settings.order_reread_days)
            return calendar.cut_before(calendar.local(first))
        state, now = self.get_context_state(context), self.run.client.clock.now()
        if not state.get("replication_key_value"):
            return calendar.cut_before(calendar.local(settings.start_date) - 1)
        bookmark = datetime.fromisoformat(state["replication_key_value"])
        reached = min(bookmark, now)
        newest = min(reached, datetime.fromisoformat(state.get(NEWEST) or reached.isoformat()))
        if bookmark <= now + AHEAD:
            newest = max(newest, reached - DOUBTED)
        # Subtracted in UTC: in local time, an hour earlier may be the one that spring skips.
        return calendar.cut_before(calendar.local(newest - self._look_back))

    @property
    def _end(self) -> int | None:
        end = self.run.settings.end_date
        return None if end is None else self._calendar.cut_behind(self._calendar.local(end))

    def _rows(self, sealed: ProvenWindow, kind: int) -> Iterator[Row]:
        sealed.rows.reverse()
        while sealed.rows:  # each raw order is dropped as soon as it is a row
            raw = sealed.rows.pop()
            row = self.placement.rows_or_reject(
                raw, lambda raw: self._row(raw, kind), "id", type=kind
            )
            if row is not None:
                yield row
        for raw in sealed.doubles:
            self.placement.reject(raw, DOUBLE, type=kind)

    def _row(self, raw: dict[str, Any], kind: int) -> Row:
        rows = tables.order_rows(
            raw, self.run.account, self.run.marketplace_time, kind, self.placement.log_unknown_field
        )
        children = {
            OrderLines.table.name: rows.lines,
            OrderVouchers.table.name: rows.vouchers,
            OrderVoucherSplits.table.name: rows.voucher_splits,
            OrderAttachments.table.name: rows.attachments,
        }
        return Row(rows.order, children)

    def _seal(
        self, context: Context, sealed: ProvenWindow, versions: list[Version], newest: str
    ) -> None:
        """Move the bookmark to the window's end, at most to `settle_seconds` before the present.

        A bookmark in the future moves back. `newest` is when the newest order seen was modified.
        """
        calendar, now = self._calendar, self.run.client.clock.now()
        settled = calendar.horizon(now - timedelta(seconds=self.run.settings.settle_seconds))
        reached = min(sealed.window.until, calendar.cut_before(settled))
        moment = calendar.instant(reached)
        state = self.get_context_state(context)
        text = state.get("replication_key_value")
        bookmark = datetime.fromisoformat(text) if text else None
        if bookmark is None or moment > bookmark or bookmark > now:
            text = moment.isoformat()
        if (text, newest) != (state.get("replication_key_value"), state.get(NEWEST)):
            self.move_bookmark(
                context,
                replication_key_value=text,
                newest=newest,
                page_rows=self._page_size.memory,
            )
        if self.run.settings.end_date is None:  # else it is a backfill, not a regular run
            after = calendar.instant(sealed.window.after)
            self.run.delivered_orders.deliver(
                int(context["type"]),
                versions,
                int(after.timestamp()),
                int(moment.timestamp()),
            )


class OrderLines(ChildStream):
    """Order lines: the products that were bought."""

    table = tables.ORDER_LINES
    parent_stream_type = Orders
    replication_key = "order_modified"


class OrderVouchers(ChildStream):
    """Vouchers of an order."""

    table = tables.ORDER_VOUCHERS
    parent_stream_type = Orders
    replication_key = "order_modified"


class OrderVoucherSplits(ChildStream):
    """How vouchers are spread over lines, shipping and deposit fees."""

    table = tables.ORDER_VOUCHER_SPLITS
    parent_stream_type = Orders
    replication_key = "order_modified"


class OrderAttachments(ChildStream):
    """Documents attached to an order or a line."""

    table = tables.ORDER_ATTACHMENTS
    parent_stream_type = Orders
    replication_key = "order_modified"


def _version(row: Row) -> Version:
    """Return an order's id and `modified`, in seconds; 0 if it has none."""
    modified = row["modified"]
    return row["id"], int(datetime.fromisoformat(modified).timestamp()) if modified else 0
