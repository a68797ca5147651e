"""Orders and what comes with them: read by windows on `modified`, one partition per order type."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tap_emag.readers import Axis, WindowReader
from tap_emag.streams.base import ChildStream, EmagStream, Row
from tap_emag.tables import orders as tables
from tap_emag.tables.raw import DOUBLE
from tap_emag.windows import Calendar, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record

    from tap_emag.readers import Line, Sealed

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
        tally = _Tally(self.get_context_state(context).get("replication_key_value"))
        present = self._calendar.local(datetime.now(timezone.utc))
        what = f"orders of type {kind}"
        for sealed in line:
            for row in self._rows(sealed, kind):
                tally.add(row)
                yield row
            self._seal(context, sealed)
            self._tap.counts.read_orders(kind, len(sealed.rows))
            for action, number in tally.taken().items():
                self.met(action, number)
            until = sealed.window.until
            done = min(1.0, (until - line.after) / max(1, present - line.after))
            where = f"read up to {text_of(until)} local time ({100 * done:.0f} %)"
            self.reached(what, where, done, len(sealed.rows))
        self._tap.progress.ended(what)

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
            self._look_back,
        )

    @property
    def _look_back(self) -> timedelta:
        return timedelta(seconds=self._tap.settings.order_lookback_seconds)

    def _start(self, context: Context) -> Line:
        """Begin to read a partition; all are begun at once, so that the budget never idles."""
        return self._reader.start(self._begin(context), self._end, {"type": context["type"]})

    def _begin(self, context: Context) -> int:
        """Return the cut behind which to read: the bookmark less the look-back, or the start."""
        settings, calendar = self._tap.settings, self._calendar
        bookmark = self.get_context_state(context).get("replication_key_value")
        if bookmark:
            # Taken off the instant: on the wall, an hour back may be one that spring has skipped.
            reached = datetime.fromisoformat(bookmark) - self._look_back
            return calendar.cut_before(calendar.local(reached))
        return calendar.cut_before(calendar.local(settings.start_date) - 1)

    @property
    def _end(self) -> int | None:
        end = self._tap.settings.end_date
        return None if end is None else self._calendar.cut_behind(self._calendar.local(end))

    def _rows(self, sealed: Sealed, kind: int) -> Iterator[Row]:
        for raw in sealed.rows:
            row = self.placed(raw, lambda raw: self._row(raw, kind), "id", type=kind)
            if row is not None:
                yield row
        for raw in sealed.doubles:
            self.reject(raw, DOUBLE, type=kind)

    def _row(self, raw: dict[str, Any], kind: int) -> Row:
        rows = tables.order_rows(raw, self._tap.account, self._tap.wall, kind, self.report)
        children = {
            OrderLines.table.name: rows.lines,
            OrderVouchers.table.name: rows.vouchers,
            OrderVoucherSplits.table.name: rows.voucher_splits,
            OrderAttachments.table.name: rows.attachments,
        }
        return Row(rows.order, children)

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


class _Tally:
    """Counts orders by what they are against the bookmark the run began with.

    An order placed behind it is new, one that changed behind it has changed; one that did neither
    is met again for the look-back.
    """

    def __init__(self, bookmark: str | None) -> None:
        self.bookmark = datetime.fromisoformat(bookmark) if bookmark else None
        self.actions: Counter[str] = Counter()

    def add(self, row: Row) -> None:
        if self._behind(row["date"]):
            self.actions["created"] += 1
        elif self._behind(row["modified"]):
            self.actions["updated"] += 1
        else:
            self.actions["unchanged"] += 1

    def _behind(self, moment: str | None) -> bool:
        if self.bookmark is None:
            return True
        return moment is not None and datetime.fromisoformat(moment) > self.bookmark

    def taken(self) -> Counter[str]:
        """Return what was counted since the last time."""
        taken, self.actions = self.actions, Counter()
        return taken
