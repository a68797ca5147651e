"""A deep re-read brings orders that came late, counts them once, and leaves bookmarks alone."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from tap_emag.state.order_versions import DeliveredOrders
from tap_emag.state.store import StateStore
from tests.support.pipeline import Pipeline, shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emag_sandbox import Sandbox

SINCE = datetime.now(timezone.utc) - timedelta(days=20)
HOUR, DAY = 3600, 86_400


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with shop(orders=60, history_days=10) as sandbox:
        yield sandbox


@pytest.fixture
def reread(tmp_path: Path) -> dict[str, Any]:
    """Settings of a deep re-read."""
    return {"order_reread_days": 3, "metrics_textfile": str(tmp_path / "late.prom")}


@pytest.fixture
def regular(tmp_path: Path, sandbox: Sandbox) -> Pipeline:
    """A pipeline that has read all orders once, the newest of which have just changed."""
    # A run begins before the newest order it knows of a type.
    some = [(row["type"], row["id"]) for row in sandbox.world.orders()][::9]
    sandbox.world.touch_orders(keys=some, at=ago(sandbox, minutes=1))
    pipeline = Pipeline(tmp_path, sandbox, "orders", SINCE)
    assert pipeline.run().code == 0
    return pipeline


@pytest.fixture
def deep(tmp_path: Path, sandbox: Sandbox, regular: Pipeline) -> Pipeline:
    """A pipeline with a state of its own, into the tables of the regular one."""
    pipeline = Pipeline(tmp_path, sandbox, "orders", SINCE)
    pipeline.target = regular.target
    return pipeline


def ago(sandbox: Sandbox, **span: float) -> datetime:
    """Return a moment of the shop's past."""
    return sandbox.clock.moment() - timedelta(**span)


def keys(pipeline: Pipeline) -> set[tuple[int, int]]:
    """Return the orders in the table."""
    return {(row["type"], row["id"]) for row in pipeline.rows("orders")}


def counted(folder: Path) -> float:
    """Return how many late orders all runs have counted, as Prometheus would read it."""
    text = (folder / "late.prom").read_text()
    lines = [line for line in text.splitlines() if line.startswith("emag_late_orders_total{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def test_orders_that_came_late_are_brought_and_counted_once(
    tmp_path: Path,
    sandbox: Sandbox,
    regular: Pipeline,
    deep: Pipeline,
    reread: dict[str, Any],
) -> None:
    imported = sandbox.world.burst(3, ago(sandbox, hours=5))
    assert regular.run().code == 0
    assert not set(imported) & keys(regular)  # beyond the look-back
    run = deep.run(**reread)
    assert run.code == 0
    assert set(imported) <= keys(regular)
    assert "came late" in run.log
    assert "order_lookback_seconds (3600)" in run.log
    assert counted(tmp_path) == 3
    assert "came late" not in deep.run(**reread).log
    assert counted(tmp_path) == 3


def test_what_regular_runs_have_brought_or_will_bring_is_not_late(
    tmp_path: Path,
    sandbox: Sandbox,
    regular: Pipeline,
    deep: Pipeline,
    reread: dict[str, Any],
) -> None:
    sandbox.world.touch_orders(5, at=ago(sandbox, seconds=30))
    sandbox.world.burst(2, ago(sandbox, minutes=40))
    assert "came late" not in deep.run(**reread).log
    assert regular.run().code == 0
    assert "came late" not in deep.run(**reread).log
    assert counted(tmp_path) == 0


def test_an_older_version_does_not_stand_for_a_late_change(
    tmp_path: Path, sandbox: Sandbox, deep: Pipeline, reread: dict[str, Any]
) -> None:
    moment = ago(sandbox, hours=6)
    book = sandbox.world.order_book
    old = [
        key
        for key in sandbox.world.order_keys()
        if book.index.modified[book.number(key)] < moment.timestamp()
    ]
    sandbox.world.touch_orders(keys=old[:1], at=moment)
    deep.run(**reread)
    assert counted(tmp_path) == 1


def test_a_deep_reread_does_not_pass_for_a_regular_success(
    tmp_path: Path, deep: Pipeline, reread: dict[str, Any]
) -> None:
    name = "emag_last_success_timestamp_seconds"
    assert deep.run(**reread).code == 0
    first = [line for line in (tmp_path / "late.prom").read_text().splitlines() if name in line]
    assert deep.run(**reread).code == 0
    again = [line for line in (tmp_path / "late.prom").read_text().splitlines() if name in line]
    assert first == again


def test_a_deep_reread_moves_no_bookmark(regular: Pipeline, reread: dict[str, Any]) -> None:
    before = moments(regular)
    assert regular.run(**reread).code == 0
    assert moments(regular) == before


def moments(pipeline: Pipeline) -> list[str]:
    """Return the bookmarks of orders."""
    assert pipeline.state is not None
    parts = pipeline.state["bookmarks"]["orders"]["partitions"]
    return [part.get("replication_key_value", "") for part in parts]


def test_without_memory_nothing_passes_for_late(
    tmp_path: Path, sandbox: Sandbox, deep: Pipeline, reread: dict[str, Any]
) -> None:
    StateStore(tmp_path).path.unlink()
    sandbox.world.burst(3, ago(sandbox, hours=5))
    assert "came late" not in deep.run(**reread).log
    assert counted(tmp_path) == 0


def test_a_gap_in_what_is_remembered_starts_it_anew(store: StateStore) -> None:
    memory = DeliveredOrders(store, "emag_ro", "main")
    memory.deliver(3, [(1, 100)], 0, 10 * HOUR)
    assert memory.take_late(3, [(1, 100), (2, 100)], 0) == [(2, 100)]
    memory.deliver(3, [], 12 * HOUR, 20 * HOUR)  # runs elsewhere have read what lies between
    assert memory.take_late(3, [(3, 11 * HOUR), (4, 13 * HOUR)], 0) == [(4, 13 * HOUR)]
    assert memory.take_late(2, [(5, 13 * HOUR)], 0) == []
    memory.deliver(3, [], 20 * HOUR, 100 * DAY)
    assert memory.take_late(3, [(6, 50 * DAY), (7, 70 * DAY)], 0) == [(7, 70 * DAY)]


def test_a_file_that_cannot_be_used_fails_no_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("no folder")
    memory = DeliveredOrders(StateStore(tmp_path / "state"), "emag_ro", "main")
    memory.deliver(3, [], 0, 1)
    assert memory.take_late(3, [(1, 1)], 0) == []
    assert "late orders are not counted" in caplog.text
