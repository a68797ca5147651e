"""Reads the commission and the Smart Deals price of each offer. Off by default.

One request for each offer takes long: 2,545 offers take about 16 minutes. So a run logs the time
before it begins, and reads the offers with the oldest estimates first: the next run continues one
that was stopped. An estimate stays valid for 20 hours: a daily run reads all of them, and a second
one on the same day reads none.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tap_emag.errors import ContractError, EmagError, NoRouteError, NotThereError
from tap_emag.singer_io import override
from tap_emag.state.askings import Askings, Outcome
from tap_emag.streams.base import ChildStream
from tap_emag.streams.products import estimate_rows
from tap_emag.streams.products import estimate_table as tables
from tap_emag.streams.products.stream import Products
from tap_emag.streams.single_items import SingleItems

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from singer_sdk.helpers.types import Context

    from tap_emag.streams.base import EmagStream

SAVE_EVERY = 100  # offers
AGAIN = 20 * 3600  # seconds


class PerOffer(ChildStream):
    """One row for each offer of the scan, by a request of its own."""

    parent_stream_type = Products
    selected_by_default = False
    resource: str

    @override
    def requests_for(self, rows: int) -> int:
        """Return one request for each offer."""
        return rows

    def ask(self, offer: int, once: bool) -> dict[str, Any] | None:  # noqa: FBT001 - see SingleItems
        """Ask for one offer, `once` or with retries; return None when the API does not know it."""
        raise NotImplementedError

    def write_all(self, parent: EmagStream, keys: Collection[int]) -> None:
        """Ask for every offer whose estimate is missing or old, the oldest first.

        Raises:
            SkippedItemsError: Some offers could not be read; the others were.
            EmagError: The API is down or refuses every offer, or the run is to end.
        """
        context = parent.account_context
        bookmark = self.get_context_state(context)
        askings = Askings(bookmark.get("asked"), self.run.client.clock.now())
        askings.keep(keys)
        due = [key for key in askings.in_order(keys) if askings.due(key, 0, AGAIN, AGAIN)]
        self.announce(self.name, len(due), self.resource)
        items = SingleItems(
            parent.requests,
            self.run.watchdog,
            self.run.settings,
            self.ask,
            [key for key in due if askings.failed(key)],
        )
        try:
            for done, (offer, row) in enumerate(items.replies(due), start=1):
                if row is not None:
                    parent.children.write(self.name, row)
                askings.note(offer, Outcome.READ)
                if done % SAVE_EVERY == 0:
                    self.move_bookmark(context, asked=askings.pack())
                self.run.update_progress(self.name, f"{done} of {len(due)}", done / len(due), 1)
        except EmagError:
            self._save(askings, items.failed, context)
            raise
        self._save(askings, items.failed, context)
        self.count_rows("failed", len(items.failed))
        self.run.progress.ended(self.name)
        items.check(self.name, len(due))

    def _save(self, askings: Askings, failed: Iterable[int], context: Context) -> None:
        for offer in failed:
            askings.note(offer, Outcome.FAILED)
        self.move_bookmark(context, asked=askings.pack())

    def now(self) -> str:
        """Return the present time as text."""
        return self.run.client.clock.now().isoformat(timespec="seconds")


class Commissions(PerOffer):
    """The commission eMAG takes of an offer."""

    table = tables.COMMISSIONS
    resource = "commission/estimate"

    def ask(self, offer: int, once: bool) -> dict[str, Any] | None:  # noqa: FBT001
        """Ask for one offer's commission."""
        try:
            reply = self.run.client.get_rest(f"{self.resource}/{offer}", once=once)
        except NoRouteError:
            raise
        except NotThereError:
            return None
        body = reply.body if isinstance(reply.body, dict) else {"data": reply.body}
        return self.placement.rows_or_reject(body, partial(self._row, offer), id=offer)

    def _row(self, offer: int, body: dict[str, Any]) -> dict[str, Any]:
        account, wall = self.run.account, self.run.marketplace_time
        data = body.get("data", body)
        return estimate_rows.commission_row(
            offer, data, account, wall, self.now(), self.placement.log_unknown_field
        )


class SmartDeals(PerOffer):
    """The price at which an offer would carry the Smart Deals badge."""

    table = tables.SMART_DEALS
    resource = "smart-deals-price-check"

    def ask(self, offer: int, once: bool) -> dict[str, Any] | None:  # noqa: FBT001
        """Ask for one offer's price."""
        try:
            reply = self.run.client.get(self.resource, {"productId": offer}, once=once)
        except NoRouteError:
            raise
        except NotThereError:
            return None
        if "results" not in reply.body:
            raise ContractError(f"{self.resource}: the reply has no `results`")
        return self.placement.rows_or_reject(reply.body, partial(self._row, offer), id=offer)

    def _row(self, offer: int, body: dict[str, Any]) -> dict[str, Any]:
        results = body["results"]
        return estimate_rows.smart_deal_row(
            offer, results, self.run.account, self.now(), self.placement.log_unknown_field
        )
