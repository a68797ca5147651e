"""What the machine is made of does what the machine relies on."""

from __future__ import annotations

import signal
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from emag_sandbox import Request
from tests.stateful import runs, said
from tests.stateful.checks import INVOICES, Chain
from tests.stateful.runs import Ending
from tests.stateful.scale import REAL_PAGE, small
from tests.stateful.shop import Shop
from tests.stateful.target import Lag, Target

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


def test_a_state_stands_for_all_that_was_read_from_the_start_on(tmp_path: Path) -> None:
    # Without that, a later run with an earlier start would seem to miss what it need not read.
    shop = Shop(CLOCK, orders=0, offers=0, returns=0, customer_invoices=2)
    first = CLOCK - timedelta(days=2)
    try:
        with small(REAL_PAGE):
            run = runs.run(shop.settings(tmp_path), first, None, Ending("by itself", 0))
    finally:
        shop.close()
    delivery = Target().load(run.messages(), Lag(batch=10_000, ahead=0, dies=False))
    parts = ["orders2", "orders3", "returns", *INVOICES]
    assert Chain().after(first, delivery).floors == dict.fromkeys(parts, first)


def test_a_refusal_that_was_lifted_need_not_be_told_and_any_other_must(tmp_path: Path) -> None:
    shop = Shop(CLOCK, orders=0, offers=0, returns=0)
    try:
        with small(REAL_PAGE):
            run = runs.run(shop.settings(tmp_path), CLOCK, None, Ending("by itself", 0))
    finally:
        shop.close()

    def asked(page: int, fault: str | None) -> Request:
        return Request(0.0, 0.0, "rma", "read", "other", {"currentPage": page}, fault=fault)

    assert said.unsaid(run, [asked(1, "401"), asked(1, None)]) == []
    assert said.unsaid(run, [asked(1, None), asked(2, "403")]) == [
        "rma/read was refused, yet the run ended with 0"
    ]
