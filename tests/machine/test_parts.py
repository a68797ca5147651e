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
