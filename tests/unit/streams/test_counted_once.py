"""Each new or changed order is counted once, though runs within the settling time read it again."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from tests.support.pipeline import Pipeline, shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emag_sandbox import Sandbox

SINCE = datetime.now(timezone.utc) - timedelta(days=20)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with shop(orders=30, history_days=10) as sandbox:
        yield sandbox


@pytest.fixture
def pipeline(tmp_path: Path, sandbox: Sandbox) -> Pipeline:
    """A pipeline that has read all orders."""
    pipeline = Pipeline(tmp_path, sandbox, "orders", SINCE)
    quick(pipeline, tmp_path)
    pipeline.later(hours=1)
    return pipeline


def quick(pipeline: Pipeline, folder: Path, runs: int = 1) -> None:
    """Run some times, a few seconds apart."""
    for _ in range(runs):
        assert pipeline.run(metrics_textfile=str(folder / "orders.prom")).code == 0
        pipeline.later(seconds=10)


def counted(folder: Path) -> Counter[str]:
    """Return how many orders all runs have counted, by what became of them."""
    found: Counter[str] = Counter()
    for line in (folder / "orders.prom").read_text().splitlines():
        if line.startswith("emag_rows_met_total{") and 'sync_type="orders"' in line:
            name, _, number = line.rpartition(" ")
            found[name.partition('action="')[2].partition('"')[0]] += int(float(number))
    return found


def placed(sandbox: Sandbox, number: int) -> None:
    """Place orders five seconds ago."""
    sandbox.world.burst(number, sandbox.clock.moment() - timedelta(seconds=5))


def changed(sandbox: Sandbox, number: int) -> None:
    """Change orders five seconds ago."""
    sandbox.world.touch_orders(number, at=sandbox.clock.moment() - timedelta(seconds=5))


def test_a_new_order_is_counted_in_one_run_only(
    tmp_path: Path, sandbox: Sandbox, pipeline: Pipeline
) -> None:
    before = counted(tmp_path)
    placed(sandbox, 1)
    quick(pipeline, tmp_path, runs=3)
    since = counted(tmp_path) - before
    assert (since["created"], since["updated"]) == (1, 0)


def test_a_change_is_counted_in_one_run_only(
    tmp_path: Path, sandbox: Sandbox, pipeline: Pipeline
) -> None:
    before = counted(tmp_path)
    changed(sandbox, 2)
    quick(pipeline, tmp_path, runs=3)
    since = counted(tmp_path) - before
    assert (since["created"], since["updated"]) == (0, 2)


def test_each_change_of_one_order_counts(
    tmp_path: Path, sandbox: Sandbox, pipeline: Pipeline
) -> None:
    before = counted(tmp_path)
    placed(sandbox, 1)
    quick(pipeline, tmp_path)
    for _ in range(2):
        pipeline.later(seconds=10)
        sandbox.world.touch_orders(
            keys=sandbox.world.order_keys()[-1:], at=sandbox.clock.moment() - timedelta(seconds=5)
        )
        quick(pipeline, tmp_path, runs=2)
    since = counted(tmp_path) - before
    assert (since["created"], since["updated"]) == (1, 2)


def test_an_order_from_the_future_hides_no_changes(
    tmp_path: Path, sandbox: Sandbox, pipeline: Pipeline
) -> None:
    assert pipeline.state is not None
    for part in pipeline.state["bookmarks"]["orders"]["partitions"]:
        part["newest"] = (sandbox.clock.moment() + timedelta(days=3)).isoformat()
    before = counted(tmp_path)
    changed(sandbox, 2)
    quick(pipeline, tmp_path)
    assert (counted(tmp_path) - before)["updated"] == 2
