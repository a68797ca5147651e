"""The page about metrics lists every one, as it is."""

from __future__ import annotations

from pathlib import Path

from tap_emag.metrics.families import FAMILIES, LIVE_FAMILIES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"


def test_every_metric_is_listed_as_it_is() -> None:
    listed = [line for line in PAGE.read_text().splitlines() if line.startswith("| `emag_")]
    assert listed == [
        f"| `{family.name}` | {family.kind} | {', '.join(family.labels)} | {family.meaning} |"
        for family in FAMILIES + LIVE_FAMILIES
    ]
