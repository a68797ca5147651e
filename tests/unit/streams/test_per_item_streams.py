"""What is asked for one by one: announced with its time, resumed where it was stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.support.command import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUIET: dict[str, Any] = {"retry_max_attempts": 1, "breaker_failure_threshold": 1000}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    few: dict[str, Any] = {"orders": 0, "offers": 12, "categories": 3, "localities": 5}
    agreed = datetime.now(timezone.utc) - timedelta(seconds=20)  # with this machine's clock
    with Sandbox(SandboxConfig(**few, returns=0, clock=agreed, limits=False)) as sandbox:
        yield sandbox


def test_offers_are_asked_about_one_by_one_and_a_stopped_run_goes_on(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    sandbox.clock.advance(-timedelta(days=1).total_seconds())
    sandbox.set(limits=True)  # the real budgets decide how long it says that it takes
    sandbox.config.fail_next = ["ok"] * 8 + ["500"] * 50  # a count, a page, six offers
    first = run(
        tmp_path / "1",
        sandbox,
        streams="commissions",
        max_concurrent_requests=1,
        environment={"TAP_EMAG_LOGLEVEL": "DEBUG"},  # so few seconds are not worth a line else
        **QUIET,
    )
    assert first.code == 1, first.log
    assert "commissions: 12 requests, one for each, about 4 s at the budget's rate" in first.log
    sandbox.set(fail_next=[], limits=False)
    sandbox.log.clear()
    second = run(tmp_path / "2", sandbox, state=first.state, streams="commissions", **QUIET)
    assert second.code == 0, second.log
    asked = [request for request in sandbox.log if request.resource == "commission"]
    assert len(asked) == 12 - len(first.rows("commissions"))
    written = [row["id"] for each in (first, second) for row in each.rows("commissions")]
    assert sorted(written) == sorted(sandbox.world.offer_ids())

    third = run(tmp_path / "3", sandbox, state=second.state, streams="commissions", **QUIET)
    assert third.code == 0
    assert third.counts["commissions"] == 0  # all of them were read on the same day
    sandbox.clock.advance(timedelta(days=1).total_seconds())
    fourth = run(tmp_path / "4", sandbox, state=third.state, streams="commissions", **QUIET)
    assert fourth.counts["commissions"] == 12  # the round is over, a new one begins


def test_what_takes_a_request_each_is_off_by_default(tmp_path: Path, sandbox: Sandbox) -> None:
    ended = run(tmp_path, sandbox)
    assert ended.code == 0
    assert ended.counts["categories"] == 3
    off = {"commissions", "smart_deals", "category_values", "order_volumetry"}
    assert not off & ended.counts.keys()
    ones = ("commission", "order/volumetry")
    assert not [request for request in sandbox.log if request.resource in ones]


@pytest.mark.parametrize("limits", [(300, 100), (100, 300)], ids=["falls", "rises"])
@pytest.mark.parametrize("pages", [0, 2, 3, 4, 6, 9])
def test_all_values_of_a_category_are_read_however_many_pages_they_take(
    tmp_path: Path, pages: int, limits: tuple[int, int]
) -> None:
    """Also when the limit of pages changes, after so many of them."""
    caps = [limits[0]] * pages + [limits[1]]
    config = SandboxConfig(orders=0, offers=0, categories=8, returns=0, limits=False)
    with Sandbox(replace(config, page_caps=caps)) as sandbox:
        ended = run(tmp_path, sandbox, streams="category_values", max_concurrent_requests=1)
        expected = values_of(sandbox)
    assert ended.code == 0, ended.log
    written: dict[tuple[int, int, int], dict[int, str]] = {}
    for row in ended.rows("category_values"):
        key = (row["category_id"], row["characteristic_id"], row["characteristic_position"])
        written.setdefault(key, {})[row["position"]] = row["value"]
    assert {key: list(values.values()) for key, values in written.items()} == expected
    assert {key: list(values) for key, values in written.items()} == {
        key: list(range(1, len(values) + 1)) for key, values in expected.items()
    }
    assert max(map(len, expected.values())) > 256, "no list that takes a second page"


def values_of(sandbox: Sandbox) -> dict[tuple[int, int, int], list[str]]:
    """Return the true values by category, characteristic, and which of that id it is."""
    expected: dict[tuple[int, int, int], list[str]] = {}
    for category in sandbox.world.categories():
        places: dict[int, int] = {}
        for characteristic in category["characteristics"]:
            place = places[characteristic["id"]] = places.get(characteristic["id"], 0) + 1
            if characteristic["values"]:
                key = (category["id"], characteristic["id"], place)
                expected[key] = characteristic["values"]
    return expected


def test_within_its_time_to_live_a_list_is_not_asked_for_again(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    lists = "categories,vat_rates,localities,addresses,courier_accounts,handling_times"
    first = run(tmp_path / "1", sandbox, streams=lists)
    sandbox.log.clear()
    second = run(tmp_path / "2", sandbox, state=first.state, streams=lists)
    assert (second.code, list(sandbox.log), sum(second.counts.values())) == (0, [], 0)
    third = run(
        tmp_path / "3", sandbox, state=second.state, streams=lists, metadata_cache_ttl_seconds=0
    )
    assert list(sandbox.log)
    assert not third.counts


def test_an_account_without_returns_costs_few_requests(tmp_path: Path, sandbox: Sandbox) -> None:
    first = run(tmp_path / "1", sandbox, streams="returns")
    sandbox.log.clear()
    second = run(tmp_path / "2", sandbox, state=first.state, streams="returns")
    assert second.code == 0
    # A count, four windows of the look-back, and the four open states.
    assert len(list(sandbox.log)) <= 9


def test_an_end_before_what_was_read_reads_no_invoice_and_moves_no_bookmark(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    now = sandbox.clock.moment()
    start = (now - timedelta(days=20)).isoformat()
    first = run(tmp_path / "1", sandbox, streams="invoices", start_date=start)
    assert first.code == 0, first.log
    end = {
        "start_date": (now - timedelta(days=300)).isoformat(),
        "end_date": (now - timedelta(days=200)).isoformat(),
    }
    second = run(tmp_path / "2", sandbox, state=first.state, streams="invoices", **end)
    assert second.code == 0, second.log
    assert second.state["bookmarks"]["invoices"] == first.state["bookmarks"]["invoices"]
