"""Orders and what comes with them: read by windows on `modified`, one partition per order type."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tap_emag.readers import Axis, WindowReader
from tap_emag.streams.base import ChildStream, EmagStream, Row
from tap_emag.tables import orders as tables
from tap_emag.windows import Calendar, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record

    from tap_emag.readers import Line, Sealed

PROGRESS_SECONDS = 15.0
AXIS = Axis("order", "id", "modified", "modifiedAfter", "modifiedBefore")


class Orders(EmagStream):
    """Orders by (`modified`, `id`); the bookmark passes a window once it is proven whole."""

    table = tables.ORDERS
    lane = "orders"
    replication_key = "modified"
    is_sorted = True
    _lines: dict[int, Line] | None = None  # by order type; those not yet taken up

    @property
    def partitions(self) -> list[dict[str, Any]]:
        """One partition per order type: the API reads one type at a time."""
        account = super().partitions or [{}]
        return [account[0] | {"type": kind} for kind in self._tap.settings.order_types]

    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Yield the orders of one type, from the bookmark to the present."""
        if context is None:
            return
        self.begin_children()
        if not self._lines:
            self._lines = {part["type"]: self._start(part) for part in self.partitions}
        try:
            yield from self._read(context, self._lines.pop(context["type"]))
        except BaseException:  # an error, or the caller has enough: nobody will take up the others
            for line in self._lines.values():
                line.stopped.set()
            raise

    def _read(self, context: Context, line: Line) -> Iterator[Row]:
        kind = int(context["type"])
        progress = _Progress(self, self._calendar, kind, line.after)
        for sealed in line:
            yield from self._rows(sealed, kind)
            self._seal(context, sealed)
            self._tap.life.reached(f"orders of type {kind}", progress.met(sealed))

    @cached_property
    def _calendar(self) -> Calendar:
        return Calendar(self._tap.settings.timezone)

    @cached_property
    def _reader(self) -> WindowReader:
        return WindowReader(
            self._tap.client,
            AXIS,
            self._calendar,
            self._tap.executor(self.lane),
            self._tap.life,
            self._tap.settings.max_concurrent_requests,
        )

    def _start(self, context: Context) -> Line:
        """Begin to read a partition; all are begun at once, so that the budget never idles."""
        return self._reader.start(self._begin(context), self._end, {"type": context["type"]})

    def _begin(self, context: Context) -> int:
        """Return the cut behind which to read: the bookmark less the look-back, or the start."""
        settings, calendar = self._tap.settings, self._calendar
        bookmark = self.get_context_state(context).get("replication_key_value")
        if bookmark:
            reached = calendar.local(datetime.fromisoformat(bookmark))
            return calendar.cut_before(reached - settings.order_lookback_seconds)
        return calendar.cut_before(calendar.local(settings.start_date) - 1)

    @property
    def _end(self) -> int | None:
        end = self._tap.settings.end_date
        return None if end is None else self._calendar.cut_behind(self._calendar.local(end))

    def _rows(self, sealed: Sealed, kind: int) -> Iterator[Row]:
        for raw in sealed.rows:
            rows = tables.order_rows(raw, self._tap.account, self._tap.wall, kind, self.report)
            yield Row(
                rows.order,
                {
                    OrderLines.table.name: rows.lines,
                    OrderVouchers.table.name: rows.vouchers,
                    OrderVoucherSplits.table.name: rows.voucher_splits,
                    OrderAttachments.table.name: rows.attachments,
                },
            )

    def _seal(self, context: Context, sealed: Sealed) -> None:
        """Move the bookmark to the window's end, but not nearer the present than is settled."""
        calendar, now = self._calendar, self._tap.client.clock.now()
        settled = calendar.horizon(now - timedelta(seconds=self._tap.settings.settle_seconds))
        reached = min(sealed.window.until, calendar.cut_before(settled))
        moment = calendar.instant(reached).isoformat()
        bookmark = self.get_context_state(context).get("replication_key_value")
        if not bookmark or moment > bookmark:
            self.move_bookmark(context, replication_key_value=moment)


class OrderLines(ChildStream):
    """Order lines: what was bought."""

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


class _Progress:
    """Says now and then how far a long reading is."""

    def __init__(self, stream: Orders, calendar: Calendar, kind: int, after: int) -> None:
        self.stream = stream
        self.kind = kind
        self.after = after
        self.begun = self.told = time.monotonic()
        self.rows = 0
        self.until = calendar.local(datetime.now(timezone.utc))

    def met(self, sealed: Sealed) -> str:
        self.rows += len(sealed.rows)
        done = 100 * (sealed.window.until - self.after) / max(1, self.until - self.after)
        where = f"read up to {text_of(sealed.window.until)} local time ({min(done, 100):.0f} %)"
        now = time.monotonic()
        if now - self.told >= PROGRESS_SECONDS:
            self.told = now
            pace = self.rows / (now - self.begun)
            self.stream.logger.info(
                "type %d: %s, %d orders, %.0f a second", self.kind, where, self.rows, pace
            )
        return where
