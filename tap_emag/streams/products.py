"""Offers: read whole, since they carry no times; only what is new or changed is written."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from tap_emag.changes import Fingerprints, fingerprint
from tap_emag.errors import EmagError
from tap_emag.readers import Scan
from tap_emag.streams.base import ChildStream, EmagStream, Row
from tap_emag.tables import products as tables
from tap_emag.tables.account import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record

STATE_EVERY = 1000  # written offers, between states: a state holds all fingerprints
PROGRESS_SECONDS = 15.0


class Products(EmagStream):
    """Offers that are new or changed since they were written last, by their fingerprints."""

    table = tables.PRODUCTS
    replication_key = "changed_at"

    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Yield new and changed offers; after a whole scan, tell of those that vanished."""
        self.begin_children()
        bookmark = self.get_context_state(context)
        known = self._known(bookmark)
        scan = Scan(self._tap.client, self.requests, "product_offer", offer_id)
        try:
            yield from self._scanned(context, known, scan)
        except EmagError:
            # What was written so far need not be written again.
            self._remember(context, known, self._moment(bookmark, self._tap.client.clock.now()))
            raise

    def _scanned(self, context: Context | None, known: Fingerprints, scan: Scan) -> Iterator[Row]:
        bookmark = self.get_context_state(context)
        progress = _Progress(self, scan)
        for page in scan.read():
            moment = self._moment(bookmark, page.taken)
            for raw in page.rows:
                row = self._changed(raw, known, moment)
                progress.met(written=row is not None)
                if row is not None:
                    yield row
                    if progress.written % STATE_EVERY == 0:
                        self._remember(context, known, moment)
            self._tap.life.reached("offers", progress.where)
        moment = self._moment(bookmark, self._tap.client.clock.now())
        for key in sorted(scan.absent(known.missing(scan.seen))):
            self._tell_gone(key, moment)
            known.forget(key)
        self._remember(context, known, moment)
        progress.end()
        for child in self.child_streams:
            if self.writes(child.name) and hasattr(child, "write_all"):
                child.write_all(self, scan.seen)

    def _known(self, bookmark: dict[str, Any]) -> Fingerprints:
        text = bookmark.get("offers")
        known = Fingerprints.unpack(text) if text else Fingerprints()
        if known is None:
            self.logger.warning(
                "the remembered fingerprints cannot be read: all offers are written"
            )
        return known or Fingerprints()

    def _moment(self, bookmark: dict[str, Any], taken: datetime) -> str:
        """Return the time of a change as UTC text, never before one that was written."""
        moment = taken.astimezone(timezone.utc)
        last = bookmark.get("replication_key_value")
        if last:
            moment = max(moment, datetime.fromisoformat(last) + timedelta(microseconds=1))
        return moment.isoformat(timespec="microseconds")

    def _changed(self, raw: dict[str, Any], known: Fingerprints, moment: str) -> Row | None:
        key = offer_id(raw)
        row = tables.product_row(raw, self._tap.account, self.report)
        digest = fingerprint(row)
        change = known.change(key, digest)
        if change is None:
            return None
        known.deliver(key, digest)
        history = tables.history_row(row, moment, change)
        return Row(row | {"changed_at": moment}, {ProductHistory.table.name: [history]})

    def _tell_gone(self, key: int, moment: str) -> None:
        row = tables.deletion_row(self._tap.account, key, moment)
        self.write_child(ProductDeletions.table.name, row)

    def _remember(self, context: Context | None, known: Fingerprints, moment: str) -> None:
        self.move_bookmark(context, replication_key_value=moment, offers=known.pack())


class ProductHistory(ChildStream):
    """Every version of price, stock, status and buy-button rank that was seen."""

    table = tables.PRODUCT_HISTORY
    parent_stream_type = Products
    replication_key = "changed_at"


class ProductDeletions(ChildStream):
    """Offers that the API no longer has."""

    table = tables.PRODUCT_DELETIONS
    parent_stream_type = Products
    replication_key = "changed_at"


def offer_id(raw: dict[str, Any]) -> int:
    """Return the id that tells offers apart, also where the API sends none."""
    return key_of(raw, "id")


class _Progress:
    """Counts written and unchanged offers, and says now and then how far the scan is."""

    def __init__(self, stream: Products, scan: Scan) -> None:
        self.stream = stream
        self.scan = scan
        self.written = self.unchanged = 0
        self.told = time.monotonic()

    def met(self, *, written: bool) -> None:
        self.written += written
        self.unchanged += not written
        if time.monotonic() - self.told > PROGRESS_SECONDS:
            self.told = time.monotonic()
            self.stream.logger.info(self.where)

    @property
    def where(self) -> str:
        return f"{self.written + self.unchanged} of about {self.scan.total} read"

    def end(self) -> None:
        self.stream.logger.info("%d offers written, %d unchanged", self.written, self.unchanged)
