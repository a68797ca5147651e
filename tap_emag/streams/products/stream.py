"""Reads all offers, since they have no times; writes only new and changed ones."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tap_emag.errors import EmagError
from tap_emag.readers import Scan
from tap_emag.readers.forecast import Forecast, counted, page_requests
from tap_emag.schema.keys import key_or_none
from tap_emag.schema.sent import SentForm, encoded
from tap_emag.singer_io import override
from tap_emag.state.bookmarks import SLACK
from tap_emag.state.fingerprints import digest, fingerprint
from tap_emag.state.journal import Sent
from tap_emag.state.only_reader import VersionedList
from tap_emag.streams.base import ChildStream, EmagStream
from tap_emag.streams.children import Row
from tap_emag.streams.products import history_table
from tap_emag.streams.products import rows as tables
from tap_emag.streams.products.table import FORMER_PRODUCTS, PRODUCTS
from tap_emag.streams.vanished import Vanishing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record

    from tap_emag.state.delivered import DeliveredRows

# Written offers between states. A state contains all fingerprints, so a large shop writes states
# more rarely: otherwise they would outgrow the rows.
STATE_EVERY = 1000
STATE_SHARE = 20  # the state waits for a twentieth of all known offers, if that is more
OFFERS = "offers"  # the bookmark's key of the fingerprints
SENT = SentForm(PRODUCTS, ordered=("images",))


class Products(EmagStream):
    """Offers that are new, or changed by their fingerprint since they were last written."""

    table = PRODUCTS
    replication_key = "changed_at"

    @property
    @override
    def versioned_list(self) -> VersionedList | None:
        """All offers, if their history or their deletions are selected."""
        wanted = {ProductHistory.table.name, ProductDeletions.table.name}
        chosen = [each.name for each in self.child_streams if each.selected]
        written = frozenset(wanted.intersection(chosen))
        return VersionedList(self.name, OFFERS, written, self.account_context) if written else None

    @override
    def forecast(self) -> Forecast:
        """Count the offers."""
        rows = counted(self.run.client, "product_offer")
        own = page_requests(rows or 0)
        return Forecast("offers", rows, own + self.requests_of_children(rows or 0))

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Yield new and changed offers; after a full scan, write the deletions."""
        self.begin_children()
        scan = Scan(self.run.client, self.requests, "product_offer", offer_id)
        delivered = self.delivered_rows(context, OFFERS)
        self._latest = self._newest(context, delivered)
        try:
            yield from self._scanned(context, delivered, scan)
        except EmagError:
            # So that the next run does not write these offers again.
            self._remember(context, delivered, self._moment())
            raise

    def _scanned(
        self, context: Context | None, delivered: DeliveredRows, scan: Scan
    ) -> Iterator[Row]:
        vanishing = Vanishing(self.run, self.name, len(delivered))
        self._written = self._stated = 0
        yield from self._pass(context, delivered, scan)
        gone = delivered.missing(scan.seen)
        if vanishing.is_doubtful(len(gone)):
            vanishing.pause(len(gone))
        if scan.asking_takes_longer(gone):
            yield from self._pass(context, delivered, scan)
            gone -= scan.seen
        else:
            gone = scan.absent(gone)
        vanishing.check(len(gone))
        moment = self._moment()
        for key in sorted(gone):
            self._write_deletion(key, delivered, moment)
        delivered.settle()
        self._remember(context, delivered, moment)
        self.count_rows("unchanged", max(0, len(scan.seen) - self._written))
        self.run.recorder.counted_products(len(scan.seen))
        self.run.progress.ended("offers")
        self.let_children_follow(scan.seen)

    def _pass(self, context: Context | None, delivered: DeliveredRows, scan: Scan) -> Iterator[Row]:
        """Yield the new and changed offers of a full scan; write a state now and then."""
        for page in scan.read():
            moment = self._moment()
            for raw in page.rows:
                row = self._changed(raw, delivered, moment)
                if row is not None:
                    yield row
                    self._written += 1
                    if self._written - self._stated >= max(
                        STATE_EVERY, len(delivered) // STATE_SHARE
                    ):
                        self._remember(context, delivered, moment)
                        self._stated = self._written
            self.update_scan_progress("offers", scan, len(page.rows))

    def _newest(self, context: Context | None, delivered: DeliveredRows) -> datetime | None:
        """Return the newest `changed_at` written, by the state or by a run that was killed."""
        known = self.get_context_state(context).get("replication_key_value")
        times = [datetime.fromisoformat(known) if known else None, delivered.latest]
        return max(filter(None, times), default=None)

    def _moment(self) -> datetime:
        """Return `changed_at` of a change seen now, always later than those written before.

        A written time more than a day ahead came from a wrong clock, and is ignored.
        """
        moment = self.run.client.clock.likely()
        if self._latest and self._latest < moment + SLACK:
            moment = max(moment, self._latest + timedelta(microseconds=1))
        self._latest = moment
        return moment

    def _changed(
        self, raw: dict[str, Any], delivered: DeliveredRows, moment: datetime
    ) -> Row | None:
        made = self.placement.rows_or_reject(raw, self._made, "id")
        if made is None:
            return None
        row, version = made
        key = row["id"]
        change = delivered.change(key, version, lambda: self._former(raw))
        if change is None:
            return None
        self.count_rows(change)
        # The target may have the row that a killed run sent: so it is sent again unchanged.
        sent = delivered.unsettled(key, version) or Sent(version, change, moment)
        delivered.deliver(key, version, sent)
        changed_at = _text(sent.moment or moment)
        history = tables.history_row(row, changed_at, sent.change)
        return Row(row | {"changed_at": changed_at}, {ProductHistory.table.name: [history]})

    def _made(self, raw: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        row = tables.product_row(raw, self.run.account, self.placement.log_unknown_field)
        return row, digest(encoded(SENT.of(raw)))

    def _former(self, raw: dict[str, Any]) -> bytes:
        """Return the fingerprint that former releases made of an offer: that of its row."""
        return fingerprint(tables.product_row(raw, self.run.account, table=FORMER_PRODUCTS))

    def _write_deletion(self, key: int, delivered: DeliveredRows, moment: datetime) -> None:
        sent = delivered.unsettled(key, None)
        deleted_at = sent.moment if sent and sent.moment else moment
        delivered.deliver_deletion(key, deleted_at)
        row = tables.deletion_row(self.run.account, key, _text(deleted_at))
        self.children.write(ProductDeletions.table.name, row)

    def _remember(
        self, context: Context | None, delivered: DeliveredRows, moment: datetime
    ) -> None:
        self.move_bookmark(context, replication_key_value=_text(moment), **delivered.bookmark())


class ProductHistory(ChildStream):
    """Every version of price, stock, status and buy-button rank that was seen."""

    table = history_table.PRODUCT_HISTORY
    parent_stream_type = Products
    replication_key = "changed_at"


class ProductDeletions(ChildStream):
    """Offers that the API no longer has."""

    table = history_table.PRODUCT_DELETIONS
    parent_stream_type = Products
    replication_key = "changed_at"


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def offer_id(raw: dict[str, Any]) -> int | None:
    """Return an offer's id, None where the API sends none."""
    return key_or_none(raw, "id")
