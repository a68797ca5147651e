"""The comparison with other programs: each reads all orders for real, and its page is fair."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from benchmarks.page_parts import part
from benchmarks.peers import page
from benchmarks.peers.measures import QUICK, SETTLED
from benchmarks.report import Machine
from tap_emag.readers.calendar import Calendar
from tap_emag.readers.window_reader import BEHIND_CLOCK

if TYPE_CHECKING:
    from benchmarks.peers.measures import Figures

ROOT = Path(__file__).parents[2]
NAMES = ["tap-emag", "plain tap", "dlt", "Airbyte CDK"]
LOST = "lost with modified_asc"
CALENDAR = Calendar(ZoneInfo("Europe/Bucharest"))


@pytest.fixture(scope="module")
def figures() -> Figures:
    # The environment that the tests run in stays as it is, were it out of date.
    command = ["make", "-s", "-o", ".venv/.ready", "bench-peers", "ARGS=--quick --json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr  # also where a program has not read all orders
    found: Figures = json.loads(done.stdout)
    return found


@pytest.mark.timing
@pytest.mark.parametrize("name", NAMES)
def test_each_program_has_read_all_orders_for_real(figures: Figures, name: str) -> None:
    for measure in ("share at 0.5", "orders per second", LOST, "processor seconds of 100"):
        assert len(figures[measure][name]) == 1, measure
    [quiet] = figures["requests of a quiet run"][name]
    assert 1 <= quiet < QUICK.orders / 100


@pytest.mark.timing
def test_tap_emag_loses_no_order_and_has_no_request_refused(figures: Figures) -> None:
    assert figures[LOST]["tap-emag"] == [0]
    assert figures["refused"]["tap-emag"] == [0]


@pytest.mark.timing
def test_tap_emag_uses_more_of_the_budget_than_a_plain_tap(figures: Figures) -> None:
    [ours], [plain] = (figures["share at 0.5"][name] for name in ("tap-emag", "plain tap"))
    assert ours > plain


@pytest.mark.timing
def test_each_loader_has_loaded_all_orders(figures: Figures) -> None:
    assert list(figures["orders per second into Postgres"]) == NAMES[:3]


@pytest.mark.parametrize("fraction", [0.0, 0.5, 0.999])
def test_the_run_after_the_changes_reads_up_to_the_last_of_them(fraction: float) -> None:
    change = datetime(2026, 6, 1, 12, 0, tzinfo=timezone.utc) + timedelta(seconds=fraction)
    # The tap starts at once here, and a `Date` has whole seconds: it may seem a second late.
    known = change + timedelta(seconds=SETTLED) - timedelta(seconds=1)
    assert CALENDAR.horizon(known - BEHIND_CLOCK) >= CALENDAR.local(change)


def _invented() -> Figures:
    """Return figures of two rounds in which tap-emag is the best, but for what follows."""
    found = {
        row.measure: {name: [1.0, 3.0] for name in NAMES}
        | {"tap-emag": [8.0, 9.0] if row.best is max else [0.0, 0.0]}
        for row in page.rows(QUICK)
    }
    found["orders per second"]["dlt"] = [20.0, 30.0]
    found["requests of a quiet run"]["plain tap"] = [0.001, 0.002]  # the same, as it is shown
    del found["orders per second into Postgres"]["Airbyte CDK"]
    return found


def test_the_page_names_the_rows_in_which_a_peer_is_better() -> None:
    text = page.section(_invented(), QUICK, Machine.this(0.0))
    assert part(text, page.BEGIN, page.END) == text
    assert "- dlt: orders per second, read.\n" in text
    assert text.count("\n- plain tap:") == text.count("\n- Airbyte CDK:") == 0
    found = _invented()
    found["orders per second"]["dlt"] = [1.0, 1.0]
    assert "In no row a peer is better than tap-emag." in page.better(found, QUICK)


def test_the_best_of_each_row_is_bold_and_a_program_without_a_figure_is_named() -> None:
    lines = page.table(_invented(), QUICK).splitlines()
    cells = {line.split(" | ")[0].removeprefix("| "): line.split(" | ")[1:] for line in lines}
    assert cells["orders per second, read"][0] == "8 (8 to 9)"
    assert cells["orders per second, read"][2] == "**25 (20 to 30)**"
    assert cells["requests of a quiet run"] == ["**0**", "**0**", "2 (1 to 3)", "2 (1 to 3) |"]
    assert cells["orders per second into Postgres"][3] == "none |"


def test_the_plot_has_a_line_for_each_program(tmp_path: Path) -> None:
    page.plot(_invented(), QUICK, tmp_path / "plot.svg")
    svg = (tmp_path / "plot.svg").read_text(encoding="utf-8")
    assert svg.startswith("<svg")
    for name in NAMES:
        assert name in svg
