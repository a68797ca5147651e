"""Spans of invoices are read two at a time: one alone leaves a part of the budget unused."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from emag_sandbox import Sandbox, SandboxConfig
from tests.support.command import run

if TYPE_CHECKING:
    from pathlib import Path

    from emag_sandbox import Request

LATENCY = 0.4  # seconds


def test_two_spans_are_read_at_a_time_and_each_page_after_page(tmp_path: Path) -> None:
    shop = SandboxConfig(
        orders=20, offers=5, customer_invoices=40, history_days=200, latency=LATENCY, limits=False
    )
    with Sandbox(shop) as sandbox:
        streams = "customer_invoices,customer_invoice_lines"
        ended = run(tmp_path, sandbox, streams=streams)
        asked = sorted(
            (each for each in sandbox.log if each.resource == "customer-invoice"),
            key=lambda each: each.time,
        )
    assert ended.code == 0, ended.log
    assert ended.counts["customer_invoices"] == 40
    spans = defaultdict(list)
    for each in asked:
        spans[each.body["date_start"]].append(each)
    assert len(spans) > 6
    for pages in spans.values():
        assert all(later.time >= page.time + page.seconds for page, later in pairwise(pages))
    together = [
        sum(each.time < at < each.time + each.seconds for each in asked) for at in ends(asked)
    ]
    assert max(together) == 2, together


def ends(asked: list[Request]) -> list[float]:
    """Return moments shortly before each reply."""
    return [each.time + each.seconds * 0.9 for each in asked]
