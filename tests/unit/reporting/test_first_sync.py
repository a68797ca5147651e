"""A first sync is announced: rows, requests, time; a later one is not."""

from __future__ import annotations

import re
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.readers.forecast import Forecast
from tap_emag.reporting.first_sync import PATIENCE, rounded, text_of
from tests.support.command import Command, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Finished

RATES = {"orders": 10.8, "other": 2.7}


def announced(ended: Finished) -> list[str]:
    lines = [line.rpartition(" | ")[2] for line in ended.log.splitlines()]
    return [line for line in lines if line.startswith("first sync: ")]


def numbers(line: str) -> dict[str, int]:
    found = re.findall(r"([\d,]+) (orders|offers|returns|categories|localities|requests)", line)
    return {what: int(number.replace(",", "")) for number, what in found}


def test_a_line_has_rows_requests_and_the_time_of_the_slower_budget() -> None:
    found = {
        "orders": [Forecast("orders", 19_873, 240)],
        "other": [Forecast("offers", 2545, 27), Forecast("returns", 118, 18), Forecast()],
    }
    assert text_of(found, RATES, complete=True) == (
        "first sync: about 20,000 orders, 2,500 offers, 120 returns; some 290 requests, about 22 s"
    )


@pytest.mark.parametrize(
    ("rows", "complete", "line"),
    [
        (None, True, "about 5 orders; the number of offers and the time"),
        (3, False, "about 5 orders, 3 offers; what else is ahead and the time"),
    ],
)
def test_what_is_not_counted_is_named(rows: int | None, complete: bool, line: str) -> None:
    found = {"orders": [Forecast("orders", 5, 14)], "other": [Forecast("offers", rows, 2)]}
    text = text_of(found, RATES, complete=complete)
    assert text == f"first sync: {line} are not known, since eMAG gave no count"


def test_numbers_have_the_digits_that_are_about_right() -> None:
    given = (0, 7, 42, 118, 2545, 19_873, 1_234_567)
    assert [rounded(number) for number in given] == [0, 7, 42, 120, 2500, 20_000, 1_200_000]


def test_a_first_sync_says_what_is_ahead_and_the_next_one_nothing(tmp_path: Path) -> None:
    shop = SandboxConfig(orders=3000, offers=300, history_days=365, limits=False)
    with Sandbox(shop) as sandbox:
        first = run(tmp_path / "1", sandbox)
        asked = len(sandbox.log)
        second = run(tmp_path / "2", sandbox, state=first.state)
        asked_again = len(sandbox.log) - asked
    assert (first.code, second.code) == (0, 0)
    [line] = announced(first)
    assert announced(second) == []
    rows = numbers(line)
    for what, stream in (("offers", "products"), ("returns", "returns"), ("orders", "orders")):
        assert rows[what] == pytest.approx(first.counts[stream], rel=0.15), line
    assert rows["requests"] == pytest.approx(asked, rel=0.4), line
    assert asked_again < asked / 2


def test_a_shop_younger_than_the_start_has_no_more_orders_than_all_of_its_own(
    tmp_path: Path,
) -> None:
    with Sandbox(SandboxConfig(orders=300, offers=20, history_days=9, limits=False)) as sandbox:
        start = sandbox.clock.moment() - timedelta(days=365)
        ended = run(tmp_path, sandbox, streams="orders", start_date=start.isoformat())
    [line] = announced(ended)
    assert numbers(line)["orders"] == ended.counts["orders"] == 300


def test_it_takes_few_counts_and_waits_for_the_first_alone(tmp_path: Path) -> None:
    """Of a span so short, with so few orders, that no window of it is counted to be read."""
    start = datetime.now(timezone.utc) - timedelta(days=1)
    shop = SandboxConfig(orders=40, offers=20, history_days=1, latency=0.1, limits=False)
    with Sandbox(shop) as sandbox:
        streams = "orders,products,categories,localities"
        ended = run(tmp_path, sandbox, streams=streams, start_date=start.isoformat())
        asked = [(entry.resource, entry.action) for entry in sandbox.log]
    assert ended.code == 0
    assert asked[0][1] == "count", "nothing is read before eMAG has answered once"
    scans = {("product_offer", "count"), ("category", "count"), ("locality", "count")}
    counts = Counter(each for each in asked if each[1] == "count")
    # Lists are counted to be read, too.
    assert counts == {("order", "count"): 2} | dict.fromkeys(scans, 2)
    # On a slow machine a short list has been read before all is counted.
    assert len(announced(ended)) == 1


@pytest.mark.parametrize("fault", ["403", "500", "is_error"])
def test_without_counts_it_says_so_and_reads_all_the_same(tmp_path: Path, fault: str) -> None:
    faults = dict.fromkeys(("order", "product_offer", "rma"), fault)
    shop = SandboxConfig(orders=60, offers=20, count_faults=faults, limits=False)
    with Sandbox(shop) as sandbox:
        ended = run(tmp_path, sandbox, streams="orders,products,returns")
    assert ended.code == 0, ended.log
    [line] = announced(ended)
    assert line == (
        "first sync: the number of orders and offers and returns and the time are not known, since"
        " eMAG gave no count"
    )
    assert (ended.counts["orders"], ended.counts["products"]) == (60, 20)


def test_counts_that_hang_do_not_hold_it_up(tmp_path: Path) -> None:
    shop = SandboxConfig(orders=60, offers=20, count_faults={"rma": "hang"}, limits=False)
    with Sandbox(shop) as sandbox:
        command = Command(
            tmp_path, sandbox, streams="orders,products,returns", request_timeout_seconds=60
        )
        begun = time.monotonic()
        command.until_rows("orders", 30)
        assert time.monotonic() - begun < PATIENCE, "reading does not wait for counts"
        command.until(lambda: "first sync: " in command.log)
        command.process.terminate()
        ended = command.finish()
    [line] = announced(ended)
    assert "offers; what else is ahead and the time are not known" in line


def test_a_refused_caller_gets_one_answer_and_no_estimate(tmp_path: Path) -> None:
    with Sandbox(SandboxConfig(orders=5, offers=5, limits=False)) as sandbox:
        ended = run(tmp_path, sandbox, password="wrong")
        asked = len(sandbox.log)
    assert ended.code == 3
    assert announced(ended) == []
    assert asked == 3, "its own, and two to be sure that the caller is meant"


def test_a_shop_that_has_nothing_yet_is_not_announced_in_each_run(tmp_path: Path) -> None:
    with Sandbox(SandboxConfig(orders=0, offers=0, returns=0, limits=False)) as sandbox:
        ended = run(tmp_path, sandbox, streams="orders,products,returns")
    assert ended.code == 0, ended.log
    assert announced(ended) == []


@pytest.mark.parametrize(
    ("streams", "values"),
    [("vat_rates,addresses", {}), ("orders", {"order_reread_days": 3}), ("order_statuses", {})],
    ids=["short lists", "a deep re-read", "no requests"],
)
def test_what_takes_no_time_is_not_announced(
    tmp_path: Path, streams: str, values: dict[str, Any]
) -> None:
    with Sandbox(SandboxConfig(orders=20, offers=5, limits=False)) as sandbox:
        ended = run(tmp_path, sandbox, streams=streams, **values)
    assert ended.code == 0, ended.log
    assert announced(ended) == []
