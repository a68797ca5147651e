"""A state that the release before really wrote: no row that eMAG has not changed is written again.

`former/rows.json` is what a sandbox served, as its option `rows`; `former/state.json` is the
state that commit 12f234d wrote when it read these rows, with `metadata_cache_ttl_seconds` 0 and
`start_date` 2026-10-15, less the random names of pipelines. That release took fingerprints of rows,
and knew fewer columns.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.pipeline import Pipeline, shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emag_sandbox import Sandbox

FORMER = Path(__file__).with_name("former")
NAMES = ("return_emag_id", "emag_id", "id", "vat_id", "account_id", "address_id", "category_id")
SINCE = datetime(2026, 10, 15, tzinfo=timezone.utc)
LISTS = (
    "products,product_history,product_deletions,vat_rates,handling_times,courier_accounts,addresses,"
    "categories,category_characteristics,category_family_types,returns,return_lines,return_events"
)


def written(pipeline: Pipeline) -> list[tuple[str, Any]]:
    """Run, and return each row that was written, as its table and what it belongs to."""
    run = pipeline.run(metadata_cache_ttl_seconds=0)
    assert run.error is None
    records = [each for each in run.messages() if each["type"] == "RECORD"]
    return [
        (each["stream"], next(each["record"][name] for name in NAMES if name in each["record"]))
        for each in records
    ]


@pytest.fixture
def rows() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FORMER / "rows.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def sandbox(rows: dict[str, Any]) -> Iterator[Sandbox]:
    with shop(rows=rows) as sandbox:
        yield sandbox


@pytest.fixture
def pipeline(tmp_path: Path, sandbox: Sandbox) -> Pipeline:
    pipeline = Pipeline(tmp_path, sandbox, LISTS, SINCE)
    pipeline.state = json.loads((FORMER / "state.json").read_text(encoding="utf-8"))
    return pipeline


def test_only_returns_are_written_whose_pickup_got_a_time(
    pipeline: Pipeline, rows: dict[str, Any]
) -> None:
    timed = {row["emag_id"] for row in rows["rma"] if " " in str(row.get("pickup_date"))}
    assert timed
    first = written(pipeline)
    assert {table for table, _ in first} == {"returns", "return_lines", "return_events"}
    assert {number for _, number in first} == {int(number) for number in timed}
    assert written(pipeline) == []


def test_an_offer_that_has_changed_since_is_written(
    pipeline: Pipeline, sandbox: Sandbox, rows: dict[str, Any]
) -> None:
    offer = rows["product_offer"][3]
    offer["sale_price"] = "4711.0000"
    sandbox.set(rows=rows)
    tables = Counter(each for each in written(pipeline) if each[0].startswith("product"))
    key = int(offer["id"])
    assert tables == {("products", key): 1, ("product_history", key): 1}
