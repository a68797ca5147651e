"""Shipments of returns are read as seldom as will do, and go on where a run has stopped."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from tap_emag.errors import SkippedItemsError, TransientError
from tap_emag.streams.returns import shipment_stream as shipments
from tap_emag.watchdog import Watchdog
from tests.stateful.runs import Ending
from tests.support.pipeline import Pipeline, open_shipments, shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emag_sandbox import Sandbox

PAST = datetime.now(timezone.utc) - timedelta(days=40)  # no clock is ahead of this machine's
HOURS_6 = 21_600  # seconds
STREAMS = "returns,awbs,awb_parcels,vat_rates"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    knobs = {"orders": 300, "history_days": 40, "foreign_awb_share": 0.0}
    with shop(clock=PAST, clock_speed=0.0, **knobs) as sandbox:
        sandbox.world.open_returns(40, at=PAST)
        sandbox.clock.advance(timedelta(days=2).total_seconds())
        yield sandbox


@pytest.fixture
def pipeline(tmp_path: Path, sandbox: Sandbox) -> Pipeline:
    return Pipeline(tmp_path, sandbox, STREAMS, PAST - timedelta(days=1))


def asked(pipeline: Pipeline) -> list[int]:
    return sorted(in_order(pipeline))


def in_order(pipeline: Pipeline) -> list[int]:
    """Return the shipments that the latest run has read, in the order of its requests."""
    requests = (request for request in pipeline.asked("awb") if request.status == 200)
    return [request.body["reservation_id"] for request in requests]


def states(pipeline: Pipeline) -> dict[int, str]:
    return {row["reservation_id"]: row["status_code"] for row in pipeline.rows("awbs")}


def true_states(sandbox: Sandbox) -> dict[int, str]:
    return {
        one: sandbox.world.awb(one)["status"]["code"]
        for row in sandbox.world.returns()
        for one in (each["reservation_id"] for each in row["awbs"])
    }


def test_a_quiet_run_asks_for_no_shipment_that_was_just_read(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    assert pipeline.run().code == 0
    assert asked(pipeline) == (every := open_shipments(sandbox))
    assert len(every) > 10
    assert pipeline.run().code == 0
    assert asked(pipeline) == []
    assert pipeline.run(shipment_reread_seconds=0).code == 0
    assert asked(pipeline) == every


def test_a_shipment_under_way_is_read_again_after_hours_a_delivered_one_after_a_day(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    assert pipeline.run().code == 0
    before = states(pipeline)
    returns = {row["emag_id"] for row in pipeline.rows("returns")}
    # The returns stay as they are, so that only the time that passes makes shipments due.
    book = sandbox.world.return_book
    for key in returns:
        number = book.number(key)
        book._events[number] = book._events[number][: book.version(number, sandbox.world.now())[0]]
    moving = sorted(one for one in open_shipments(sandbox) if before[one] != "DLV")
    delivered = sorted(set(open_shipments(sandbox)) - set(moving))
    assert moving
    assert delivered
    pipeline.later(seconds=HOURS_6 - 10)
    assert (pipeline.run().code, asked(pipeline)) == (0, [])
    pipeline.later(seconds=10)
    assert (pipeline.run().code, asked(pipeline)) == (0, moving)
    pipeline.later(seconds=4 * HOURS_6)
    assert pipeline.run().code == 0
    assert set(asked(pipeline)) >= set(delivered)


def test_a_return_that_changes_has_its_shipments_read_at_once(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    assert pipeline.run().code == 0
    changed = sandbox.world.touch_returns(5)
    named = {
        each["reservation_id"]
        for row in sandbox.world.returns()
        for each in row["awbs"]
        if row["emag_id"] in changed
    }
    assert named
    pipeline.later(seconds=1)
    assert pipeline.run().code == 0
    assert set(asked(pipeline)) == named
    assert states(pipeline) == {one: true_states(sandbox)[one] for one in states(pipeline)}


def test_runs_without_time_for_all_shipments_read_each_once_and_the_other_streams(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = open_shipments(sandbox)
    monkeypatch.setattr(Watchdog, "left", 0.0)  # a reply, and the time for shipments is over
    read: Counter[int] = Counter()
    while len(states(pipeline)) < len(every):
        before = len(states(pipeline))
        run = pipeline.run(max_concurrent_requests=1)
        assert len(states(pipeline)) > before
        if len(states(pipeline)) < len(every):
            assert isinstance(run.error, SkippedItemsError)
            assert "still to be read for the first time" in str(run.error)
            assert list(pipeline.rows("vat_rates"))
        read.update(row for row in states(pipeline) if row in asked(pipeline))
    assert sorted(read) == every
    assert run.code == 0


def test_a_run_that_fails_or_is_killed_is_continued_with_the_shipments_that_are_left(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipments, "SAVE_EVERY", 4)
    every = open_shipments(sandbox)
    settings: dict[str, Any] = {"max_concurrent_requests": 1}
    written = 2 + len(sandbox.world.return_ids()) + 12
    pipeline.run(Ending("killed", written), **settings)
    first = set(states(pipeline))
    assert 4 <= len(first) < len(every)
    pipeline.run(Ending("killed", 12), retry_max_attempts=1, **settings)
    assert not first - {row["reservation_id"] for row in pipeline.rows("awbs")}
    again = asked(pipeline)
    # A state stands for all but the latest few that came before the kill.
    assert len(set(again) & first) < 4 + 1
    number = len(list(pipeline.asked("rma")))
    sandbox.set(fail_next=["ok"] * (number + 4) + ["500"] * 100)
    run = pipeline.run(retry_max_attempts=1, shipment_reread_seconds=0, **settings)
    assert isinstance(run.error, TransientError)
    done = in_order(pipeline)
    assert len(done) == 4
    sandbox.set(fail_next=[])
    pipeline.later(seconds=10)
    assert pipeline.run(shipment_reread_seconds=0, **settings).code == 0
    assert asked(pipeline) == every
    assert set(in_order(pipeline)[-4:]) == set(done)


def test_a_return_that_closes_stays_in_mind_until_its_shipments_are_read(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    assert pipeline.run().code == 0
    every = open_shipments(sandbox)
    sandbox.world.close_returns(sandbox.world.open_return_ids())
    pipeline.later(days=4)
    for fault in ("400", "500"):
        sandbox.set(item_faults={f"awb/{one}": fault for one in every[:3]})
        run = pipeline.run(return_lookback_days=1, retry_max_attempts=2)
        assert isinstance(run.error, SkippedItemsError)
    sandbox.set(item_faults={})
    assert pipeline.run(return_lookback_days=1).code == 0
    assert {states(pipeline)[one] for one in every} == {"DLV"}
    pipeline.later(days=2)
    assert pipeline.run(return_lookback_days=1).code == 0
    assert asked(pipeline) == []
