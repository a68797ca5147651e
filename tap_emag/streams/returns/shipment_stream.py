"""Reads the shipments of returns: one request each, the one read longest ago first.

Only the courier knows when a shipment moves. So it is read when its return is new or has changed,
again after `shipment_reread_seconds`, and after four times as long once it is delivered. The
bookmark keeps when each was read: a run begins with those that the one before did not read.
"""

from __future__ import annotations

import logging
import time
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_emag.errors import NoRouteError, NotThereError, SkippedItemsError
from tap_emag.schema.cleaning import items_of
from tap_emag.schema.identity import objects
from tap_emag.schema.sent import SentForm
from tap_emag.state.askings import Askings, Outcome
from tap_emag.streams.changed_lists import ChangedItems, Item
from tap_emag.streams.returns import shipment_rows
from tap_emag.streams.returns import shipment_table as shipping
from tap_emag.streams.single_items import SingleItems
from tap_emag.streams.vanished import Vanishing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tap_emag.run import Run
    from tap_emag.state.delivered import DeliveredRows
    from tap_emag.streams.base import EmagStream

FINAL_CODES = {"DLV"}  # delivered: the one code that eMAG documents
FINAL_FACTOR = 4  # a shipment that is not expected to change is read after this many times as long
SHARE = 0.5  # of the time the run has left: the later streams need some as well
SAVE_EVERY = 100  # shipments
NAME = shipping.AWBS.name
SENT = SentForm(shipping.AWBS, parts={"awb": shipping.AWB_PARCELS})
logger = logging.getLogger("tap-emag")


class Named(NamedTuple):
    """A reservation, the return that names it, and that return's version."""

    reservation: int
    return_id: int
    version: int


Items = SingleItems[Named, list[dict[str, Any]]]


class Shipments:
    """The shipments that the returns of one run name."""

    def __init__(
        self, run: Run, parent: EmagStream, delivered: DeliveredRows, bookmark: dict[str, Any]
    ) -> None:
        """Start from the bookmark; `parent` writes the rows."""
        self._run = run
        self._parent = parent
        self._delivered = delivered
        self._packed = bookmark.get("asked")
        self._changed = ChangedItems(delivered, partial(run.recorder.count_rows, NAME))
        self._named: dict[int, Named] = {}
        self._due: dict[int, Named] = {}  # not read yet
        self._gone: dict[int, Named] = {}  # written before, and eMAG no longer knows them
        self._written = delivered.missing(())
        self._items: Items | None = None
        self._asked = 0

    def name(self, return_id: int, reservations: Iterable[int], version: bytes) -> None:
        """Record the reservations that a return names, and the return's version."""
        for reservation in reservations:
            number = int.from_bytes(version[:2], "big")
            self._named[reservation] = Named(reservation, return_id, number)

    @cached_property
    def _askings(self) -> Askings:
        # Not before the first reply: until then eMAG's time is not known.
        return Askings(self._packed, self._run.client.clock.now())

    @property
    def unread(self) -> set[int]:
        """The returns whose shipments are still to be read."""
        return {named.return_id for named in self._due.values()}

    def bookmark(self) -> dict[str, Any]:
        """Return the values to keep in the bookmark."""
        return {"asked": self._askings.pack(), **self._delivered.bookmark()}

    def write(self, save: Callable[[], None]) -> None:
        """Read the shipments that are due and write those that changed; `save` keeps the bookmark.

        The returns concerned are marked first: if this run is killed, the next one cannot know
        otherwise which shipments it asked for.

        Raises:
            EmagError: The API is down or refuses every shipment, or the run is to end.
        """
        self._due = {named.reservation: named for named in self._to_read()}
        for key in self.unread:
            self._delivered.mark(key)
        total = self._asked = len(self._due)
        self._parent.announce(NAME, total, "awb/read")
        doubted = [named for key, named in self._due.items() if self._askings.failed(key)]
        self._items = SingleItems(
            self._parent.requests, self._run.watchdog, self._run.settings, self._read, doubted
        )
        try:
            self._read_all(self._items, list(self._due.values()), save)
            self._doubt(self._items, save)
        finally:
            for named in self._items.failed:
                self._askings.note(named.reservation, Outcome.FAILED, named.version)
        self._run.recorder.count_rows(NAME, "failed", len(self._items.failed))
        self._run.progress.ended(NAME)
        self._forget()

    def _read_all(self, items: Items, due: list[Named], save: Callable[[], None]) -> None:
        until = time.monotonic() + SHARE * self._run.watchdog.left
        for number, (named, found) in enumerate(items.replies(due), start=1):
            self._write(named, found)
            if number % SAVE_EVERY == 0:
                save()
            self._run.update_progress(
                NAME, f"{number} of {len(due)}", number / len(due), len(found)
            )
            if time.monotonic() > until:
                return

    def _doubt(self, items: Items, save: Callable[[], None]) -> None:
        """Ask again where too many shipments that were written vanish at once.

        Raises:
            VanishedError: They are still gone; their bookmark entries are kept.
        """
        vanishing = Vanishing(self._run, NAME, self._changed.known)
        if vanishing.is_doubtful(len(self._gone)):
            vanishing.pause(len(self._gone))
            self._read_all(items, list(self._gone.values()), save)
        vanishing.check(len(self._gone))
        for named in self._gone.values():
            self._note(named, Outcome.FINAL)

    def check(self) -> None:
        """Do nothing if every shipment that was due is read.

        Raises:
            SkippedItemsError: Some are left to the next run.
        """
        if self._items is None:
            return
        left = self._due.keys() - {named.reservation for named in self._items.failed}
        if left:
            logger.info("%s: %d of %d are left to the next run", NAME, len(left), self._asked)
        never = [key for key in left if not self._askings.known(key)]
        if never and not self._items.failed:
            raise SkippedItemsError(
                f"{NAME}: {len(never)} of {self._asked} are still to be read for the first time;"
                " `sync_timeout_seconds` left no time for them, the next run goes on with them"
            )
        self._items.check(NAME, self._asked)

    def _to_read(self) -> list[Named]:
        again = self._run.settings.shipment_reread_seconds
        doubtful = self._delivered.doubtful()  # a run that was killed has sent another version
        marked = self._delivered.marked
        return [
            named
            for named in map(self._named.__getitem__, self._askings.in_order(self._named))
            if self._askings.due(named.reservation, named.version, again, FINAL_FACTOR * again)
            or named.reservation in doubtful
            or named.return_id in marked
        ]

    def _read(self, named: Named, once: bool) -> list[dict[str, Any]]:  # noqa: FBT001 - see SingleItems
        asked = {"reservation_id": named.reservation}
        try:
            reply = self._run.client.call("awb/read", asked, once=once)
        except NoRouteError:
            raise
        except NotThereError as error:
            # Only the other country's host answers requests for such a shipment.
            logger.warning(
                "%s; shipment %d may be one of another country's marketplace. It is asked for"
                " again later",
                error,
                named.reservation,
            )
            return []
        results = reply.body.get("results")
        if isinstance(results, list | dict):
            return objects(item for item in items_of(results) if item != {})
        return objects([] if results in (None, "") else [results])

    def _write(self, named: Named, found: list[dict[str, Any]]) -> None:
        if not found and named.reservation in self._written:
            self._gone[named.reservation] = named
            return
        codes = set()
        for place, raw in enumerate(found):
            make = partial(self._item, named, place)
            asked_for = {"reservation_id": named.reservation}
            item = self._parent.placement.rows_or_reject(raw, make, stream=NAME, **asked_for)
            row = self._changed.passes(item) if item else None
            codes.add(item.row["status_code"] if item else None)
            if row is not None:
                self._parent.children.write(NAME, row)
                self._parent.children.write_all(row)
        self._gone.pop(named.reservation, None)
        self._note(named, Outcome.FINAL if codes <= FINAL_CODES else Outcome.READ)

    def _note(self, named: Named, outcome: Outcome) -> None:
        self._askings.note(named.reservation, outcome, named.version)
        self._due.pop(named.reservation, None)

    def _item(self, named: Named, place: int, raw: dict[str, Any]) -> Item:
        rows = shipment_rows.awb_rows(
            raw,
            self._run.account,
            named.reservation,
            named.return_id,
            self._parent.placement.log_unknown_field,
            self._run.marketplace_time,
        )
        # By the reservation, which is known even of shipments that are not due.
        key = rows.awb["emag_id"] if place else named.reservation
        former = shipment_rows.former_row(rows.awb, raw)
        children = {shipping.AWB_PARCELS.name: rows.parcels}
        item = Item(key, rows.awb, children, former_version=Item(key, former, children).former())
        return item.sent_as(SENT, raw, named.return_id)

    def _forget(self) -> None:
        """Drop shipments that no return names any more, so that the bookmark does not grow."""
        self._askings.keep(self._named.keys())
        for key in self._delivered.missing(self._changed.seen | self._named.keys()):
            self._delivered.forget(key)
        if not self._due:
            self._delivered.settle()
