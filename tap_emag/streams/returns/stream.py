"""Reads returns by their opening date, since eMAG sends no time of change; and their shipments.

Each run reads the windows of the look-back, all returns in an open state however old, and those
that were open when they were last read. So a return that closes is read once more, whenever it was
opened. Only new and changed returns are written.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from tap_emag.errors import EmagError
from tap_emag.formatting import utc
from tap_emag.readers import CountReliability, PageSize, WindowReader
from tap_emag.readers.calendar import Calendar, Window
from tap_emag.readers.forecast import Forecast, counted, window_requests
from tap_emag.schema.identity import DOUBLE
from tap_emag.schema.keys import key_of
from tap_emag.schema.sent import SentForm
from tap_emag.singer_io import override
from tap_emag.state.bookmarks import EARLIEST
from tap_emag.streams.base import ChildStream, EmagStream
from tap_emag.streams.changed_lists import ChangedItems, Item, read_again_if_doubtful
from tap_emag.streams.returns import rows as tables
from tap_emag.streams.returns import shipment_table as shipping
from tap_emag.streams.returns.reader import OPEN, TIME_FIELD, ReturnReader
from tap_emag.streams.returns.shipment_stream import Shipments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_sdk.helpers.types import Context, Record

    from tap_emag.readers import ProvenWindow
    from tap_emag.state.delivered import DeliveredRows
    from tap_emag.streams.children import Row

SENT = SentForm(
    tables.RETURNS,
    parts={
        "products": tables.RETURN_LINES,
        "status_history": tables.RETURN_EVENTS,
        "status_history.requests": tables.RETURN_EVENTS,
        "request_history": tables.RETURN_EVENTS,
    },
)
NEW = {"pickup_at"}  # columns since fingerprints covered rows


class Returns(EmagStream):
    """Returns that are new, or differ from their written version."""

    table = tables.RETURNS
    replication_key = "date"
    _expected: int | None = None  # returns in the range, as far as they were counted before
    _read_rows = 0  # read in the range

    @property
    @override
    def plan(self) -> str:
        """Which returns this sync reads."""
        settings, reached = self.run.settings, self.oldest_bookmark
        look_back = timedelta(days=settings.return_lookback_days)
        first = reached - look_back if reached else settings.start_date
        return f"reading those opened since {utc(first)}, and all that are still open"

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Yield new and changed returns, and write the shipments of those that may still move."""
        self.begin_children()
        bookmark = self.get_context_state(context)
        self._open_before = set(bookmark.get("open", []))
        self._open: set[int] = set()
        self._opened: dict[int, datetime | None] = {}
        self._reached = bookmark.get("replication_key_value")
        self._pages = PageSize(bookmark.get("page_rows", 0))
        delivered, awbs = (
            self.delivered_rows(context, "returns"),
            self.delivered_rows(context, "awbs"),
        )
        self._shipments = Shipments(self.run, self, awbs, bookmark)
        changed = ChangedItems(delivered, self.count_rows)
        self._open_before |= awbs.marked
        self._doubtful = delivered.doubtful()
        try:
            read = partial(self._changed, changed, bookmark)
            if self._since(bookmark) <= self._known_since(bookmark):
                yield from read_again_if_doubtful(self.run, self.name, changed, read)
            else:  # the look-back has become shorter: earlier returns do not come
                yield from read()
        except EmagError:
            # Open returns stay in the bookmark: they may close before a run reads them again.
            self._save(context, delivered, open=sorted(self._open | self._open_before))
            raise
        changed.forget_missing()
        since = self._since({"replication_key_value": self._reached})
        changed.forget(
            key
            for key, opened in self._opened.items()
            if key not in self._open and (opened is None or opened <= since)
        )
        self._write_shipments(partial(self._save_all, context, delivered, since))
        self.logger.debug("%d returns are open", len(self._open))

    @override
    def forecast(self) -> Forecast:
        """Count the returns of the range; those in an open state take some requests more."""
        after, until = self._after({}), self._last
        until = self._calendar.local(self.run.client.clock.now()) if until is None else until
        window = Window(after, max(after, until))
        bounds = dict(zip((TIME_FIELD.after, TIME_FIELD.before), window.bounds, strict=True))
        rows = self._expected = counted(self.run.client, "rma", bounds)
        requests = window_requests(rows or 0, window.seconds) + len(OPEN)
        return Forecast("returns", rows, requests)

    def _write_shipments(self, save: Callable[[], None]) -> None:
        """Write the shipments of returns that are open, or were open last time."""
        try:
            if self.children.has(Awbs.table.name) or self.children.has(AwbParcels.table.name):
                self._shipments.write(save)
        except EmagError:
            save()
            raise
        save()
        self._shipments.check()

    def _save_all(self, context: Context | None, delivered: DeliveredRows, since: datetime) -> None:
        """Move the bookmark once all returns are read, though shipments may be unread."""
        # A return that was open and is not found stays in the bookmark: an empty reply proves
        # nothing. A closed one stays until its shipments are read once more.
        lost = {key for key in self._open_before - self._opened.keys() if key > 0}
        self._save(
            context,
            delivered,
            replication_key_value=self._reached,
            known_since=since.isoformat(),
            open=sorted(self._open | lost | self._shipments.unread),
            **self._shipments.bookmark(),
        )

    def _save(self, context: Context | None, delivered: DeliveredRows, **values: Any) -> None:  # noqa: ANN401
        rows = self._pages.memory
        self.move_bookmark(context, page_rows=rows, **values, **delivered.bookmark())

    @cached_property
    def _calendar(self) -> Calendar:
        return Calendar(self.run.settings.timezone)

    def _changed(self, changed: ChangedItems, bookmark: dict[str, Any]) -> Iterator[Row]:
        for raw in self._raw(bookmark):
            item = self.placement.rows_or_reject(raw, self._item, "emag_id")
            row = changed.passes(item) if item else None
            if row is not None:
                yield row

    def _raw(self, bookmark: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Read, each once: the look-back's windows, the open states, those open last time."""
        calendar, settings = self._calendar, self.run.settings
        windows = WindowReader(
            self.run.client,
            TIME_FIELD,
            calendar,
            self.run.executor(self.bucket),
            self.run.watchdog,
            settings.max_concurrent_requests,
            count_reliability=CountReliability(pages=self._pages),
        )
        reader = ReturnReader(self.run.client, self.requests, windows, self._read_window)
        after = self._after(bookmark)
        yield from reader.read(after, self._last, self._open_before | self._doubtful)
        self.run.progress.ended("returns")

    def _read_window(self, sealed: ProvenWindow) -> None:
        for raw in sealed.doubles:
            self.placement.reject(raw, DOUBLE)
        self._reached = self._calendar.instant(sealed.window.until).isoformat()
        where = f"opened up to {utc(self._calendar.instant(sealed.window.until))}"
        self._read_rows += len(sealed.rows)
        done = min(0.99, self._read_rows / self._expected) if self._expected else None
        self.run.update_progress("returns", where, done, len(sealed.rows))

    @property
    def _last(self) -> int | None:
        """The local second at which reading ends; None means the present."""
        end = self.run.settings.end_date
        return None if end is None else self._calendar.cut_behind(self._calendar.local(end))

    def _after(self, bookmark: dict[str, Any]) -> int:
        """Return the local second after which all returns are read, a cut of the calendar."""
        settings, reached = self.run.settings, bookmark.get("replication_key_value")
        begin = settings.start_date
        if reached:
            look_back = timedelta(days=settings.return_lookback_days)
            # A bookmark in the future was written by a wrong clock.
            begin = min(self.run.client.clock.now(), datetime.fromisoformat(reached)) - look_back
        return self._calendar.cut_before(self._calendar.local(begin) - 1)

    def _since(self, bookmark: dict[str, Any]) -> datetime:
        return self._calendar.instant(self._after(bookmark))

    @staticmethod
    def _known_since(bookmark: dict[str, Any]) -> datetime:
        """Return the opening date since which the bookmark knows all written returns."""
        known = bookmark.get("known_since")
        moment = datetime.fromisoformat(known) if known else EARLIEST
        return moment if moment.tzinfo else EARLIEST

    def _item(self, raw: dict[str, Any]) -> Item:
        key = key_of(raw, "emag_id")
        rows = tables.return_rows(
            raw,
            self.run.account,
            self.run.marketplace_time,
            self.placement.log_unknown_field,
            fingerprint="",
        )
        children = {ReturnLines.table.name: rows.lines, ReturnEvents.table.name: rows.events}
        former_row = {name: rows.return_row[name] for name in rows.return_row if name not in NEW}
        # Former releases took fingerprints of rows without a version, and again of those with it.
        text = Item(key, former_row, children).former().hex()
        versioned = {
            name: [row | {"fingerprint": text} for row in some] for name, some in children.items()
        }
        former = Item(key, former_row | {"fingerprint": text}, versioned).former()
        item = Item(key, rows.return_row, children, former_version=former)
        item = item.sent_as(SENT, raw, self.run.settings.timezone)
        version = item.fingerprint.hex()
        for row in (rows.return_row, *rows.lines, *rows.events):
            row["fingerprint"] = version
        opened = rows.return_row["date"]
        self._opened[key] = datetime.fromisoformat(opened) if opened else None
        if rows.return_row["request_status"] in OPEN:
            self._open.add(key)
        if key in self._open or key in self._open_before:
            self._shipments.name(key, tables.reservation_ids(raw), item.fingerprint)
        return item


class ReturnLines(ChildStream):
    """Products of a return."""

    table = tables.RETURN_LINES
    parent_stream_type = Returns


class ReturnEvents(ChildStream):
    """What happened to a return: states, refunds, actions."""

    table = tables.RETURN_EVENTS
    parent_stream_type = Returns


class Awbs(ChildStream):
    """Shipments of returns that may still move."""

    table = shipping.AWBS
    parent_stream_type = Returns


class AwbParcels(ChildStream):
    """Parcels of a shipment."""

    table = shipping.AWB_PARCELS
    parent_stream_type = Returns
