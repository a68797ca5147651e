"""Which offers are written again by a later version of the tap: none that eMAG has not changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from tap_emag.schema.sent import SentForm
from tap_emag.state import fingerprints
from tap_emag.state.fingerprints import FORMER, fingerprint
from tap_emag.streams.products import rows, stream
from tap_emag.streams.products.table import FORMER_PRODUCTS, PRODUCTS
from tests.support.pipeline import Pipeline, shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emag_sandbox import Sandbox

SINCE = datetime.now(timezone.utc) - timedelta(days=20)
OFFERS = 150


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with shop(offers=OFFERS, history_days=10) as sandbox:
        yield sandbox


@pytest.fixture
def pipeline(tmp_path: Path, sandbox: Sandbox) -> Pipeline:
    return Pipeline(tmp_path, sandbox, "products,product_history,product_deletions", SINCE)


def written(pipeline: Pipeline) -> int:
    """Run, and return how many offers were written."""
    run = pipeline.run()
    assert run.code == 0
    return sum(m["type"] == "RECORD" and m["stream"] == "products" for m in run.messages())


def made_by_the_former(products: stream.Products, raw: dict[str, Any]) -> tuple[Any, bytes]:
    """Make a row as the tap did while fingerprints covered rows, and before `main_offer_price`."""
    row = rows.product_row(raw, products.run.account, table=FORMER_PRODUCTS)
    filled = rows.product_row(raw, products.run.account)
    return filled, fingerprint(row)


def as_the_former(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(stream.Products, "_made", made_by_the_former)
    patch.setattr(fingerprints, "FORMAT", FORMER)


def test_a_state_of_the_version_before_has_no_offer_written_again(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        as_the_former(patch)
        assert written(pipeline) == OFFERS
        assert written(pipeline) == 0
    packed = str(pipeline.state)
    assert f"{FORMER}:" in packed
    assert written(pipeline) == 0
    assert f"'{FORMER}:" not in str(pipeline.state)
    sandbox.world.touch_offers(7)
    assert written(pipeline) == 7
    assert written(pipeline) == 0


def test_a_change_since_the_version_before_is_written(pipeline: Pipeline, sandbox: Sandbox) -> None:
    with pytest.MonkeyPatch.context() as patch:
        as_the_former(patch)
        assert written(pipeline) == OFFERS
    sandbox.world.touch_offers(7)
    assert written(pipeline) == 7
    assert written(pipeline) == 0


def test_a_release_that_adds_a_column_writes_no_offer_again(pipeline: Pipeline) -> None:
    with pytest.MonkeyPatch.context() as patch:
        few = tuple(
            column
            for column in PRODUCTS.columns
            if column.name not in {"main_offer_price", "buy_button_rank", "family_id", "ean"}
        )
        patch.setattr(stream, "SENT", replace_table(few))
        assert written(pipeline) == OFFERS
    assert written(pipeline) == 0


def replace_table(columns: tuple[Any, ...]) -> SentForm:
    """Return the form for a table with these columns."""
    return SentForm(replace(PRODUCTS, columns=columns), ordered=("images",))
