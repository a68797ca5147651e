"""Orders take the documented ways from status to status, and their heads equal their parts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 10, 12, tzinfo=timezone.utc)
SHOP = SandboxConfig(orders=800, offers=60, history_days=60, clock=NOW, clock_speed=0)
TWO_DAYS = timedelta(hours=48)
# Documented: which status may follow which.
WAYS = {0: {2, 3, 4}, 1: {2, 0}, 2: {3, 4, 0}, 3: {4, 0}, 4: {3, 0, 5}, 5: set()}


@pytest.fixture(scope="module")
def history() -> dict[tuple[int, int], list[dict[str, Any]]]:
    """Every state of every order, while a shop lives for four weeks."""
    world = Sandbox(SHOP).world
    states = {key: [world.order(key)] for key in world.order_keys()}
    for day in range(28):
        for turn in range(3):
            at = NOW + timedelta(days=day, hours=turn)
            for key in world.touch_orders(100, at=at):
                states[key].append(world.order(key))
    return states


def steps(
    history: dict[tuple[int, int], list[dict[str, Any]]],
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for states in history.values():
        yield from pairwise(states)


def all_states(history: dict[tuple[int, int], list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    for states in history.values():
        yield from states


def test_a_status_takes_documented_ways_only(history: Any) -> None:  # noqa: ANN401
    seen = Counter((old["status"], new["status"]) for old, new in steps(history))
    ways = {(old, new) for old, new in seen if old != new}
    assert all(new in WAYS[old] for old, new in ways), ways
    assert len(ways) >= 10, "the shop takes most of them"


def test_a_finalized_order_changes_its_mind_within_two_days(history: Any) -> None:  # noqa: ANN401
    late = 0
    for old, new in steps(history):
        if old["status"] == 4 and new["status"] in (0, 3):
            assert new["modified"] - old["finalization_date"] <= TWO_DAYS
        late += new["status"] == 5 and new["modified"] - old["finalization_date"] > TWO_DAYS
    assert late, "goods come back for longer"


def test_a_cancelled_order_comes_back_within_two_days(history: Any) -> None:  # noqa: ANN401
    for states in history.values():
        cancelled = None
        for state in states:
            if state["status"]:
                soon = cancelled is None or state["modified"] - cancelled <= TWO_DAYS
                assert soon, "it was cancelled for good"
                cancelled = None
            else:
                cancelled = cancelled or state["modified"]


def test_the_first_awb_finalizes(history: Any) -> None:  # noqa: ANN401
    for state in all_states(history):
        awbs = [each for each in state["attachments"] if each["type"] == 10]
        assert len(awbs) <= 1
        if state["status"] in (4, 5):
            assert awbs
            assert state["finalization_date"] is not None
        assert state["status"] != 1 or not awbs


def test_an_order_is_returned_when_and_only_when_all_of_it_came_back(history: Any) -> None:  # noqa: ANN401
    part = 0
    for state in all_states(history):
        left = any(line["quantity"] for line in state["products"])
        back = any(line["storno_qty"] for line in state["products"])
        assert (state["status"] == 5) is not left
        assert state["status"] != 1 or not back
        part += left and back
    assert part > 20


def test_lines_are_edited_where_that_is_allowed(history: Any) -> None:  # noqa: ANN401
    edits = 0
    for old, new in steps(history):
        before, after = ({line["id"] for line in each["products"]} for each in (old, new))
        if before != after:
            edits += 1
            assert (old["type"], new["status"]) in ((3, 2), (3, 3))
            assert old["payment_mode"] != "CARD online"
    assert edits > 20


def test_pieces_add_up(history: Any) -> None:  # noqa: ANN401
    for state in all_states(history):
        for line in state["products"]:
            assert line["quantity"] + line["storno_qty"] == line["initial_qty"] > 0
            assert line["status"] == int(state["status"] != 0)


def test_what_was_cashed_is_what_the_parts_add_up_to(history: Any) -> None:  # noqa: ANN401
    cashed = Counter[str]()
    for state in all_states(history):
        whole = gross(state)
        if state["payment_mode"] == "CARD online":
            assert state["cashed_co"] == whole
            assert not state["cashed_cod"]
        else:
            assert not state["cashed_co"]
            cash = state["payment_mode"] == "RAMBURS" and state["payment_status"] == 1
            assert state["cashed_cod"] == (whole if cash else 0)
        cashed.update(name for name in ("cashed_co", "cashed_cod") if state[name])
    assert min(cashed[name] for name in ("cashed_co", "cashed_cod")) > 100


def test_what_was_refunded_is_what_came_back(history: Any) -> None:  # noqa: ANN401
    refunds = 0
    for state in all_states(history):
        if state["status"] == 0:
            assert state["refunded_amount"] == (state["cashed_co"] or 0) + state["cashed_cod"]
        elif state["status"] == 5:
            shipping = state["shipping_tax"] + off(state["shipping_tax_voucher_split"])
            assert state["refunded_amount"] == gross(state) - shipping.quantize(Decimal("0.01"))
        elif not any(line["storno_qty"] for line in state["products"]):
            assert state["refunded_amount"] == 0
        refunds += state["refunded_amount"] > 0
    assert refunds > 50


def test_a_voucher_is_the_sum_of_its_splits(history: Any) -> None:  # noqa: ANN401
    seen = deposits = 0
    for state in all_states(history):
        numbers = [voucher["voucher_id"] for voucher in state["vouchers"]]
        assert len(numbers) == len(set(numbers))
        cuts = list(splits(state))
        assert {cut["voucher_id"] for cut in cuts} <= set(numbers)
        for voucher in state["vouchers"]:
            own = [cut for cut in cuts if cut["voucher_id"] == voucher["voucher_id"]]
            assert voucher["sale_price"] == sum(cut["value"] for cut in own)
            assert voucher["sale_price_vat"] == sum(cut["vat_value"] for cut in own)
            seen += 1
            deposits += any("vat" not in cut for cut in own)
    assert seen > 50 < deposits * 10


def gross(state: dict[str, Any]) -> Decimal:
    """Return what a customer pays: lines and deposits with VAT, shipping, less the vouchers."""
    total = state["shipping_tax"] + off(splits(state))
    for line in state["products"]:
        total += line["sale_price"] * line["initial_qty"] * (1 + line["vat"])
        for each in line["recycle_warranties"]:
            total += each["sale_price"] * each["quantity"] * (1 + each["vat_rate"])
    whole: Decimal = total.quantize(Decimal("0.01"))
    return whole


def off(cuts: Any) -> Decimal:  # noqa: ANN401
    return sum((cut["value"] + cut["vat_value"] for cut in cuts), Decimal(0))


def splits(state: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from state["shipping_tax_voucher_split"]
    for line in state["products"]:
        yield from line["product_voucher_split"]
        for deposit in line["recycle_warranties"]:
            yield from deposit["recycle_warranty_voucher_split"]


def test_a_seed_makes_the_same_history() -> None:
    worlds = [Sandbox(replace(SHOP, orders=80)).world for _ in range(2)]
    for world in worlds:
        for hour in range(30):
            world.touch_orders(20, at=NOW + timedelta(hours=hour))
    one, other = (list(world.orders()) for world in worlds)
    assert one == other
