"""A shop that goes on selling while runs are killed, and a ledger of what becomes of its offers."""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from emag_sandbox import Sandbox, SandboxConfig

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

# In weeks without a change of the clocks; what a night with one does is tested elsewhere.
NOW = datetime(2025, 11, 10, 12, 0, tzinfo=timezone.utc)
HISTORY_DAYS = 12
START = f"{NOW - timedelta(days=HISTORY_DAYS + 2):%Y-%m-%d}"
BEAT = 0.4  # seconds between changes during a run
# How much later than it was read a version may be dated, and earlier: whole seconds of a header.
EXACT = timedelta(seconds=3)


class MovingShop:
    """A sandbox, and what moves it; every change of an offer is written down with its time."""

    def __init__(self, shop: Sandbox, chance: random.Random) -> None:
        """Move this sandbox by these dice."""
        self.sandbox = shop
        self._chance = chance
        self._changes: dict[int, list[datetime]] = defaultdict(list)
        self.withdrawn: set[int] = set()

    def between_runs(self) -> None:
        """Let some time pass, in which things happen."""
        self.sandbox.clock.advance(self._chance.uniform(600, 2400))
        world = self.sandbox.world
        world.touch_orders(60)
        world.add_orders(3)
        world.open_returns(1)
        world.touch_returns(2)
        self._offers_change(25)
        self._offers_come_and_go(self._chance.randint(0, 2))

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Let things happen, for as long as the context lasts."""
        over = threading.Event()
        thread = threading.Thread(target=self._live, args=[over], name="shop", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def changed_between(self, offer: int, first: datetime, last: datetime) -> bool:
        """Tell whether an offer may have changed, or gone and come back, in a span of time."""
        return any(first - EXACT <= moment <= last + EXACT for moment in self._changes[offer])

    def _live(self, over: threading.Event) -> None:
        world, chance = self.sandbox.world, self._chance
        while not over.wait(BEAT):
            world.touch_orders(2)
            self._offers_change(2)
            if chance.random() < 1 / 3:
                world.add_orders(1)
            if chance.random() < 1 / 6:
                world.touch_returns(1)
            if chance.random() < 1 / 30:
                self._offers_come_and_go(1)

    def _offers_change(self, number: int) -> None:
        self._note(self.sandbox.world.touch_offers(number))

    def _offers_come_and_go(self, number: int) -> None:
        self.sandbox.world.add_offers(number)
        gone = self.sandbox.world.withdraw_offers(number)
        self._note(gone)
        self.withdrawn.update(gone)

    def _note(self, offers: list[int]) -> None:
        for offer in offers:
            self._changes[offer].append(self.sandbox.clock.moment())


@contextmanager
def moving_shop(chance: random.Random) -> Iterator[MovingShop]:
    """Open a small shop."""
    config = SandboxConfig(
        line_edits="always",
        orders=250,
        offers=200,
        returns=20,
        categories=0,
        localities=0,
        invoices=0,
        customer_invoices=0,
        history_days=HISTORY_DAYS,
        clock=NOW,
    )
    with Sandbox(config) as shop:
        yield MovingShop(shop, chance)
