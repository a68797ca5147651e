"""An answer that nearly everything is gone is asked for again; if it stays so, the stream fails."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from tap_emag.streams import vanished
from tests.support.pipeline import Pipeline, shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.stateful.runs import Run

SINCE = datetime.now(timezone.utc) - timedelta(days=200)
FOR_EVER = 1000  # requests


@pytest.fixture
def offers(tmp_path: Path) -> Iterator[Pipeline]:
    """A shop of forty offers, all of them read once."""
    with shop(offers=40) as sandbox:
        pipeline = Pipeline(tmp_path, sandbox, "products,product_history,product_deletions", SINCE)
        assert pipeline.run().code == 0
        assert written(pipeline, "products") == 40
        yield pipeline


def written(pipeline: Pipeline, stream: str) -> int:
    """Count rows of a table."""
    return len(list(pipeline.rows(stream)))


def sent(run: Run) -> Counter[str]:
    """Count rows that a run wrote, by stream."""
    return Counter(each["stream"] for each in run.messages() if each["type"] == "RECORD")


def test_an_empty_answer_once_costs_one_more_reading_and_no_offer(offers: Pipeline) -> None:
    changed = offers.sandbox.world.touch_offers(3)
    offers.sandbox.set(empty_next={"product_offer": 2})  # a count, a page
    assert offers.run().code == 0
    assert written(offers, "product_deletions") == 0
    assert written(offers, "product_history") == 40 + len(changed)


def test_offers_that_stay_away_fail_the_run_and_are_not_told_as_gone(offers: Pipeline) -> None:
    offers.sandbox.set(empty_next={"product_offer": FOR_EVER})
    run = offers.run()
    assert run.code == 1
    assert "40 of 40 known rows" in str(run.error)
    assert "allow_mass_deletion=true" in str(run.error)
    assert written(offers, "product_deletions") == 0
    offers.sandbox.set(empty_next={})
    assert offers.run().code == 0
    assert written(offers, "product_history") == 40  # none is new again


def test_a_mass_deletion_is_told_once_it_is_allowed(offers: Pipeline) -> None:
    gone = offers.sandbox.world.withdraw_offers(30)
    assert offers.run().code == 1
    assert written(offers, "product_deletions") == 0
    assert offers.run(allow_mass_deletion=True).code == 0
    assert {row["id"] for row in offers.rows("product_deletions")} == set(gone)
    assert offers.run().code == 0


def test_offers_that_come_back_in_the_second_reading_are_compared(offers: Pipeline) -> None:
    changed = offers.sandbox.world.touch_offers(40)
    offers.sandbox.set(empty_next={"product_offer": 3})  # a count, a page, and a count
    assert offers.run().code == 0
    assert written(offers, "product_history") == 40 + len(changed)


@pytest.mark.parametrize("gone", [4, vanished.ROWS_AT_ONCE])
def test_few_offers_may_go_at_once(offers: Pipeline, gone: int) -> None:
    offers.sandbox.world.withdraw_offers(gone)
    assert offers.run().code == 0
    assert written(offers, "product_deletions") == gone


def test_the_pause_does_not_pass_for_a_stall(offers: Pipeline) -> None:
    offers.sandbox.set(empty_next={"product_offer": 2})
    begun = time.monotonic()
    assert offers.run(look_again=60, stall_timeout_seconds=2).code == 0
    assert time.monotonic() - begun > 2 / vanished.PART_OF_STALL


CATEGORIES: dict[str, Any] = {"metadata_cache_ttl_seconds": 0}


def test_categories_that_seem_gone_are_not_written_anew(tmp_path: Path) -> None:
    with shop(categories=30) as sandbox:
        pipeline = Pipeline(tmp_path, sandbox, "categories", SINCE)
        assert pipeline.run(**CATEGORIES).code == 0
        sandbox.set(empty_next={"category": FOR_EVER})
        run = pipeline.run(**CATEGORIES)
        assert run.code == 1
        assert "categories: 30 of 30 known rows" in str(run.error)
        sandbox.set(empty_next={})
        assert not sent(pipeline.run(**CATEGORIES))


def test_an_empty_list_is_not_remembered_as_read(tmp_path: Path) -> None:
    with shop(localities=30) as sandbox:
        pipeline = Pipeline(tmp_path, sandbox, "localities,vat_rates", SINCE)
        sandbox.set(empty_next={"locality": 3, "vat": 1})  # two counts and a page
        assert pipeline.run().code == 0
        assert not written(pipeline, "localities")
        assert pipeline.run().code == 0  # within the cache's time to live
        assert written(pipeline, "localities") > 20
        assert written(pipeline, "vat_rates") > 0


@pytest.fixture
def returns(tmp_path: Path) -> Iterator[Pipeline]:
    """A shop with returns old and young, all of them read once."""
    with shop(orders=400, returns=160, history_days=100) as sandbox:
        streams = "returns,return_lines,return_events,awbs,awb_parcels"
        pipeline = Pipeline(tmp_path, sandbox, streams, SINCE)
        assert pipeline.run(return_lookback_days=40).code == 0
        yield pipeline


def test_returns_that_seem_gone_stay_known_and_those_open_stay_in_mind(returns: Pipeline) -> None:
    was_open = bookmark(returns)["open"]
    assert was_open
    returns.sandbox.set(empty_next={"rma": FOR_EVER})
    run = returns.run(return_lookback_days=40)
    assert run.code == 1
    assert "known rows were missing" in str(run.error)
    assert bookmark(returns)["open"] == was_open
    returns.sandbox.set(empty_next={})
    run = returns.run(return_lookback_days=40)
    assert run.code == 0
    assert not sent(run)


def test_a_return_that_closes_is_read_though_an_empty_answer_hid_it(returns: Pipeline) -> None:
    world = returns.sandbox.world
    returns.later(days=90)  # only those that were open are asked for
    assert returns.run(return_lookback_days=1).code == 0
    [closed] = world.close_returns(world.open_return_ids()[:1])
    windows_and_states = len(list(returns.asked("rma")))
    returns.sandbox.set(empty_next={"rma": FOR_EVER})
    assert windows_and_states
    returns.run(return_lookback_days=1, allow_mass_deletion=True)
    returns.sandbox.set(empty_next={})
    assert returns.run(return_lookback_days=1).code == 0
    [row] = [row for row in returns.rows("returns") if row["emag_id"] == closed]
    [true] = [row for row in world.returns() if row["emag_id"] == closed]
    assert row["request_status"] == true["request_status"]


def test_returns_that_leave_the_look_back_are_not_missed(returns: Pipeline) -> None:
    for days in (40, 1, 40):
        returns.later(days=20)
        assert returns.run(return_lookback_days=days).code == 0
    assert returns.run(return_lookback_days=1).code == 0


def test_shipments_that_seem_gone_fail_the_run(returns: Pipeline) -> None:
    assert written(returns, "awbs") > vanished.ROWS_AT_ONCE
    returns.sandbox.set(empty_next={"awb": FOR_EVER})
    run = returns.run(return_lookback_days=40, shipment_reread_seconds=0)
    assert run.code == 1
    assert "awbs: " in str(run.error)
    returns.sandbox.set(empty_next={})
    run = returns.run(return_lookback_days=40, shipment_reread_seconds=0)
    assert run.code == 0
    assert not sent(run)


def bookmark(pipeline: Pipeline) -> dict[str, list[int]]:
    """Return what the state has of returns."""
    assert pipeline.state is not None
    [found] = pipeline.state["bookmarks"]["returns"]["partitions"]
    return dict(found)


def test_invoices_that_seem_gone_fail_the_run_and_stay_known(tmp_path: Path) -> None:
    with shop(orders=300, customer_invoices=300, history_days=90) as sandbox:
        pipeline = Pipeline(tmp_path, sandbox, "customer_invoices", SINCE)
        assert pipeline.run().code == 0
        assert pipeline.run().code == 0  # all but the look-back may be forgotten
        sandbox.set(empty_next={"customer-invoice": FOR_EVER})
        run = pipeline.run()
        assert run.code == 1
        assert "known rows were missing" in str(run.error)
        sandbox.set(empty_next={})
        run = pipeline.run()
        assert run.code == 0
        assert not sent(run)
        assert pipeline.run(invoice_lookback_days=3).code == 0
