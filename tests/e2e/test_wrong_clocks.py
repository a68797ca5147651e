"""Replies and machines whose clocks are wrong: rows may come late, and none is lost.

The tap runs in this process, again and again, against a sandbox in which orders are placed between
the runs. Only the clock of this machine is feigned.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.api.server_clock import ENOUGH
from tap_emag.run import Run as TapRun
from tests.fuzz.runs import sync
from tests.support.unlimited import no_budgets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emag_sandbox.shop.orders import Key
    from tests.fuzz.runs import Json, Run

DAY = 86_400  # seconds
HOUR = 3600
START = datetime(2026, 6, 10, 12, tzinfo=timezone.utc)  # far from nights when clocks change


class Shop:
    """A shop, what a target has of its orders, and a machine with a clock of its own."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.state: Json = {}
        self.orders: dict[Key, datetime] = {}
        self.machine_error = 0.0  # seconds by which this machine's clock is ahead

    def machine_now(self) -> datetime:
        """Return what this machine's clock shows."""
        return self.sandbox.clock.moment() + timedelta(seconds=self.machine_error)

    def run(self, streams: str = "orders", **settings: Any) -> Run:  # noqa: ANN401
        """Let the tap run, and keep what it writes."""
        usual: dict[str, Any] = {
            "start_date": (START - timedelta(days=6)).isoformat(),
            "order_lookback_seconds": HOUR,
            "settle_seconds": 120,
            "retry_max_attempts": 9,
        }
        run = sync(self.sandbox.url, streams.split(","), self.state, **{**usual, **settings})
        assert run.error is None
        self.state = run.state
        for row in run.rows("orders"):
            self.orders[row["type"], row["id"]] = datetime.fromisoformat(row["modified"])
        return run

    def live(self, seconds: float) -> None:
        """Let time pass, and orders be placed and changed meanwhile."""
        for _ in range(3):
            self.sandbox.clock.advance(seconds / 3)
            self.sandbox.world.burst(1)
            self.sandbox.world.touch_orders(1)

    def missing(self) -> set[Key]:
        """Return the orders that the target has not, or not as they are."""
        world = self.sandbox.world
        right = {
            key: world.order(key)["modified"].replace(microsecond=0) for key in world.order_keys()
        }
        return {key for key, modified in right.items() if self.orders.get(key) != modified}

    def part(self, stream: str) -> Json:
        """Return the first part of a stream's state."""
        part: Json = self.state["bookmarks"][stream]["partitions"][0]
        return part

    def bookmarks(self) -> list[datetime]:
        """Return the bookmarks of the order types."""
        parts = self.state["bookmarks"]["orders"]["partitions"]
        return [datetime.fromisoformat(part["replication_key_value"]) for part in parts]


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    few: dict[str, Any] = {"orders": 20, "returns": 0, "localities": 9, "offers": 9}
    config = SandboxConfig(history_days=1, clock=START, limits=False, **few)
    with Sandbox(config) as sandbox:
        shop = Shop(sandbox)
        monkeypatch.setattr(TapRun, "machine_now", staticmethod(shop.machine_now))
        with no_budgets():
            yield shop


@pytest.mark.parametrize("machine", [0, 3 * DAY])
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("hours", [3, 23])
def test_one_reply_that_is_ahead_costs_no_order(
    shop: Shop, hours: int, place: int, machine: int
) -> None:
    shop.machine_error = machine
    shop.sandbox.set(date_error=hours * HOUR)
    for number in range(6):
        shop.live(900)
        shop.sandbox.set(next_dates=["ok"] * place + ["ahead"] if number == 1 else [])
        shop.run()
        assert max(shop.bookmarks()) < shop.sandbox.clock.moment()
    shop.sandbox.clock.advance(600)
    shop.run()
    assert not shop.missing()


WRONG = [
    {"dates": {"ahead": 0.2}},
    {"dates": {"ahead": 0.5}},
    {"dates": {"behind": 0.3}, "date_error": 23 * HOUR},
    {"dates": {"absent": 0.5}},
    {"dates": {"absent": 1}},
    {"dates": {"garbage": 0.4, "ahead": 0.2}},
    {"dates": {"local": 1}},
    {"fail_next": ["502", "html200", "ok", "504", "500"], "error_dates": "ahead"},
]


@pytest.mark.parametrize(
    ("knobs", "machine"),
    [
        *((knobs, machine) for knobs in WRONG for machine in (0, 3 * DAY, -3 * DAY)),
        ({"dates": {"local": 1}}, 2 * HOUR),  # as far ahead as the replies: the two agree
    ],
    ids=str,
)
def test_whatever_clocks_are_wrong_all_orders_have_come_when_they_are_right(
    shop: Shop, knobs: dict[str, Any], machine: int
) -> None:
    shop.machine_error = machine
    for _ in range(4):
        shop.live(4 * HOUR)
        shop.sandbox.set(**knobs)
        shop.run()
    shop.machine_error = 0
    shop.sandbox.set(dates={}, fail_next=[])
    shop.live(600)
    shop.sandbox.clock.advance(600)
    shop.run()
    assert not shop.missing()
    assert max(shop.bookmarks()) < shop.sandbox.clock.moment()


@pytest.mark.parametrize("machine", [0, 10 * DAY])
@pytest.mark.parametrize("later", [HOUR, 5 * HOUR])
@pytest.mark.parametrize("hours", [3, 23])
def test_what_a_bookmark_in_the_future_skipped_is_read(
    shop: Shop, hours: int, later: int, machine: int
) -> None:
    shop.run()
    for part in shop.state["bookmarks"]["orders"]["partitions"]:
        moment = datetime.fromisoformat(part["replication_key_value"])
        part["replication_key_value"] = (moment + timedelta(hours=hours)).isoformat()
    shop.live(later)
    shop.machine_error = machine
    shop.sandbox.clock.advance(600)
    shop.run()
    assert not shop.missing()
    assert max(shop.bookmarks()) < shop.sandbox.clock.moment()


def test_a_bookmark_in_the_future_that_knows_no_newest_order_is_read_from_start_date(
    shop: Shop,
) -> None:
    shop.run()
    for part in shop.state["bookmarks"]["orders"]["partitions"]:
        part["replication_key_value"] = (START + timedelta(days=40)).isoformat()
        del part["newest"]
    shop.orders.clear()
    shop.sandbox.clock.advance(600)
    shop.run()
    assert not shop.missing()
    assert max(shop.bookmarks()) < shop.sandbox.clock.moment()


def test_a_bookmark_in_the_future_comes_back_for_returns(shop: Shop) -> None:
    shop.run("returns")
    for ahead in (3 * HOUR, 3 * DAY, 400 * DAY):
        moment = shop.sandbox.clock.moment() + timedelta(seconds=ahead)
        shop.part("returns")["replication_key_value"] = moment.isoformat()
        opened = shop.sandbox.world.open_returns(2)
        shop.sandbox.clock.advance(600)
        run = shop.run("returns", return_lookback_days=1)
        assert {row["emag_id"] for row in run.rows("returns")} == set(opened)
        reached = shop.part("returns")["replication_key_value"]
        assert datetime.fromisoformat(reached) < shop.sandbox.clock.moment()


def test_a_bookmark_in_the_future_comes_back_for_invoices(shop: Shop) -> None:
    shop.run("invoices")
    for days in (2, 400):
        moment = shop.sandbox.clock.moment() + timedelta(days=days)
        shop.part("invoices")["replication_key_value"] = moment.date().isoformat()
        shop.run("invoices")
        reached = datetime.fromisoformat(shop.part("invoices")["replication_key_value"])
        assert reached.date() <= (shop.sandbox.clock.moment() + timedelta(hours=3)).date()


@pytest.mark.parametrize("machine", [0, 10 * DAY])
def test_localities_that_changed_before_a_time_of_reading_in_the_future_are_read(
    shop: Shop, machine: int
) -> None:
    shop.run("localities")
    changed = shop.sandbox.world.touch_localities(2)
    moment = shop.sandbox.clock.moment() + timedelta(days=3)
    shop.part("localities")["read_at"] = moment.isoformat()
    shop.sandbox.clock.advance(DAY)
    shop.machine_error = machine
    run = shop.run("localities", metadata_cache_ttl_seconds=0)
    assert {row["emag_id"] for row in run.rows("localities")} == set(changed)
    read_at = datetime.fromisoformat(shop.part("localities")["read_at"])
    assert read_at <= shop.sandbox.clock.moment()


@pytest.mark.parametrize(("error", "times"), [(0, 1), (3 * DAY, ENOUGH), (-3 * DAY, ENOUGH)])
def test_the_first_request_is_repeated_only_while_clocks_are_in_doubt(
    shop: Shop, error: int, times: int
) -> None:
    shop.machine_error = error
    shop.run("vat_rates")
    first = [request for request in shop.sandbox.log if request.body["currentPage"] == 1]
    assert len(first) == times


def test_an_offer_that_goes_is_a_deletion_though_this_machines_clock_is_behind(
    shop: Shop,
) -> None:
    shop.run("products")
    shop.sandbox.clock.advance(HOUR)
    shop.sandbox.world.touch_offers(9)
    offers = {row["id"]: row["changed_at"] for row in shop.run("products").rows("products")}
    [gone] = shop.sandbox.world.withdraw_offers(1)
    shop.machine_error = -3 * DAY
    [deleted] = shop.run("products,product_deletions").rows("product_deletions")
    assert deleted["id"] == gone
    assert deleted["changed_at"] > offers[gone]
