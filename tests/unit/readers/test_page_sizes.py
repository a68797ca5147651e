"""Pages that hold fewer rows than were asked for, or not always as many, cost no row."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.readers import CountReliability, PageSize
from tests.support.command import run
from tests.unit.readers.test_full_scan import scan_of
from tests.unit.readers.test_window_reader import ids, read, true_ids

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Finished

CAPS = {99: "id_asc", 50: "id_desc", 20: "modified_asc", 7: "modified_desc", 150: "arbitrary"}
SHOP = SandboxConfig(orders=300, offers=0, history_days=5, type2_share=0, limits=False)
OFFERS = replace(SHOP, orders=0, offers=300)
REFUSED = {"order": "is_error", "product_offer": "is_error", "rma": "is_error"}
START = datetime.now(timezone.utc) - timedelta(days=6)


def opened(config: SandboxConfig) -> Sandbox:
    """Make a sandbox that opened some seconds ago: its newest orders are over by any clock."""
    opened_at = datetime.now(timezone.utc) - timedelta(seconds=40)
    sandbox = Sandbox(replace(config, clock=opened_at))
    sandbox.clock.advance(20)
    return sandbox


def read_streams(folder: Path, sandbox: Sandbox, streams: str, **given: Any) -> Finished:  # noqa: ANN401
    """Run the command for some streams."""
    given = {"order_types": [3], "start_date": START.isoformat(), **given}
    return run(folder, sandbox, streams=streams, **given)


@pytest.mark.parametrize(("cap", "sort"), list(CAPS.items()))
@pytest.mark.parametrize(
    "counts",
    [{}, {"count_faults": REFUSED}, {"count_mode": "drifting"}, {"count_mode": "stale"}],
    ids=["exact", "refused", "drifting", "stale"],
)
def test_every_order_is_read_whatever_a_page_holds(
    cap: int, sort: str, counts: dict[str, Any]
) -> None:
    with opened(replace(SHOP, page_caps=[cap], sort=sort, **counts)) as sandbox:
        assert sorted(ids(read(sandbox, 6))) == true_ids(sandbox)


@pytest.mark.parametrize("counts", [{}, REFUSED], ids=["exact", "refused"])
@pytest.mark.parametrize("pages", [0, 1, 2, 3, 5, 8])
def test_a_limit_that_falls_while_orders_are_read_costs_none(
    pages: int, counts: dict[str, str]
) -> None:
    caps = [100] * pages + [50]
    with opened(replace(SHOP, page_caps=caps, count_faults=counts)) as sandbox:
        assert sorted(ids(read(sandbox, 6))) == true_ids(sandbox)


@pytest.mark.parametrize("counts", [{}, REFUSED], ids=["exact", "refused"])
@pytest.mark.parametrize("pages", [1, 2, 3, 5, 8, 13])
@pytest.mark.parametrize("orders", [75, 140, 300])
def test_a_limit_that_rises_while_orders_are_read_costs_none(
    orders: int, pages: int, counts: dict[str, str]
) -> None:
    caps = [50] * pages + [100]
    config = replace(SHOP, orders=orders, page_caps=caps, count_faults=counts)
    with opened(config) as sandbox:
        assert sorted(ids(read(sandbox, 6))) == true_ids(sandbox)


def test_a_limit_that_falls_between_two_runs_costs_no_order(tmp_path: Path) -> None:
    with opened(replace(SHOP, orders=150)) as sandbox:
        first = read_streams(tmp_path / "first", sandbox, "orders")
        assert first.code == 0
        partition = first.state["bookmarks"]["orders"]["partitions"][0]
        assert partition["page_rows"] == 100
        sandbox.world.burst(80)
        sandbox.set(page_caps=[50])
        sandbox.clock.advance(10)
        second = read_streams(tmp_path / "second", sandbox, "orders", state=first.state)
        rows = first.rows("orders") + second.rows("orders")
        assert sorted({row["id"] for row in rows}) == true_ids(sandbox)


@pytest.mark.parametrize("changed", [0, 5, 60])
def test_a_quiet_run_asks_twice_a_type_at_most(tmp_path: Path, changed: int) -> None:
    with opened(replace(SHOP, orders=1000, history_days=30)) as sandbox:
        start = (datetime.now(timezone.utc) - timedelta(days=31)).isoformat()
        first = read_streams(tmp_path / "first", sandbox, "orders", start_date=start)
        sandbox.world.touch_orders(changed, at=sandbox.clock.moment() - timedelta(seconds=30))
        sandbox.log.clear()
        read_streams(tmp_path / "second", sandbox, "orders", state=first.state)
        assert len(list(sandbox.log)) <= 2


def test_a_second_with_more_orders_than_a_page_is_not_halved_down_to(tmp_path: Path) -> None:
    clock = datetime.now(timezone.utc) - timedelta(seconds=900)
    with Sandbox(replace(SHOP, orders=150, history_days=4, clock=clock)) as sandbox:
        first = read_streams(tmp_path / "first", sandbox, "orders")
        sandbox.clock.advance(400)
        sandbox.world.burst(120)
        sandbox.clock.advance(300)
        sandbox.log.clear()
        second = read_streams(tmp_path / "second", sandbox, "orders", state=first.state)
        assert second.counts["orders"] >= 120
        assert len(list(sandbox.log)) <= 12


@pytest.mark.parametrize("counts", [{}, REFUSED], ids=["exact", "refused"])
@pytest.mark.parametrize("cap", [99, 50, 20, 150])
def test_every_offer_is_read_whatever_a_page_holds(cap: int, counts: dict[str, str]) -> None:
    config = replace(OFFERS, page_caps=[cap], count_faults=counts)
    with opened(config) as sandbox, scan_of(sandbox) as scan:
        list(scan.read())
        assert scan.seen == set(sandbox.world.offer_ids())


def test_a_wrong_count_that_equals_the_limit_of_a_page_costs_no_offer() -> None:
    config = replace(OFFERS, offers=53, page_caps=[50], count_mode="stale", count_offset=-3)
    with opened(config) as sandbox, scan_of(sandbox) as scan:
        list(scan.read())
        assert scan.seen == set(sandbox.world.offer_ids())


@pytest.mark.parametrize("counts", [{}, REFUSED], ids=["exact", "refused"])
@pytest.mark.parametrize("pages", [1, 2, 3])
def test_a_limit_that_falls_while_offers_are_read_costs_none(
    pages: int, counts: dict[str, str]
) -> None:
    config = replace(OFFERS, page_caps=[100] * pages + [50], count_faults=counts)
    with opened(config) as sandbox, scan_of(sandbox) as scan:
        list(scan.read())
        assert scan.seen == set(sandbox.world.offer_ids())


@pytest.mark.parametrize("counts", [{}, REFUSED], ids=["exact", "refused"])
@pytest.mark.parametrize("pages", [1, 2, 3])
@pytest.mark.parametrize("offers", [75, 150, 180, 300])
def test_a_limit_that_rises_while_offers_are_read_costs_none(
    offers: int, pages: int, counts: dict[str, str]
) -> None:
    caps = [50] * pages + [100]
    config = replace(OFFERS, offers=offers, page_caps=caps, count_faults=counts)
    with opened(config) as sandbox, scan_of(sandbox) as scan:
        list(scan.read())
        assert scan.seen == set(sandbox.world.offer_ids())


@pytest.mark.parametrize("cap", [20])
def test_all_other_lists_are_read_whatever_a_page_holds(tmp_path: Path, cap: int) -> None:
    config = replace(SHOP, categories=2, localities=22, returns=21, customer_invoices=21)
    tables = ["categories", "localities", "returns", "customer_invoices", "category_values"]
    tables += ["courier_accounts", "addresses", "awb_packages"]
    start = (datetime.now(timezone.utc) - timedelta(days=20)).isoformat()
    counts = {}
    for page_caps in ([], [cap]):
        with opened(replace(config, page_caps=page_caps, invoice_envelope="list")) as sandbox:
            folder = tmp_path / str(len(page_caps))
            done = read_streams(folder, sandbox, ",".join(tables), start_date=start)
            assert done.code == 0
            counts[len(page_caps)] = done.counts
    assert counts[0].keys() >= set(tables)
    assert counts[0] == counts[1]


@pytest.mark.parametrize("fault", ["503", "500", "504", "reset", "hang"])
def test_counts_that_fail_while_pages_come_cost_no_order(tmp_path: Path, fault: str) -> None:
    config = replace(SHOP, count_faults={"order": fault})
    with opened(config) as sandbox:
        given = {"breaker_failure_threshold": 2, "request_timeout_seconds": 1}
        start = (datetime.now(timezone.utc) - timedelta(days=100)).isoformat()
        done = read_streams(tmp_path, sandbox, "orders", start_date=start, **given)
        assert done.code == 0
        assert sorted(row["id"] for row in done.rows("orders")) == true_ids(sandbox)
        assert "breaker" not in done.log
        assert sum(request.action == "count" for request in sandbox.log) < 12


def test_counts_that_fail_twice_while_pages_come_are_done_without_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    count_reliability, seen = CountReliability(), []
    for _ in range(3):
        count_reliability.failed()
    seen.append(count_reliability.counts)  # nothing else was answered either
    for _ in range(3):
        count_reliability.pages.saw(count_reliability.pages.ask(), 10)
        count_reliability.failed()
    assert [*seen, count_reliability.counts] == [True, False]
    assert caplog.text.count("goes on without them") == 1


def test_counts_that_fail_cost_no_offer() -> None:
    config = replace(OFFERS, count_faults={"product_offer": "503"})
    with opened(config) as sandbox, scan_of(sandbox, breaker_failure_threshold=2) as scan:
        list(scan.read())
        assert scan.seen == set(sandbox.world.offer_ids())


@pytest.mark.parametrize("earlier", [[100], [100, 30], [19]])
def test_what_an_earlier_page_held_proves_few_rows_at_most(earlier: list[int]) -> None:
    pages = PageSize()
    for rows in earlier:
        pages.saw(pages.ask(), rows)
    number, few = pages.ask(), range(min(20, max(earlier)))
    assert [rows for rows in range(101) if pages.is_few(rows)] == list(few)
    assert [rows for rows in range(101) if pages.is_short(rows, number, number)] == list(few)


def test_what_a_later_page_held_proves_few_rows_at_most() -> None:
    """The limit may have risen since."""
    pages = PageSize()
    number = pages.ask()
    pages.saw(pages.ask(), 100)
    assert [rows for rows in range(101) if pages.is_short(rows, number, number)] == list(range(20))


@pytest.mark.parametrize("run", ["this run", "an earlier run"])
def test_what_an_earlier_and_a_later_page_held_proves_all_smaller_ones(run: str) -> None:
    pages = PageSize(remembered=55 if run == "an earlier run" else 0)
    if run == "this run":
        pages.saw(pages.ask(), 55)
    number = pages.ask()
    late = [pages.ask(), pages.ask()]
    for later, rows in itertools.product(late, [40, 60, 50]):
        pages.saw(later, rows)
    assert pages.is_short(54, number, late[0])
    assert not pages.is_short(55, number, late[0])
    assert not pages.is_short(54, number, late[1])


def test_a_page_that_came_after_it_was_asked_for_is_not_an_earlier_one() -> None:
    pages = PageSize()
    beside, number = pages.ask(), pages.ask()
    pages.saw(beside, 100)
    pages.saw(pages.ask(), 100)
    assert not pages.is_short(50, number, number)


def test_as_many_rows_as_a_full_page_holds_are_not_short() -> None:
    pages = PageSize(remembered=100)
    pages.learn(50)
    pages.saw(pages.ask(), 100)
    assert not pages.is_short(50, 1, 0)
    assert pages.is_short(49, 1, 0)
    assert pages.is_full(50)
    assert not pages.is_full(49)
    assert (pages.full, pages.memory) == (50, 50)
