"""Packages, and the measures of orders' products, are read in any envelope."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.support.pipeline import Pipeline, shop

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime.now(timezone.utc)


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
