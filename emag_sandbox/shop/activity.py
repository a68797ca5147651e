"""Changes the shop by itself, at the rates of the knobs."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from emag_sandbox.config import SandboxConfig
    from emag_sandbox.shop.shop import Shop

MOST_AT_ONCE: Final = 5000


class Pulse:
    """An event that happens at a rate per second of the sandbox's clock."""

    def __init__(self, happen: Callable[[datetime], object]) -> None:
        """Call `happen` with the moment of each beat."""
        self._happen = happen
        self._rate = 0.0
        self._begun = 0.0
        self._beats = 0

    def catch_up(self, now: float, rate: float) -> None:
        """Make up for all beats until `now`, at most the last 5000 after a jump of the clock."""
        if rate != self._rate or now < self._begun:
            self._rate, self._begun, self._beats = rate, now, 0
            return
        due = int((now - self._begun) * rate)
        self._beats = max(self._beats, due - MOST_AT_ONCE)
        while self._beats < due:
            self._beats += 1
            moment = self._begun + self._beats / rate
            self._happen(datetime.fromtimestamp(moment, timezone.utc))


class Activity:
    """Orders that change, orders that are placed, offers that change.

    Beats are at fixed moments of the clock and are caught up on before each request. So a reply
    never depends on when a background task got its turn.
    """

    def __init__(self, world: Shop, config: SandboxConfig) -> None:
        """Let live a world at the rates that `config` gives at any time."""
        self._world = world
        self._config = config
        self._changes = Pulse(lambda moment: world.touch_orders(1, at=moment))
        self._places = Pulse(lambda moment: world.burst(1, at=moment))
        self._offers = Pulse(lambda _moment: world.touch_offers(1))

    def catch_up(self) -> None:
        """Bring the world up to the clock's now."""
        with self._world.lock:
            now, config = self._world.clock.now(), self._config
            self._changes.catch_up(now, config.changes_per_second)
            self._places.catch_up(now, config.new_orders_per_second)
            self._offers.catch_up(now, config.offer_changes_per_second)
