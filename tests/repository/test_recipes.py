"""The recipes of CONTRIBUTING work as they are written."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from emag_sandbox.api import resources
from emag_sandbox.api.resources import short_lists
from tap_emag import tap
from tap_emag.streams.reference import stream, table
from tests.repository.test_docs import ROOT
from tests.support.pipeline import Pipeline, shop

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

LONGEST = 60  # lines


def added_lines() -> list[str]:
    """Return what the recipe for a stream adds, block by block."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    recipe = page.partition("### Add a stream")[2].partition("\n### ")[0]
    blocks = re.findall(r"(?ms)^ *```diff\n(.*?)^ *```$", recipe)
    return [re.sub(r"(?m)^ *\+", "", block) for block in blocks]


def test_a_list_that_is_added_by_the_recipe_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns, reads, serves = added_lines()
    assert (columns + reads + serves).count("\n") < LONGEST
    space: dict[str, Any] = {**vars(table)}
    exec(columns, space)
    monkeypatch.setattr(table, "BRANDS", space["BRANDS"], raising=False)
    space = {**vars(stream)}
    exec(reads, space)
    monkeypatch.setattr(tap, "STREAMS", (*tap.STREAMS, space["Brands"]))
    imports, _, entry = serves.partition("    ShortList(")
    space = {**vars(short_lists)}
    exec(imports, space)
    served = eval(f"[ShortList({entry}]", space)
    monkeypatch.setattr(resources, "SHORT_LISTS", (*short_lists.SHORT_LISTS, *served))
    with shop() as sandbox:
        since = datetime(2026, 1, 1, tzinfo=timezone.utc)
        pipeline = Pipeline(tmp_path, sandbox, "brands", since)
        assert pipeline.run().code == 0
    [row] = pipeline.rows("brands")
    assert (row["id"], row["name"]) == (7, "Demo")
