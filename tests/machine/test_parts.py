"""What the machine is made of does what the machine relies on."""

from __future__ import annotations

import signal
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from tests.machine import runs
from tests.machine.runs import Ending
from tests.machine.scale import REAL_PAGE, small
from tests.machine.shop import Shop

if TYPE_CHECKING:
    from pathlib import Path

CLOCK = datetime(2025, 6, 11, 9, tzinfo=timezone.utc)
BACK = 10  # days: a third of a shipment's way and more


def test_returns_and_shipments_know_no_way_back_when_the_clock_does() -> None:
    shop = Shop(CLOCK, orders=40, returns=30)
    try:
        world = shop.world
        shipments = world.reservation_ids()
        moved = world.touch_returns(30)
        before = list(world.returns()), [world.awb(each) for each in shipments]
        shop.sandbox.clock.advance(-timedelta(days=BACK).total_seconds())
        assert (list(world.returns()), [world.awb(each) for each in shipments]) == before
        (opened,) = moved[:1]
        world.close_returns([opened])
        assert world.return_(opened)["request_status"] in {4, 5, 7}
    finally:
        shop.close()


def test_a_run_gives_the_signals_back(tmp_path: Path) -> None:
    shop = Shop(CLOCK, orders=0, offers=0, returns=0)
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        first, whole = CLOCK - timedelta(days=2), Ending("by itself", 0)
        with small(REAL_PAGE):
            assert runs.run(shop.settings(tmp_path), first, None, whole).code == 0
    finally:
        shop.close()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
