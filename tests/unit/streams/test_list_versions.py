"""Which rows of lists a later version of the tap writes again: none that eMAG has not changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from tap_emag.schema.column_types import TEXT
from tap_emag.schema.sent import SentForm
from tap_emag.schema.table import Column, Table
from tap_emag.state import fingerprints
from tap_emag.state.delivered import DeliveredRows
from tap_emag.state.fingerprints import FORMAT, FORMER
from tap_emag.state.store import StateStore
from tap_emag.streams.changed_lists import ChangedItems, Item
from tests.support.pipeline import Pipeline, shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emag_sandbox import Sandbox

NOW = datetime.now(timezone.utc)
STREAMS = (
    "returns,return_lines,return_events,awbs,awb_parcels,categories,category_characteristics,"
    "category_family_types,localities,courier_accounts,addresses,awb_packages,vat_rates,"
    "invoices,invoice_lines,customer_invoices,customer_invoice_lines"
)
AGAIN: dict[str, Any] = {"metadata_cache_ttl_seconds": 0, "shipment_reread_seconds": 0}
PARENTS = {"returns", "awbs", "categories", "localities", "invoices", "customer_invoices"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    knobs = {"orders": 300, "returns": 30, "categories": 12, "localities": 30, "invoices": 6}
    with shop(customer_invoices=10, history_days=30, foreign_awb_share=0.0, **knobs) as sandbox:
        sandbox.world.open_returns(5, at=NOW - timedelta(days=4))
        yield sandbox


@pytest.fixture
def pipeline(tmp_path: Path, sandbox: Sandbox) -> Pipeline:
    return Pipeline(tmp_path, sandbox, STREAMS, NOW - timedelta(days=40))


def written(pipeline: Pipeline) -> set[str]:
    """Run, and return the tables in which anything was written."""
    run = pipeline.run(**AGAIN)
    assert run.code == 0
    return {each["stream"] for each in run.messages() if each["type"] == "RECORD"}


def as_the_former(patch: pytest.MonkeyPatch, form: str) -> None:
    """Take fingerprints of rows, as the tap did before it had the columns of today."""
    patch.setattr(Item, "sent_as", lambda item, *_: item)
    patch.setattr(fingerprints, "FORMAT", form)


@pytest.mark.parametrize("form", [FORMER, FORMAT])
def test_a_state_of_the_version_before_has_no_row_written_again(
    pipeline: Pipeline, sandbox: Sandbox, form: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        as_the_former(patch, form)
        assert written(pipeline) >= PARENTS
        assert written(pipeline) == set()
    assert list(pipeline.asked("awb"))
    assert written(pipeline) == set()
    assert list(pipeline.asked("awb"))
    touched = sandbox.world.touch_returns(3)
    run = pipeline.run(**AGAIN)
    rows = [each for each in run.messages() if each["type"] == "RECORD"]
    changed = [each["record"]["emag_id"] for each in rows if each["stream"] == "returns"]
    assert sorted(changed) == sorted(touched)
    assert written(pipeline) == set()


def test_a_release_that_adds_a_column_writes_no_row_again(pipeline: Pipeline) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Table, "row", with_one_less(Table.row))
        assert written(pipeline) >= PARENTS
    assert written(pipeline) == set()


def with_one_less(row: Any) -> Any:  # noqa: ANN401
    """Return what makes rows as a release that did not know all columns did: `extra` has one."""
    return lambda *args, **kwargs: row(*args, **kwargs) | {"extra": {"now_a_column": 1}}


def test_a_partial_reading_keeps_all_rows_but_those_of_a_killed_run(tmp_path: Path) -> None:
    bookmark: dict[str, Any] = {}
    with StateStore(tmp_path) as store:

        def passed(*items: Item, killed: bool = False) -> list[int | str]:
            delivered = DeliveredRows(store, "localities", bookmark, "rows")
            changed = ChangedItems(delivered, lambda _: None)
            keys = [item.key for item in items if changed.passes(item)]
            if not killed:
                changed.forget_doubtful()
                bookmark.update(delivered.bookmark())
            return keys

        one, two = (Item(key, {"emag_id": key}, version=b"version") for key in (1, 2))
        assert passed(one, two) == [1, 2]
        assert passed(replace(one, version=b"another"), killed=True) == [1]
        assert passed() == []
        assert passed(one, two) == [1], "either version of it may be in the target"
        assert passed(one, two) == []


def test_the_order_of_a_part_counts_and_its_texts_are_kept_exactly() -> None:
    lines = Table("lines", ("id",), (Column("code", TEXT, ""),))
    form = SentForm(
        replace(lines, name="things"), parts={"lines": lines}, ignored=("lines.values",)
    )

    def version(*codes: str, **more: object) -> bytes:
        raw = {"lines": [{"code": code, **more} for code in codes]}
        return Item(1, {}).sent_as(form, raw).version

    assert version("a", "b") != version("b", "a")
    assert version("1.0") != version("1")
    assert version("a", "b") == version("a", "b", values=["x"])
    holed = {"lines": {"1": {"code": "a"}, "5": {"code": "b"}}}
    assert Item(1, {}).sent_as(form, holed).version == version("a", "b")
    assert Item(1, {}).sent_as(form, holed, "Europe/Sofia").version != version("a", "b")
