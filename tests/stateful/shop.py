"""A shop that lives while it is read: things happen when the n-th request of a kind arrives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.api import client
from tap_emag.streams import vanished
from tests.stateful.events import STEPS, WatchedLog
from tests.stateful.wall import BEHIND, QUARTER, claimable, latest_shown, wall
from tests.stateful.wrong_server import WrongServer

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable
    from pathlib import Path

    from emag_sandbox import Request
    from emag_sandbox.shop.orders import Key
    from tests.stateful.events import During, Event

USER, PASSWORD = "shop@seller.example", "pa55: wörd/+="
HISTORY_DAYS = 40
MANY = 6  # orders of one second
NOTED_DAYS = 6  # how old an ended return may be that something is still noted on


@dataclass
class Late:
    """An order stored with a time that had passed: how many seconds late, and in which era."""

    behind: float
    era: int


class Shop(WrongServer):
    """The sandbox, and what the machine has to know of it that no reply tells."""

    def __init__(self, clock: datetime, **knobs: Any) -> None:  # noqa: ANN401 - any knob
        few: dict[str, Any] = {"offers": 14, "returns": 8, "categories": 3, "localities": 6}
        few |= {"invoices": 0, "customer_invoices": 0, "history_days": HISTORY_DAYS}
        few |= {"limits": False, "retry_after": 0.01, "drip_seconds": 0.1, "type2_share": 0.4}
        few |= {"username": USER, "password": PASSWORD}
        self.sandbox = Sandbox(SandboxConfig(clock=clock, line_edits="always", **{**few, **knobs}))
        self.sandbox.log = self.log = WatchedLog()
        self.world = self.sandbox.world
        self.opened = clock
        self.newest = clock.timestamp()  # the latest time its clock has ever shown
        self.lookback = 0  # seconds by which an order may be stored late
        self.late: dict[Key, Late] = {}  # not yet read by a whole run
        self.lowest = clock  # the earliest time its clock has shown during a run
        self.gone: dict[int, int] = {}  # withdrawn offers, and which version they were
        self.known: dict[str, int] = {}  # rows that the tap knows of, by its state and resource
        self.happened: dict[str, int] = {}
        self.moved: set[int] = set()  # offers that something happened to during a run
        self.era = 0  # counts the beginnings and ends of runs
        self._stamps: set[tuple[Key, datetime]] = set()
        self.go_wrong({}, client.PAGE_SIZE)
        self.sandbox.start()

    @property
    def now(self) -> datetime:
        """The shop's time."""
        moment = self.sandbox.clock.moment()
        self.newest = max(self.newest, moment.timestamp())
        return moment

    def settings(self, folder: Path) -> dict[str, Any]:
        """Return what lets the tap read this shop, with its files in a folder; it never waits."""
        return {
            "username": USER,
            "password": PASSWORD,
            "api_url": self.sandbox.url,
            "state_dir": str(folder),
            "retry_wait_min_seconds": 0,
            "retry_wait_max_seconds": 0.02,
            "shipment_reread_seconds": 0,  # its clock hardly moves between two runs
        }

    def live(self, plan: Iterable[During]) -> None:
        """Let things happen while it is read, by requests counted from now on."""
        waiting = list(plan)
        self.lowest = self.now
        counts: dict[str, int] = {}

        def arrived(request: Request) -> None:
            name = request.resource
            counts[name] = counts.get(name, 0) + 1
            for during in [d for d in waiting if (d.resource, d.request) == (name, counts[name])]:
                self.happen(during.event)

        self.log.arrived = arrived

    def rest(self) -> None:
        """Let nothing happen any more."""
        self.log.arrived = None

    def happen(self, event: Event) -> None:
        """Let something happen now."""
        with self.world.lock:
            moment = self.now
            if getattr(self, f"_{event.what.replace(' ', '_')}")(event.much, moment) is not False:
                self.happened[event.what] = self.happened.get(event.what, 0) + 1

    def _touch(self, keys: Iterable[Key], at: datetime) -> bool:
        """Change orders, but none twice with the same time on the wall: nobody could tell."""
        shown = wall(at.replace(microsecond=0))
        free = [key for key in dict.fromkeys(keys) if (key, shown) not in self._stamps]
        return self._stamped(self.world.touch_orders(keys=free, at=at), at)

    def _stamped(self, keys: list[Key], at: datetime) -> bool:
        """Remember which orders got this time, and which of them are late."""
        shown, behind = wall(at.replace(microsecond=0)), self.newest - at.timestamp()
        for key in keys:
            self._stamps.add((key, shown))
            if behind > 1:
                before = self.late[key].behind if key in self.late else 0.0
                self.late[key] = Late(max(behind, before), self.era)
        return bool(keys)

    def _some(self, much: int) -> list[Key]:
        """Name `much` orders, now these, now those."""
        keys = self.world.order_keys()
        first = self.world._luck() % max(1, len(keys))
        return [keys[(first + 7 * place) % len(keys)] for place in range(much)] if keys else []

    def _change_orders(self, much: int, at: datetime) -> bool:
        return self._touch(self._some(much), at)

    def _change_a_type(self, much: int, at: datetime) -> bool:
        """Let an order be sent by the other side from now on: it has another key then."""
        shown = wall(at.replace(microsecond=0))
        for kind, number in self._some(much):
            other = 5 - kind, number
            free = not {((kind, number), shown), (other, shown)} & self._stamps
            if free and self.newest - at.timestamp() <= 1:
                self.late.pop((kind, number), None)
                return self._stamped(self.world.retype_orders(keys=[(kind, number)]), at)
        return False

    def _place_orders(self, much: int, at: datetime) -> bool:
        return self._stamped(self.world.burst(much, at), at)

    def _import_orders(self, much: int, at: datetime) -> bool:
        """Place more orders in one second than a page holds."""
        return self._stamped(self.world.burst(MANY + much, at), at)

    def _lateness(self, much: int, at: datetime) -> float | None:
        """Return how far back from `at` an order may be stamped, None if no further."""
        left = self.lookback - (self.newest - at.timestamp())
        return None if left < 1 else min(left, (5, 40, 200, 900, 1500, 3300)[much % 6])

    def _store_late(self, much: int, at: datetime) -> bool:
        moment = self._late_moment(much, at)
        return moment is not None and self._stamped(self.world.burst(1, moment), moment)

    def _change_late(self, much: int, at: datetime) -> bool:
        """Change an order, with a time that has passed, though none before its last change."""
        moment = self._late_moment(much, at)
        if moment is None:
            return False
        keys = [key for key in self._some(3) if self.modified(key) < moment.timestamp()]
        return self._touch(keys[:1], moment)

    def _late_moment(self, much: int, at: datetime) -> datetime | None:
        behind = self._lateness(much, at)
        if behind is None:
            return None
        return datetime.fromtimestamp(int(at.timestamp() - behind) + 1, timezone.utc)

    def modified(self, key: Key) -> int:
        """When an order was changed last, an instant in seconds."""
        book = self.world.order_book
        return book.index.modified[book.number(key)]

    def invoices(self) -> frozenset[str]:
        """Return the numbers of eMAG's invoices: some more come each month."""
        return frozenset(row["number"] for row in self.world.invoices())

    def _change_offers(self, much: int, _: datetime) -> None:
        self.moved |= set(self.world.touch_offers(much))

    def _add_offers(self, much: int, _: datetime) -> None:
        self.moved |= set(self.world.add_offers(much))

    def _withdraw_offers(self, much: int, _: datetime) -> None:
        versions = {offer: self._versions[self._number(offer)] for offer in self.world.offer_ids()}
        withdrawn = set(self.world.withdraw_offers(much))
        self.gone |= {offer: versions[offer] for offer in withdrawn}
        self.moved |= withdrawn

    def _bring_an_offer_back(self, much: int, _: datetime) -> bool:
        if not self.gone:
            return False
        found = sorted(self.gone)[much % len(self.gone)]
        self._show(found, self.gone.pop(found))
        return True

    def _take_a_change_back(self, much: int, _: datetime) -> bool:
        """Let an offer be just what it was before its last change, or before its first one."""
        versions = {offer: self._versions[self._number(offer)] for offer in self.world.offer_ids()}
        changed = sorted(offer for offer, version in versions.items() if version)
        if not changed:
            return False
        found = changed[much % len(changed)]
        self._show(found, versions[found] - 1 if much % 2 else 0)
        return True

    @property
    def _versions(self) -> array[int]:
        return self.world.offer_book._versions

    def _number(self, offer: int) -> int:
        number = self.world.offer_book._catalogue.number(offer)
        assert number is not None
        return number

    def _show(self, offer: int, version: int) -> None:
        """Let an offer be there in some version, equal to the bit to what it was then."""
        number = self._number(offer)
        self._versions[number] = version
        self.world.offer_book._note(number)
        self.moved.add(offer)

    def _open_returns(self, much: int, at: datetime) -> bool:
        if self.newest - at.timestamp() > 1 or not self.world.order_keys():
            return False
        return bool(self.world.open_returns(much, at=at))

    def _move_returns(self, much: int, _: datetime) -> bool:
        return bool(self.world.touch_returns(much))

    def _close_returns(self, much: int, _: datetime) -> bool:
        return bool(self.world.close_returns(self.world.open_return_ids()[-much:]))

    def _note_on_a_return(self, much: int, at: datetime) -> bool:
        """Remark on a return that has ended, but is young enough to be read again."""
        still = set(self.world.open_return_ids())
        ended = [
            row["emag_id"]
            for row in self.world.returns()
            if row["emag_id"] not in still and (at - row["date"]).days < NOTED_DAYS
        ]
        return bool(ended) and bool(self.world.touch_returns(ids=[ended[much % len(ended)]]))

    def _advance(self, much: int, _: datetime) -> None:
        self.sandbox.clock.advance(STEPS[much % len(STEPS)])
        _ = self.now

    def _put_back(self, much: int, at: datetime) -> bool:
        behind = self._lateness(much, at)
        if behind is None:
            return False
        self.sandbox.clock.advance(-behind)
        self.lowest = min(self.lowest, self.now)
        return True

    def _answer_empty(self, much: int, _: datetime) -> bool:
        """Let the next requests of a resource be answered as if it held nothing.

        Where the tap knows of next to nothing, it cannot doubt that.
        """
        resource = ("product_offer", "rma", "category")[much % 3]
        known = min(self.known.values(), default=0) > vanished.ROWS_AT_ONCE
        self.sandbox.set(empty_next={resource: much} if known else {})
        return known

    def forget_late(self, begun: datetime, era: int, types: list[int]) -> None:
        """Note that a whole run, begun then, has read these types and what was late in them."""
        reached = claimable(min(begun, self.lowest))
        for key, late in list(self.late.items()):
            shown = wall(datetime.fromtimestamp(self.modified(key), timezone.utc))
            if late.era < era and key[0] in types and shown < reached:
                del self.late[key]

    def settle(self) -> None:
        """Let time pass until what has happened is over for good, then stand still."""
        self.sandbox.set(empty_next={})
        clock = self.sandbox.clock
        clock.run_at(0)
        clock.advance(max(0.0, self.newest - clock.now()) + 2 * BEHIND.total_seconds())
        while latest_shown(self.now) >= claimable(self.now):
            clock.advance(QUARTER.total_seconds() + 1)

    def go_on(self) -> None:
        """Let the clock run again."""
        self.sandbox.clock.run_at(1)

    def close(self) -> None:
        """Stop serving."""
        self.sandbox.stop()
