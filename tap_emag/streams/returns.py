"""Returns, read by their opening date, since nothing tells when they changed; and their shipments.

Each run reads the windows of the look-back, all returns in an open state however old, and those
that were open when they were read last: so a return that closes, whenever it was opened, is met
once more. Only what differs from what was written is written.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from tap_emag.errors import ContractError, EmagError, NotThereError
from tap_emag.readers import Axis, Scan, WindowReader
from tap_emag.streams.base import ChildStream, EmagStream
from tap_emag.streams.lists import ChangedItems, Item
from tap_emag.tables import returns as tables
from tap_emag.tables import shipping
from tap_emag.tables.account import key_of, key_or_none
from tap_emag.tables.cleaning import items_of
from tap_emag.tables.raw import DOUBLE, objects
from tap_emag.windows import Calendar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record

    from tap_emag.ledger import Ledger

AXIS = Axis("rma", "emag_id", "date", "date_start", "date_end")
OPEN = (1, 2, 3, 6)  # incomplete, new, acknowledged, received; the others are final


class Returns(EmagStream):
    """Returns that are new, or differ from what was written."""

    table = tables.RETURNS
    replication_key = "date"

    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Yield new and changed returns, and write the shipments of those that may still move."""
        self.begin_children()
        bookmark = self.get_context_state(context)
        self._open_before = set(bookmark.get("open", []))
        self._open: set[int] = set()
        self._shipments: dict[int, list[int]] = {}  # reservations by return
        self._reached = bookmark.get("replication_key_value")
        with self.ledger(context, "returns") as ledger, self.ledger(context, "awbs") as awbs:
            changed = ChangedItems(ledger, self.met)
            self._open_before |= awbs.marked
            self._doubtful = ledger.doubtful()
            try:
                for raw in self._raw(bookmark):
                    item = self.placed(raw, self._item, "emag_id")
                    row = changed.passes(item) if item else None
                    if row is not None:
                        yield row
                self._write_awbs(awbs)
            except EmagError:
                # What was open stays in mind: it may close before a run meets it again.
                still = sorted(self._open | self._open_before)
                self.move_bookmark(context, open=still, **ledger.bookmark())
                raise
            changed.forget_missing()
        self.move_bookmark(
            context,
            replication_key_value=self._reached,
            open=sorted(self._open),
            **ledger.bookmark(),
            **awbs.bookmark(),
        )
        self.logger.info("%d returns are open", len(self._open))

    @cached_property
    def _calendar(self) -> Calendar:
        return Calendar(self._tap.settings.timezone)

    def _raw(self, bookmark: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Read the look-back's windows, the open states, and what was open last time; each once."""
        met: set[int] = set()
        for raw in self._sources(bookmark, met):
            key = _return_id(raw)
            if key is None:
                yield raw
            elif key not in met:
                met.add(key)
                yield raw

    def _sources(self, bookmark: dict[str, Any], met: set[int]) -> Iterator[dict[str, Any]]:
        yield from self._windows(bookmark)
        for status in OPEN:
            state = {"request_status": status}
            scan = Scan(self._tap.client, self.requests, "rma", _return_id, state, short=True)
            for page in scan.read():
                yield from page.rows
        # A number below 0 was made up here, see `key_of`: eMAG knows nothing of it.
        wanted = self._open_before | self._doubtful
        missing = sorted(key for key in wanted if key not in met and key > 0)
        for _, rows in self.requests.map(self._one, missing):
            yield from rows

    def _one(self, key: int) -> list[dict[str, Any]]:
        rows = self._tap.client.read("rma", 1, {"emag_id": key}).rows
        if rows and not any(_return_id(row) == key for row in rows):
            raise ContractError(
                f"rma/read: asked for return {key}, got others: the filter was ignored"
            )
        return rows

    def _windows(self, bookmark: dict[str, Any]) -> Iterator[dict[str, Any]]:
        calendar, settings = self._calendar, self._tap.settings
        reader = WindowReader(
            self._tap.client,
            AXIS,
            calendar,
            self._tap.executor(self.lane),
            self._tap.life,
            settings.max_concurrent_requests,
        )
        begin = settings.start_date
        if bookmark.get("replication_key_value"):
            reached = datetime.fromisoformat(bookmark["replication_key_value"])
            begin = reached - timedelta(days=settings.return_lookback_days)
        after = calendar.cut_before(calendar.local(begin) - 1)
        end = settings.end_date
        last = None if end is None else calendar.cut_behind(calendar.local(end))
        for sealed in reader.start(after, last, {}):
            yield from sealed.rows
            for raw in sealed.doubles:
                self.reject(raw, DOUBLE)
            self._reached = calendar.instant(sealed.window.until).isoformat()
            self.reached(
                "returns", f"opened up to {sealed.window.bounds[1]}", None, len(sealed.rows)
            )
        self._tap.progress.ended("returns")

    def _item(self, raw: dict[str, Any]) -> Item:
        key = key_of(raw, "emag_id")
        rows = tables.return_rows(
            raw, self._tap.account, self._tap.wall, self.report, fingerprint=""
        )
        children = {ReturnLines.table.name: rows.lines, ReturnEvents.table.name: rows.events}
        item = Item(key, rows.return_row, children)
        version = item.fingerprint.hex()
        for row in (rows.return_row, *rows.lines, *rows.events):
            row["fingerprint"] = version
        if rows.return_row["request_status"] in OPEN:
            self._open.add(key)
        if key in self._open or key in self._open_before:
            self._shipments[key] = tables.reservation_ids(raw)
        return item

    def _write_awbs(self, ledger: Ledger) -> None:
        """Write the shipments of returns that are open, or were so last time.

        Shipments of other returns have come to rest. Which ones are asked for is noted: if this run
        is killed, the next one cannot know otherwise.
        """
        if not (self.writes(Awbs.table.name) or self.writes(AwbParcels.table.name)):
            return
        changed = ChangedItems(ledger, self._met_awb)
        for key, reservations in self._shipments.items():
            if reservations:
                ledger.mark(key)
        asked = [(key, one) for key, all_ in sorted(self._shipments.items()) for one in all_]
        self.announce("awbs", len(asked), "awb/read")
        for number, ((key, reservation), found) in enumerate(
            self.requests.map(self._awb, asked), start=1
        ):
            for raw in found:
                place = partial(self._awb_item, key, reservation)
                asked_for = {"reservation_id": reservation}
                item = self.placed(raw, place, stream=Awbs.table.name, **asked_for)
                row = changed.passes(item) if item else None
                if row is not None:
                    self.write_child(Awbs.table.name, row)
                    self.write_children(row)
            self.reached("awbs", f"{number} of {len(asked)}", number / len(asked), len(found))
        self._tap.progress.ended("awbs")
        changed.forget_missing()

    def _met_awb(self, action: str) -> None:
        self._tap.counts.met(Awbs.table.name, action)

    def _awb_item(self, key: int, reservation: int, raw: dict[str, Any]) -> Item:
        account, wall = self._tap.account, self._tap.wall
        rows = shipping.awb_rows(raw, account, reservation, key, self.report, wall)
        return Item(rows.awb["emag_id"], rows.awb, {AwbParcels.table.name: rows.parcels})

    def _awb(self, asked: tuple[int, int]) -> list[dict[str, Any]]:
        try:
            reply = self._tap.client.call("awb/read", {"reservation_id": asked[1]})
        except NotThereError as error:
            # One of another country's: it can be asked for on that country's host only.
            self.logger.warning("%s", error)
            return []
        results = reply.body.get("results")
        if isinstance(results, list | dict):
            found = objects(item for item in items_of(results) if item != {})
        else:
            found = objects([] if results in (None, "") else [results])
        return found


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


def _return_id(raw: dict[str, Any]) -> int | None:
    return key_or_none(raw, "emag_id")
