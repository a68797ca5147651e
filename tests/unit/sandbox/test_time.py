"""The sandbox's clock, and the marketplace's."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from emag_sandbox.clock import Clock
from emag_sandbox.shop.localtime import LocalTime, parse_stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    Ask = Callable[..., requests.Response]
    OpenShop = Callable[..., Sandbox]

START = datetime(2026, 3, 1, tzinfo=timezone.utc)
CLOCK_BACK = datetime(2026, 10, 25, 1, 0, tzinfo=timezone.utc)


def test_a_clock_can_be_frozen_moved_and_set() -> None:
    clock = Clock(START, speed=0)
    assert clock.moment() == START
    clock.advance(90)
    assert clock.moment() == START + timedelta(seconds=90)
    clock.set(START)
    assert clock.moment() == START


def test_a_clock_runs_as_fast_as_asked() -> None:
    clock = Clock(START, speed=1000)
    time.sleep(0.05)
    assert timedelta(seconds=40) < clock.moment() - START < timedelta(seconds=2000)


def test_a_clock_is_real_time_unless_told_otherwise() -> None:
    assert abs(Clock().now() - time.time()) < 1


def test_replies_carry_the_time_that_was_set(shop: Sandbox, ask: Ask) -> None:
    shop.clock.set(START)
    assert parsedate_to_datetime(ask(shop, "order/count").headers["Date"]) == START
    shop.clock.advance(3600)
    key = shop.world.add_orders(1)[0]
    assert shop.world.order(key)["modified"] == START + timedelta(hours=1)


def test_orders_end_at_the_clocks_now(open_shop: OpenShop) -> None:
    shop = open_shop(clock=START, history_days=10, orders=2000)
    times = [order["modified"] for order in shop.world.orders()]
    assert START - timedelta(hours=6) < max(times) <= START
    assert min(times) >= START - timedelta(days=10)


def test_budgets_run_on_real_time(open_shop: OpenShop, ask: Ask) -> None:
    shop = open_shop(limits=True)
    for _ in range(3):
        ask(shop, "product_offer/count")
    shop.clock.advance(3600)
    assert ask(shop, "product_offer/count").status_code == 429


def test_local_time_is_what_the_zone_database_says() -> None:
    local, zone = LocalTime("Europe/Bucharest"), ZoneInfo("Europe/Bucharest")
    first = int(datetime(2025, 1, 1, tzinfo=timezone.utc).timestamp())
    for instant in range(first, first + 800 * 86_400, 1801):
        shown = datetime.fromtimestamp(instant, zone)
        assert local.text(instant) == shown.strftime("%Y-%m-%d %H:%M:%S")
        assert local.fold(instant) == shown.fold
        assert local.instant(local.naive(instant), shown.fold) == instant


def test_another_zone_shows_another_time(open_shop: OpenShop, ask: Ask) -> None:
    shop = open_shop(timezone="Europe/Budapest")
    shop.world.place_order(CLOCK_BACK, id=5, type=3)
    row = ask(shop, "order/read", id=5).json()["results"][0]
    assert row["modified"] == "2026-10-25 02:00:00"


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="Nowhere"):
        LocalTime("Nowhere/Town")


def test_a_bare_date_is_its_midnight() -> None:
    assert parse_stamp("2026-03-01") == parse_stamp("2026-03-01 00:00:00")


def test_nothing_happened_just_before_the_start() -> None:
    with Sandbox(SandboxConfig(orders=2_000, history_days=0.01)) as sandbox:
        rows = map(sandbox.world.order, sandbox.world.order_keys())
        newest = max(row["modified"] for row in rows)
        assert timedelta(seconds=10) <= sandbox.clock.moment() - newest < timedelta(minutes=1)
