"""Generates the tables of metrics in `docs/metrics.md` from the declared metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_emag.metrics.definitions import FAMILIES, LIVE_FAMILIES
from tools.tree import replaced, with_part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_emag.metrics.definitions import Family

PATH = "docs/metrics.md"
HEAD = "\n| metric | type | labels | |\n| --- | --- | --- | --- |\n"


def files() -> dict[str, str | None]:
    """Return the page with its two tables."""
    text = with_part(PATH, "metrics", _table(FAMILIES))
    return {PATH: replaced(text, PATH, "live metrics", _table(LIVE_FAMILIES))}


def _table(families: Iterable[Family]) -> str:
    rows = (
        f"| `{each.name}` | {each.kind} | {', '.join(each.labels)} | {each.meaning} |\n"
        for each in families
    )
    return f"{HEAD}{''.join(rows)}\n"
