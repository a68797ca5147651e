"""Reads what eMAG has measured of the products of orders. Off by default.

It takes a request for each order that is new or has changed. Orders are read first. The bookmark
keeps those that are still to be asked for, with the time of their change, and is written with that
of the orders. So a run that ends early or is killed loses none, and the next one goes on. It also
keeps those whose change is recent: the look-back reads them again.

HTTP 404 or 412 for an order means that eMAG has no measures of it, once this run has seen the
resource answer for another order. Until then it may mean the resource: such orders go on waiting.
"""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_emag.errors import EmagError, NoRouteError, NotThereError, SkippedItemsError
from tap_emag.schema.identity import rows_with
from tap_emag.singer_io import override
from tap_emag.state.askings import Askings, Outcome
from tap_emag.streams.base import ChildStream
from tap_emag.streams.orders.stream import Orders
from tap_emag.streams.orders.volumetry_rows import MARKS, says_more, volumetry_rows
from tap_emag.streams.orders.volumetry_table import ORDER_VOLUMETRY
from tap_emag.streams.single_items import UNANSWERED, SingleItems

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tap_emag.state.order_versions import Version
    from tap_emag.streams.base import EmagStream

SAVE_EVERY = 100  # orders
MOST_WAITING = 2000  # orders of one type, so that states stay small
SHARE = 0.8  # of the time that the run has left
KEPT = timedelta(days=1)  # besides the look-back; a bookmark may be that far ahead
TRIED = 7  # days for which an order that fails is asked for again
DAY = 86_400  # seconds
Rows = list[dict[str, Any]]


class OrderVolumetry(ChildStream):
    """Measures of the products of each order, one piece of each product."""

    table = ORDER_VOLUMETRY
    bucket = "orders"
    parent_stream_type = Orders
    selected_by_default = False
    resource = "order/volumetry/read"
    _until: float | None = None  # when this run stops asking; None before it has begun
    _works = False  # whether the resource has answered for an order in this run

    @override
    def requests_for(self, rows: int) -> int:
        """Return one request for each order."""
        return rows

    def expect(self, context: dict[str, Any], versions: Iterable[Version]) -> bool:
        """Note the orders of one type that were not asked for since they changed."""
        askings = self._askings(context)
        known = askings.all()
        for order, modified in versions:
            changed = max(0, modified)
            if order not in known or known[order].moment != changed:
                askings.note(order, Outcome.WAITING, moment=changed)
        with self.run.state_lock:
            self.get_context_state(context)["asked"] = askings.pack()
        return len(askings.waiting()) > MOST_WAITING

    def write_all(self, parent: EmagStream, keys: Collection[int]) -> None:  # noqa: ARG002
        """Ask for the orders of each type that wait, those that wait longest first.

        Raises:
            SkippedItemsError: Some orders could not be read, the others were; or eMAG answers that
                each of many does not exist.
            EmagError: The API is down or refuses every order, or the run is to end.
        """
        if self._until is None:
            self._until = time.monotonic() + SHARE * self.run.watchdog.left
        failures: list[EmagError] = []
        absent: list[tuple[dict[str, Any], list[int]]] = []
        for context in parent.partitions or []:
            absent.append((context, []))
            try:
                self._write(parent, *absent[-1], self._until)
            except EmagError as error:
                if not error.contained:
                    raise
                failures.append(error)
        try:
            self._judge(absent)
        except SkippedItemsError as error:
            failures.append(error)
        if failures:
            self._until = 0.0  # what waits is left to the next run
            raise failures[0]

    def _judge(self, absent: list[tuple[dict[str, Any], list[int]]]) -> None:
        """Note as read the orders for which eMAG returns 404 or 412, if it has answered for others.

        Args:
            absent: Those orders, with the context of their type.

        Raises:
            SkippedItemsError: It has answered for none, and there are many.
        """
        number = sum(len(orders) for _, orders in absent)
        if self._works:
            for context, orders in absent:
                askings = self._askings(context)
                noted = askings.all()
                for order in orders:
                    askings.note(order, Outcome.READ, moment=noted[order].moment)
                if orders:
                    self.move_bookmark(context, asked=askings.pack())
        elif number:
            message = (
                f"{self.resource}: eMAG answered HTTP 404 or 412 for each of {number} orders, and"
                " has answered for no other, so the resource itself may be missing; the next run"
                " asks for them again"
            )
            if number >= UNANSWERED:
                raise SkippedItemsError(message)
            self.logger.warning(message)

    def _write(
        self, parent: EmagStream, context: dict[str, Any], absent: list[int], until: float
    ) -> None:
        askings, kind = self._askings(context), int(context["type"])
        due = askings.in_order(askings.waiting())
        noted = askings.all()
        if not due or time.monotonic() > until:
            return
        self.announce(f"{self.name} of type {kind}", len(due), self.resource)
        items = SingleItems(
            parent.requests,
            self.run.watchdog,
            self.run.settings,
            partial(self._ask, kind),
            [key for key in due if askings.failed(key)],
        )
        done = 0
        try:
            for done, (order, rows) in enumerate(items.replies(due), start=1):
                for row in rows or ():
                    parent.children.write(self.name, row)
                if rows is None:
                    absent.append(order)
                    askings.note(order, Outcome.WAITING, moment=noted[order].moment)
                else:
                    self._works = True
                    askings.note(order, Outcome.READ, moment=noted[order].moment)
                if done % SAVE_EVERY == 0:
                    self.move_bookmark(context, asked=askings.pack())
                where = f"{done} of {len(due)}"
                self.run.update_progress(self.name, where, done / len(due), len(rows or ()))
                if time.monotonic() > until:
                    break
        finally:
            today = int(self.run.client.clock.now().timestamp()) // DAY
            for order in items.failed:
                since = noted[order].version or today
                askings.note(order, Outcome.FAILED, since, noted[order].moment)
            askings.keep(self._to_keep(askings))
            self.move_bookmark(context, asked=askings.pack())
        self.count_rows("failed", len(items.failed))
        self.run.progress.ended(self.name)
        left = len(due) - done - len(items.failed)
        if left > 0:
            self.logger.warning(
                "%d orders of type %d are left to the next run: sync_timeout_seconds left no time"
                " for them",
                left,
                kind,
            )
        items.check(self.name, len(due))

    def _ask(self, kind: int, order: int, once: bool) -> Rows | None:  # noqa: FBT001 - see SingleItems
        """Ask for one order; return None when eMAG returns 404 or 412."""
        asked: dict[str, Any] = {"order_id": order, "type": kind}
        try:
            body = self.run.client.call_bare(self.resource, asked, once=once).body
        except NoRouteError:
            raise
        except NotThereError:
            return None
        read_at = self.run.client.clock.now().isoformat(timespec="seconds")
        rows: Rows = []
        for raw in rows_with(body, *MARKS):
            make = partial(self._rows, (kind, order), read_at)
            made = self.placement.rows_or_reject(raw, make, **asked)
            if made == [] and says_more(raw, kind):
                self.placement.reject(raw, "it has no product", **asked)
            rows += made or []
        return rows

    def _rows(self, order: tuple[int, int], read_at: str, raw: dict[str, Any]) -> Rows:
        report = self.placement.log_unknown_field
        return volumetry_rows(raw, self.run.account, order, read_at, report)

    def _to_keep(self, askings: Askings) -> set[int]:
        """Return the orders to keep in mind.

        Those are left out that were read and that no run reads again unless they change, and those
        that have failed for long. The time noted with an order is that of its change; the version
        of one that failed is the day on which it failed first.
        """
        now = self.run.client.clock.now()
        look_back = timedelta(seconds=self.run.settings.order_lookback_seconds)
        recent = (now - look_back - KEPT).timestamp()
        last_day = int(now.timestamp()) // DAY - TRIED
        return {
            order
            for order, last in askings.all().items()
            if last.outcome == Outcome.WAITING
            or (last.outcome == Outcome.FAILED and last.version > last_day)
            or (last.outcome == Outcome.READ and (last.moment >= recent or not last.moment))
        }

    def _askings(self, context: dict[str, Any]) -> Askings:
        packed = self.get_context_state(context).get("asked")
        return Askings(packed, self.run.client.clock.now())
