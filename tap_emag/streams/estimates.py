"""What eMAG says of one offer at a time: commission and Smart Deals price. Off by default.

A request an offer takes its time: 2,545 offers about 16 minutes. So a run says so before it begins,
and one that is stopped goes on behind the offer it came to; when all have been asked for, the next
run begins anew.
"""

from __future__ import annotations

from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_emag.errors import ContractError, EmagError, NotThereError
from tap_emag.streams.base import ChildStream
from tap_emag.streams.products import Products
from tap_emag.tables import estimates as tables

if TYPE_CHECKING:
    from collections.abc import Collection

    from tap_emag.streams.base import EmagStream

REMEMBER_EVERY = 100  # offers


class PerOffer(ChildStream):
    """One row an offer, by a request of its own; the scan of the offers says which there are."""

    parent_stream_type = Products
    selected_by_default = False
    resource: str

    def ask(self, offer: int) -> dict[str, Any] | None:
        """Ask for one offer; None when the API knows nothing of it."""
        raise NotImplementedError

    def write_all(self, parent: EmagStream, keys: Collection[int]) -> None:
        """Ask for every offer, from where the last run stopped."""
        bookmark = self.get_context_state(parent.account_context)
        last = bookmark.get("last_offer")
        left = sorted(offer for offer in keys if last is None or offer > last)
        self.announce(self.name, len(left), self.resource)
        done = 0
        try:
            for offer, row in parent.requests.map(self.ask, left):
                if row is not None:
                    parent.write_child(self.name, row)
                last, done = offer, done + 1
                if done % REMEMBER_EVERY == 0:
                    self.move_bookmark(parent.account_context, last_offer=last)
                self.reached(self.name, f"{done} of {len(left)}", done / len(left), 1)
        except EmagError:
            self.move_bookmark(parent.account_context, last_offer=last)
            raise
        self.move_bookmark(parent.account_context, last_offer=None)
        self._tap.progress.ended(self.name)

    def now(self) -> str:
        """Return the present time as it is written."""
        return datetime.now(timezone.utc).isoformat(timespec="seconds")


class Commissions(PerOffer):
    """The commission eMAG takes of an offer."""

    table = tables.COMMISSIONS
    resource = "commission/estimate"

    def ask(self, offer: int) -> dict[str, Any] | None:
        """Ask for one offer's commission."""
        try:
            reply = self._tap.client.get_rest(f"{self.resource}/{offer}")
        except NotThereError:
            return None
        body = reply.body if isinstance(reply.body, dict) else {"data": reply.body}
        return self.placed(body, partial(self._row, offer), id=offer)

    def _row(self, offer: int, body: dict[str, Any]) -> dict[str, Any]:
        account, wall = self._tap.account, self._tap.wall
        data = body.get("data", body)
        return tables.commission_row(offer, data, account, wall, self.now(), self.report)


class SmartDeals(PerOffer):
    """The price at which an offer would carry the Smart Deals badge."""

    table = tables.SMART_DEALS
    resource = "smart-deals-price-check"

    def ask(self, offer: int) -> dict[str, Any] | None:
        """Ask for one offer's price."""
        try:
            reply = self._tap.client.get(self.resource, {"productId": offer})
        except NotThereError:
            return None
        if "results" not in reply.body:
            raise ContractError(f"{self.resource}: the reply holds no `results`")
        return self.placed(reply.body, partial(self._row, offer), id=offer)

    def _row(self, offer: int, body: dict[str, Any]) -> dict[str, Any]:
        results = body["results"]
        return tables.smart_deal_row(offer, results, self._tap.account, self.now(), self.report)
