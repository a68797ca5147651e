"""Every stream that asks for a range brings all of it, whichever bounds the server includes."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from tap_emag.errors import ContractError
from tests.support.pipeline import Pipeline, shop

if TYPE_CHECKING:
    from pathlib import Path

    from emag_sandbox import Sandbox
    from tests.stateful.target import Row

BUCHAREST = ZoneInfo("Europe/Bucharest")
every_bound = pytest.mark.parametrize("bounds", ["closed", "open", "half", "half_upper"])


def midnight(sandbox: Sandbox, days: float) -> datetime:
    """Return the local midnight that began the day so many days ago."""
    day = (sandbox.clock.moment() - timedelta(days=days)).astimezone(BUCHAREST).date()
    return datetime(day.year, day.month, day.day, tzinfo=BUCHAREST)


def dated(pipeline: Pipeline, stream: str) -> dict[str, date]:
    return {row["number"]: row["date"] for row in pipeline.rows(stream)}


def truth(rows: list[Row], since: date, until: date = date.max) -> dict[str, date]:
    return {row["number"]: row["date"] for row in rows if since <= row["date"] <= until}


@every_bound
def test_every_day_of_both_kinds_of_invoices_is_read(tmp_path: Path, bounds: str) -> None:
    knobs = {"orders": 300, "history_days": 200, "customer_invoices": 600, "invoices": None}
    with shop(bounds=bounds, **knobs) as sandbox:
        # A month's invoices bear its last day: the first span begins with such a day.
        last = midnight(sandbox, 0).date().replace(day=1) - timedelta(days=1)
        first = (last.replace(day=1) - timedelta(days=100)).replace(day=1) - timedelta(days=1)
        since = datetime(first.year, first.month, first.day, tzinfo=BUCHAREST)
        pipeline = Pipeline(tmp_path, sandbox, "invoices,customer_invoices", since)
        assert pipeline.run().code == 0
        own, theirs = list(sandbox.world.invoices()), list(sandbox.world.customer_invoices())
        assert dated(pipeline, "customer_invoices") == truth(theirs, first)
        assert len(set(dated(pipeline, "customer_invoices").values())) > 100
        assert dated(pipeline, "invoices") == truth(own, first)
        assert first in dated(pipeline, "invoices").values()


@every_bound
def test_every_day_up_to_the_end_is_read_and_no_later_one(tmp_path: Path, bounds: str) -> None:
    knobs = {"orders": 300, "history_days": 100, "customer_invoices": 400}
    with shop(bounds=bounds, **knobs) as sandbox:
        since, around = midnight(sandbox, 90), midnight(sandbox, 10).date()
        theirs = list(sandbox.world.customer_invoices())
        last = max(row["date"] for row in theirs if row["date"] <= around)
        until = datetime(last.year, last.month, last.day, tzinfo=BUCHAREST)
        pipeline = Pipeline(tmp_path, sandbox, "customer_invoices", since)
        # Still the day before in UTC: both ends of a range are days of the marketplace.
        end = until.astimezone(timezone.utc).isoformat()
        assert pipeline.run(end_date=end).code == 0
        assert dated(pipeline, "customer_invoices") == truth(theirs, since.date(), until.date())
        assert until.date() in dated(pipeline, "customer_invoices").values()


@every_bound
def test_every_order_and_every_return_is_read(tmp_path: Path, bounds: str) -> None:
    with shop(orders=400, returns=150, history_days=100, bounds=bounds) as sandbox:
        for second in range(20):
            moment = sandbox.clock.moment() - timedelta(hours=1, seconds=second)
            sandbox.world.burst(1, at=moment)
            sandbox.world.open_returns(1, at=moment)
        pipeline = Pipeline(tmp_path, sandbox, "orders,returns", midnight(sandbox, 120))
        assert pipeline.run(page=5).code == 0
        assert {(row["type"], row["id"]) for row in pipeline.rows("orders")} == set(
            sandbox.world.order_keys()
        )
        found = {row["emag_id"] for row in pipeline.rows("returns")}
        assert found == set(sandbox.world.return_ids())


@every_bound
def test_every_locality_that_changed_is_read(tmp_path: Path, bounds: str) -> None:
    with shop(localities=40, bounds=bounds) as sandbox:
        pipeline = Pipeline(tmp_path, sandbox, "localities", midnight(sandbox, 10))
        assert pipeline.run().code == 0
        before = {row["emag_id"]: row["modified"] for row in pipeline.rows("localities")}
        changed = set(sandbox.world.touch_localities(12)) & before.keys()
        assert pipeline.run(metadata_cache_ttl_seconds=0).code == 0
        after = {row["emag_id"]: row["modified"] for row in pipeline.rows("localities")}
        assert {key for key in before if after[key] != before[key]} == changed


@pytest.mark.parametrize("resource", ["invoice", "customer-invoice"])
def test_dates_that_are_ignored_are_an_error(tmp_path: Path, resource: str) -> None:
    knobs = {"orders": 100, "history_days": 300, "customer_invoices": 90, "invoices": 90}
    ignored = [f"{resource}.date_start", f"{resource}.date_end"]
    with shop(ignored_filters=ignored, **knobs) as sandbox:
        stream = f"{resource.replace('-', '_')}s"
        pipeline = Pipeline(tmp_path, sandbox, stream, midnight(sandbox, 300))
        run = pipeline.run()
        assert isinstance(run.error, ContractError)
        assert "the filter was ignored" in str(run.error)
