"""Packages, and the measures of orders' products, are read in any envelope."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tap_emag.errors import ContractError, NoRouteError, SkippedItemsError
from tap_emag.streams.orders import volumetry_stream
from tap_emag.streams.orders.volumetry_rows import says_more, volumetry_rows
from tests.stateful.runs import Ending
from tests.support.pipeline import Pipeline, shop
from tests.unit.streams.rows.payloads import ACCOUNT, ACCOUNT_OF_ROW

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emag_sandbox import Sandbox

NOW = datetime.now(timezone.utc)
PAST = NOW - timedelta(days=30)  # no clock is ahead of this machine's
NOTHING: list[dict[str, object]] = [{}, {"volumetric_data": []}, {"new": None}]
READ_AT = "2026-11-24T10:00:00+00:00"
MEASURES = {"weight": "0.4500", "length": 20, "width": Decimal("10.5"), "height": "15"}
ROW = {
    **ACCOUNT_OF_ROW,
    "order_type": 3,
    "order_id": 7,
    "product_id": 1001,
    "read_at": READ_AT,
    "length": Decimal(20),
    "width": Decimal("10.5"),
    "height": Decimal(15),
    "weight": Decimal("0.45"),
    "extra": None,
}


@pytest.mark.parametrize("envelope", ["list", "object", "wrapped", "bare", "mixed"])
def test_packages_are_read_in_any_envelope(tmp_path: Path, envelope: str) -> None:
    with shop(row_envelope=envelope) as sandbox:
        pipeline = Pipeline(tmp_path, sandbox, "awb_packages", NOW - timedelta(days=1))
        assert pipeline.run().code == 0
        rows = {row["label"]: row for row in pipeline.rows("awb_packages")}
        assert rows.keys() == {"XS", "S", "M", "L", "XL"}
        for truth in sandbox.world.packages():
            row = rows[truth["label"]]
            assert {name: row[name] for name in truth} == truth
        assert rows["L"]["width"] == Decimal("35.25")
        assert pipeline.run().code == 0
        assert list(pipeline.asked("awb/package")) == []
        run = pipeline.run(metadata_cache_ttl_seconds=0)
        assert [each for each in run.messages() if each["type"] == "RECORD"] == []


def rows_of(raw: dict[str, object]) -> list[dict[str, object]]:
    return volumetry_rows(raw, ACCOUNT, (3, 7), READ_AT)


def test_measures_field_by_field() -> None:
    one = {"product_id": "1001", **MEASURES}
    assert rows_of({"order_id": "7", "type": 3, "volumetric_data": [one]}) == [ROW]
    assert rows_of({"volumetric_data": one}) == [ROW]
    assert rows_of({"volumetric_data": {"1": one, "5": {"product_id": 2}}})[0] == ROW
    assert rows_of({"order_id": 7, "type": "3", **one}) == [ROW]
    assert rows_of({"order_id": 7, "type": 3}) == []
    assert rows_of({"order_id": 7, "volumetric_data": []}) == []


def test_nothing_of_measures_is_lost() -> None:
    found = rows_of(
        {"type": 2, "unit": "cm", "new": None, "volumetric_data": [{"product_id": 1, "a": 1}, "x"]}
    )
    assert [row["extra"] for row in found] == [
        {"type": 2, "unit": "cm", "volumetric_data": ["x"], "a": 1}
    ]
    assert [says_more({"order_id": 7, "type": 3, **more}, 3) for more in NOTHING] == [False] * 3
    assert says_more({"order_id": 7, "volumetric_data": "x"}, 3)
    assert says_more({"order_id": 7, "type": "12.0", "volumetric_data": []}, 3)
    odd = rows_of({"volumetric_data": [{"weight": 1}, {"product_id": 5}, {"product_id": 5}]})
    assert [row["product_id"] for row in odd] == [-1, 5, -3]
    with pytest.raises(ContractError, match="the filter was ignored"):
        rows_of({"order_id": 8, "volumetric_data": []})


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    knobs = {"orders": 60, "history_days": 10, "row_envelope": "mixed", "clock_speed": 0.0}
    with shop(clock=PAST, **knobs) as sandbox:
        yield sandbox


@pytest.fixture
def pipeline(tmp_path: Path, sandbox: Sandbox) -> Pipeline:
    return Pipeline(tmp_path, sandbox, "orders,order_volumetry", PAST - timedelta(days=20))


def asked(pipeline: Pipeline) -> list[tuple[int, int]]:
    requests = pipeline.asked("order/volumetry")
    return sorted((request.body["type"], request.body["order_id"]) for request in requests)


def check(pipeline: Pipeline, sandbox: Sandbox) -> None:
    """Compare all rows with the truth."""
    found: dict[tuple[int, ...], dict[str, Any]] = {}
    for row in pipeline.rows("order_volumetry"):
        assert row["extra"] is None
        found[row["order_type"], row["order_id"], row["product_id"]] = {
            name: row[name] for name in MEASURES
        }
    truth: dict[tuple[int, ...], dict[str, Any]] = {}
    for key in sandbox.world.order_keys():
        for one in sandbox.world.volumetry(key)["volumetric_data"]:
            truth[(*key, one["product_id"])] = {name: one[name] for name in MEASURES}
    assert found == truth
    assert len(found) > 30


def test_each_order_is_asked_for_once_and_again_when_it_changes(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    pipeline.later(seconds=10)
    assert pipeline.run().code == 0
    assert asked(pipeline) == sorted(sandbox.world.order_keys())
    check(pipeline, sandbox)
    # The look-back reads all orders again; those within it and a day were kept in mind.
    assert pipeline.run(order_lookback_seconds=20 * 86_400).code == 0
    recent = PAST - timedelta(hours=25)  # some seconds later when the first run began
    times = {key: sandbox.world.order(key)["modified"] for key in sandbox.world.order_keys()}
    forgotten, doubtful = (
        {key for key, time in times.items() if time < recent + doubt}
        for doubt in (timedelta(0), timedelta(seconds=30))
    )
    again = asked(pipeline)
    assert forgotten <= set(again) <= doubtful
    assert len(again) == len(set(again)) < len(times)
    assert pipeline.run(order_lookback_seconds=20 * 86_400).code == 0
    assert asked(pipeline) == []
    changed = sandbox.world.touch_orders(5)
    pipeline.later(seconds=3600)
    assert pipeline.run().code == 0
    assert asked(pipeline) == sorted(changed)
    assert pipeline.run().code == 0
    assert asked(pipeline) == []


def test_a_run_that_is_killed_is_continued_and_no_order_is_left_out(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(volumetry_stream, "SAVE_EVERY", 4)
    pipeline.later(seconds=10)
    orders = len(sandbox.world.order_keys())
    pipeline.run(Ending("killed", orders + 25), max_concurrent_requests=1)
    loaded = {(row["order_type"], row["order_id"]) for row in pipeline.rows("order_volumetry")}
    assert 4 < len(loaded) < orders / 2
    assert pipeline.run(max_concurrent_requests=1).code == 0
    assert len(asked(pipeline)) < orders - 4
    assert len(loaded & set(asked(pipeline))) <= 4 + 1  # since the latest state
    check(pipeline, sandbox)


def test_many_orders_do_not_wait_for_the_last_one(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(volumetry_stream, "MOST_WAITING", 5)
    pipeline.later(seconds=10)
    assert pipeline.run().code == 0
    assert asked(pipeline) == sorted(sandbox.world.order_keys())
    check(pipeline, sandbox)


def test_a_run_without_time_leaves_orders_to_the_next_one(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.later(seconds=10)
    with monkeypatch.context() as patch:
        patch.setattr(volumetry_stream, "SHARE", 0.0)
        patch.setattr("tap_emag.watchdog.Watchdog.left", 0.0)
        assert pipeline.run().code == 0
    first = asked(pipeline)
    assert len(first) < len(sandbox.world.order_keys())
    assert len(list(pipeline.rows("orders"))) == len(sandbox.world.order_keys())
    assert pipeline.run().code == 0
    assert set(first) | set(asked(pipeline)) == set(sandbox.world.order_keys())
    check(pipeline, sandbox)


def test_an_order_that_is_refused_keeps_no_other_away(pipeline: Pipeline, sandbox: Sandbox) -> None:
    pipeline.later(seconds=10)
    _, refused = sandbox.world.order_keys()[0]
    sandbox.set(item_faults={f"order/volumetry/{refused}": "is_error"})
    run = pipeline.run()
    assert isinstance(run.error, SkippedItemsError)
    assert set(asked(pipeline)) == set(sandbox.world.order_keys())
    assert isinstance(pipeline.run().error, SkippedItemsError)
    assert {order for _, order in asked(pipeline)} == {refused}
    sandbox.set(item_faults={})
    assert pipeline.run().code == 0
    check(pipeline, sandbox)


def test_a_route_that_is_missing_marks_no_order_as_read(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    pipeline.later(seconds=10)
    sandbox.set(resource_faults={"order/volumetry": "404"})
    for _ in range(2):
        run = pipeline.run()
        assert isinstance(run.error, NoRouteError)
        assert "order/volumetry/read: eMAG answered HTTP 404: no Route matched" in str(run.error)
        assert run.code == 1
    pipeline.later(days=8)  # longer than single orders are asked for that are refused
    assert isinstance(pipeline.run().error, NoRouteError)
    assert len(list(pipeline.rows("orders"))) == len(sandbox.world.order_keys())
    sandbox.set(resource_faults={})
    assert pipeline.run().code == 0
    assert set(asked(pipeline)) == set(sandbox.world.order_keys())
    check(pipeline, sandbox)


def test_an_order_that_emag_does_not_know_is_read_once_others_are_answered(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    pipeline.later(seconds=10)
    unknown = min(order for _, order in sandbox.world.order_keys())  # the first one asked for
    sandbox.set(item_faults={f"order/volumetry/{unknown}": "404"})
    run = pipeline.run(max_concurrent_requests=1)
    assert (run.code, "404 or 412" in run.log) == (0, False)
    assert set(asked(pipeline)) == set(sandbox.world.order_keys())
    assert pipeline.run().code == 0
    assert asked(pipeline) == []


@pytest.mark.parametrize("fault", ["404", "412"])
@pytest.mark.parametrize("many", [True, False])
def test_orders_of_which_emag_knows_none_go_on_waiting(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, fault: str, many: bool
) -> None:
    pipeline.later(seconds=10)
    keys = sandbox.world.order_keys()
    monkeypatch.setattr(volumetry_stream, "UNANSWERED", len(keys) + (not many))
    sandbox.set(item_faults={f"order/volumetry/{order}": fault for _, order in keys})
    run = pipeline.run()
    assert f"HTTP 404 or 412 for each of {len(keys)} orders" in run.log
    assert (run.code, isinstance(run.error, SkippedItemsError)) == (int(many), many)
    pipeline.later(days=8)
    pipeline.run()
    sandbox.set(item_faults={})
    assert pipeline.run().code == 0
    assert set(asked(pipeline)) == set(keys)
    check(pipeline, sandbox)


def test_an_order_that_is_refused_for_a_week_is_given_up(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    pipeline.later(seconds=10)
    _, refused = sandbox.world.order_keys()[0]
    sandbox.set(item_faults={f"order/volumetry/{refused}": "is_error"})
    assert isinstance(pipeline.run().error, SkippedItemsError)
    pipeline.later(days=6)
    assert isinstance(pipeline.run().error, SkippedItemsError)
    pipeline.later(days=1)
    assert isinstance(pipeline.run().error, SkippedItemsError)
    assert pipeline.run().code == 0
    assert asked(pipeline) == []


def test_a_deep_re_read_asks_for_late_orders_alone(pipeline: Pipeline, sandbox: Sandbox) -> None:
    pipeline.later(seconds=10)
    assert pipeline.run().code == 0
    state = pipeline.state
    pipeline.later(hours=3)
    assert pipeline.run().code == 0
    # An order that reached eMAG's list with a time that the bookmark has passed long ago.
    late = sandbox.world.place_order(PAST - timedelta(days=2), type=3)
    pipeline.state = None
    assert pipeline.run(order_reread_days=9).code == 0
    assert asked(pipeline) == [late]
    assert state is not None
