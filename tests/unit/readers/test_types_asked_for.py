"""Orders and returns of both types are read, whatever the server makes of the filter `type`."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from tap_emag.errors import ContractError
from tap_emag.readers.window_reader import check_type
from tests.support.pipeline import Pipeline, shop

if TYPE_CHECKING:
    from pathlib import Path

    from emag_sandbox import Sandbox
    from tests.stateful.runs import Run

DAY = 86_400  # seconds
SERVERS: dict[str, dict[str, Any]] = {
    "honours it, without it gives both": {},
    "honours it, without it gives 3": {"default_return_type": 3},
    "honours it, without it gives 2": {"default_return_type": 2},
    "ignores it": {"ignored_filters": ["rma.type"]},
    "refuses it": {"refused_filters": ["rma.type"]},
}
every_server = pytest.mark.parametrize("knobs", SERVERS.values(), ids=SERVERS)
# A count and four windows of the look-back, and four open states. Where a page has never held more
# rows than the largest window, two more prove that one: an empty second page, and the first again.
WITHOUT_TYPE = 11


def full(**knobs: Any) -> Sandbox:  # noqa: ANN401 - any knob
    return shop(orders=200, returns=60, history_days=60, type2_share=0.5, **knobs)


def pipeline_for(folder: Path, sandbox: Sandbox, streams: str = "returns") -> Pipeline:
    return Pipeline(folder, sandbox, streams, sandbox.clock.moment() - timedelta(days=90))


def written(run: Run) -> Counter[int]:
    records = (message for message in run.messages() if message["type"] == "RECORD")
    return Counter(one["record"]["emag_id"] for one in records if one["stream"] == "returns")


@every_server
def test_every_return_is_written_once(tmp_path: Path, knobs: dict[str, Any]) -> None:
    with full(**knobs) as sandbox:
        run = pipeline_for(tmp_path, sandbox).run()
        assert run.code == 0
        assert written(run) == Counter(sandbox.world.return_ids())
        kinds = {int(sandbox.world.return_(key)["type"]) for key in sandbox.world.return_ids()}
    assert kinds == {2, 3}


@every_server
def test_a_return_that_closes_is_read_once_more_however_old(
    tmp_path: Path, knobs: dict[str, Any]
) -> None:
    with full(**knobs) as sandbox:
        world, pipeline = sandbox.world, pipeline_for(tmp_path, sandbox)
        opened = world.open_returns(8)
        book = world.return_book
        for key in opened:
            book._opened[book.number(key)] -= 100 * DAY
        assert pipeline.run().code == 0
        assert set(opened) <= {row["emag_id"] for row in pipeline.rows("returns")}
        world.close_returns(opened)
        assert pipeline.run().code == 0
        states = {row["emag_id"]: row["request_status"] for row in pipeline.rows("returns")}
        assert {states[key] for key in opened} == {7}


@pytest.mark.parametrize(
    ("share", "more"), [(0.5, 0), (0.0, 1), (1.0, 1)], ids=["both", "only 3", "only 2"]
)
def test_a_quiet_run_asks_once_for_a_type_that_it_has_not_seen(
    tmp_path: Path, share: float, more: int
) -> None:
    knobs = {"orders": 200, "returns": 60, "history_days": 60}
    with shop(type2_share=share, **knobs) as sandbox:
        pipeline = pipeline_for(tmp_path, sandbox)
        sandbox.world.close_returns(sandbox.world.return_ids())
        for _ in range(2):
            assert pipeline.run().code == 0
        assert len(list(pipeline.asked("rma"))) <= WITHOUT_TYPE + more


def test_a_type_seen_only_in_the_past_is_not_taken_for_hidden(tmp_path: Path) -> None:
    past = datetime.now(timezone.utc) - timedelta(days=200)  # no clock is ahead of this machine's
    with full(clock=past) as sandbox:
        world, pipeline = sandbox.world, pipeline_for(tmp_path, sandbox)
        world.close_returns(world.return_ids())
        assert pipeline.run().code == 0
        pipeline.later(days=100)
        assert pipeline.run().code == 0
        key = next(key for key in world.order_keys() if key[0] == 3)
        world.open_returns(1, keys=[key])
        pipeline.later(seconds=10)
        assert pipeline.run(return_lookback_days=90).code == 0
        # The first row of type 2, then the same second without a type.
        assert len(list(pipeline.asked("rma"))) <= WITHOUT_TYPE + 2


@pytest.mark.parametrize(
    ("knobs", "word"),
    [
        ({"ignored_filters": ["rma.type"]}, "ignores the filter `type`"),
        ({"refused_filters": ["rma.type"]}, "refuses the filter `type`"),
        ({"default_return_type": 3}, "returns of type 2 come only when they are asked for"),
    ],
)
def test_what_the_server_makes_of_the_type_is_logged(
    tmp_path: Path, knobs: dict[str, Any], word: str
) -> None:
    share = 0.0 if "ignored_filters" in knobs else 0.5
    with shop(orders=100, returns=20, history_days=60, type2_share=share, **knobs) as sandbox:
        if "refused_filters" in knobs:
            sandbox.set(default_return_type=3)
        run = pipeline_for(tmp_path, sandbox).run()
    assert run.code == 0
    assert word in run.log


@pytest.mark.parametrize("default", [3, None])
def test_orders_of_another_type_mean_that_the_filter_was_ignored(
    tmp_path: Path, default: int | None
) -> None:
    with full(ignored_filters=["order.type"], default_type=default) as sandbox:
        run = pipeline_for(tmp_path, sandbox, "orders").run(order_types=[2, 3])
    assert isinstance(run.error, ContractError)
    assert "asked for type 2, got a row of type 3: the filter was ignored" in str(run.error)
    assert run.code == 1


def test_an_order_that_says_no_type_is_no_sign_of_an_ignored_filter() -> None:
    for row in ({}, {"type": None}, {"type": ""}, {"type": "soon"}, {"type": "3"}, {"type": 3}):
        check_type("order", [row], 3)
    with pytest.raises(ContractError):
        check_type("order", [{"type": 3}, {"type": "2"}], 3)
