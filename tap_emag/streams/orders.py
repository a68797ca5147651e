"""Orders and what comes with them: read by windows on `modified`, one partition per order type."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from tap_emag.readers import WindowReader
from tap_emag.streams.base import ChildStream, EmagStream, Row
from tap_emag.tables import orders as tables
from tap_emag.types import parse_naive
from tap_emag.windows import Calendar, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record

    from tap_emag.readers import Sealed

PROGRESS_SECONDS = 15.0


class Orders(EmagStream):
    """Orders by (`modified`, `id`), each window of time proven whole before the bookmark passes it."""

    table = tables.ORDERS
    replication_key = "modified"
    is_sorted = True

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
        reader = WindowReader(
            self._tap.client,
            Calendar(self._tap.settings.timezone),
            self._tap.executor,
            self._tap.settings.max_concurrent_requests,
            parse_naive,
        )
        kind = int(context["type"])
        after = self._begin(reader.calendar, context)
        progress = _Progress(self, kind, after)
        for sealed in reader.read(after, self._end(reader.calendar), {"type": kind}):
            for row in self._rows(sealed, kind):
                self._tap.check()
                yield row
            self._seal(reader.calendar, context, sealed)
            progress.tell(sealed)

    def finalize_state_progress_markers(self, state: dict[str, Any] | None = None) -> None:
        """End the child streams' counters with the stream."""
        super().finalize_state_progress_markers(state)
        self.end_children()

    def _begin(self, calendar: Calendar, context: Context) -> int:
        """Return the cut behind which to read: the bookmark less the look-back, or the start."""
        settings = self._tap.settings
        bookmark = self.get_context_state(context).get("replication_key_value")
        if bookmark:
            reached = calendar.local(datetime.fromisoformat(bookmark))
            return calendar.cut_before(reached - settings.order_lookback_seconds)
        return calendar.cut_before(calendar.local(settings.start_date) - 1)

    def _end(self, calendar: Calendar) -> int | None:
        end = self._tap.settings.end_date
        return None if end is None else calendar.cut_behind(calendar.local(end))

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

    def _seal(self, calendar: Calendar, context: Context, sealed: Sealed) -> None:
        """Move the bookmark to the window's end, but not nearer the present than is settled."""
        now = self._tap.client.clock.now()
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

    def __init__(self, stream: Orders, kind: int, after: int) -> None:
        self.stream = stream
        self.kind = kind
        self.after = after
        self.begun = self.told = time.monotonic()
        self.rows = 0
        self.until = Calendar(stream._tap.settings.timezone).local(datetime.now(timezone.utc))  # noqa: SLF001

    def tell(self, sealed: Sealed) -> None:
        self.rows += len(sealed.rows)
        now = time.monotonic()
        if now - self.told < PROGRESS_SECONDS:
            return
        self.told = now
        done = (sealed.window.until - self.after) / max(1, self.until - self.after)
        self.stream.logger.info(
            "type %d: read up to %s (%.0f %%), %d orders, %.0f a second",
            self.kind,
            text_of(sealed.window.until),
            100 * done,
            self.rows,
            self.rows / (now - self.begun),
        )
