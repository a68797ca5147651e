"""Offers: read whole, since they carry no times; only what is new or changed is written."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from tap_emag.changes import Fingerprints, fingerprint
from tap_emag.errors import EmagError
from tap_emag.readers import Scan
from tap_emag.streams.base import ChildStream, EmagStream, Row
from tap_emag.tables import products as tables
from tap_emag.tables.account import key_or_none

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record

# Written offers between states: a state holds all fingerprints, so there must not be one for every
# so many where offers are very many, or their states would outgrow them.
STATE_EVERY = 1000
STATE_SHARE = 20


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
        written = told = 0
        for page in scan.read():
            moment = self._moment(bookmark, page.taken)
            for raw in page.rows:
                row = self._changed(raw, known, moment)
                if row is not None:
                    yield row
                    written += 1
                    if written - told >= max(STATE_EVERY, len(known) // STATE_SHARE):
                        self._remember(context, known, moment)
                        told = written
            self.reached_page("offers", scan, len(page.rows))
        moment = self._moment(bookmark, self._tap.client.clock.now())
        for key in sorted(scan.absent(known.missing(scan.seen))):
            self._tell_gone(key, moment)
            known.forget(key)
        self._remember(context, known, moment)
        self.met("unchanged", max(0, len(scan.seen) - written))
        self._tap.counts.counted_products(len(scan.seen))
        self._tap.progress.ended("offers")
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

    _latest = ""  # the time of the newest change so far

    def _moment(self, bookmark: dict[str, Any], taken: datetime) -> str:
        """Return the time of a change as UTC text, never before one that was written."""
        moment = taken.astimezone(timezone.utc)
        last = self._latest or bookmark.get("replication_key_value")
        if last:
            moment = max(moment, datetime.fromisoformat(last) + timedelta(microseconds=1))
        self._latest = moment.isoformat(timespec="microseconds")
        return self._latest

    def _changed(self, raw: dict[str, Any], known: Fingerprints, moment: str) -> Row | None:
        made = self.placed(raw, self._made, "id")
        if made is None:
            return None
        row, digest = made
        key = row["id"]
        change = known.change(key, digest)
        if change is None:
            return None
        self.met(change)
        known.deliver(key, digest)
        history = tables.history_row(row, moment, change)
        return Row(row | {"changed_at": moment}, {ProductHistory.table.name: [history]})

    def _made(self, raw: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        row = tables.product_row(raw, self._tap.account, self.report)
        return row, fingerprint(row)

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


def offer_id(raw: dict[str, Any]) -> int | None:
    """Return the id that tells offers apart, None where the API sends none."""
    return key_or_none(raw, "id")
