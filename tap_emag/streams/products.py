"""Offers: read whole, since they carry no times; only what is new or changed is written."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from tap_emag.bookmarks import SLACK
from tap_emag.changes import fingerprint
from tap_emag.errors import EmagError
from tap_emag.journal import Sent
from tap_emag.readers import Scan
from tap_emag.streams.base import ChildStream, EmagStream, Row
from tap_emag.tables import products as tables
from tap_emag.tables.account import key_or_none

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record

    from tap_emag.ledger import Ledger

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
        scan = Scan(self._tap.client, self.requests, "product_offer", offer_id)
        with self.ledger(context, "offers") as ledger:
            self._latest = self._newest(context, ledger)
            try:
                yield from self._scanned(context, ledger, scan)
            except EmagError:
                # What was written so far need not be written again.
                self._remember(context, ledger, self._moment(self._tap.client.clock.now()))
                raise

    def _scanned(self, context: Context | None, ledger: Ledger, scan: Scan) -> Iterator[Row]:
        written = told = 0
        for page in scan.read():
            moment = self._moment(page.taken)
            for raw in page.rows:
                row = self._changed(raw, ledger, moment)
                if row is not None:
                    yield row
                    written += 1
                    if written - told >= max(STATE_EVERY, len(ledger) // STATE_SHARE):
                        self._remember(context, ledger, moment)
                        told = written
            self.reached_page("offers", scan, len(page.rows))
        moment = self._moment(self._tap.client.clock.now())
        for key in sorted(scan.absent(ledger.missing(scan.seen))):
            self._tell_gone(key, ledger, moment)
        ledger.settle()
        self._remember(context, ledger, moment)
        self.met("unchanged", max(0, len(scan.seen) - written))
        self._tap.counts.counted_products(len(scan.seen))
        self._tap.progress.ended("offers")
        self.let_children_follow(scan.seen)

    def _newest(self, context: Context | None, ledger: Ledger) -> datetime | None:
        """Return the newest time that was written, by the state, or by a run that was killed."""
        known = self.get_context_state(context).get("replication_key_value")
        times = [datetime.fromisoformat(known) if known else None, ledger.latest]
        return max(filter(None, times), default=None)

    def _moment(self, taken: datetime) -> datetime:
        """Return the time of a change, never before one that was written.

        One that lies more than a day ahead was written by a clock that has been put right since.
        """
        moment = taken.astimezone(timezone.utc)
        if self._latest and self._latest < moment + SLACK:
            moment = max(moment, self._latest + timedelta(microseconds=1))
        self._latest = moment
        return moment

    def _changed(self, raw: dict[str, Any], ledger: Ledger, moment: datetime) -> Row | None:
        made = self.placed(raw, self._made, "id")
        if made is None:
            return None
        row, digest = made
        key = row["id"]
        change = ledger.change(key, digest)
        if change is None:
            return None
        self.met(change)
        # What a killed run has sent, the target may have: so it is sent as it was.
        sent = ledger.unsettled(key, digest) or Sent(digest, change, moment)
        ledger.deliver(key, digest, sent)
        changed_at = _text(sent.moment or moment)
        history = tables.history_row(row, changed_at, sent.change)
        return Row(row | {"changed_at": changed_at}, {ProductHistory.table.name: [history]})

    def _made(self, raw: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        row = tables.product_row(raw, self._tap.account, self.report)
        return row, fingerprint(row)

    def _tell_gone(self, key: int, ledger: Ledger, moment: datetime) -> None:
        sent = ledger.unsettled(key, None)
        told_at = sent.moment if sent and sent.moment else moment
        ledger.tell_gone(key, told_at)
        row = tables.deletion_row(self._tap.account, key, _text(told_at))
        self.write_child(ProductDeletions.table.name, row)

    def _remember(self, context: Context | None, ledger: Ledger, moment: datetime) -> None:
        self.move_bookmark(context, replication_key_value=_text(moment), **ledger.bookmark())


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


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def offer_id(raw: dict[str, Any]) -> int | None:
    """Return the id that tells offers apart, None where the API sends none."""
    return key_or_none(raw, "id")
