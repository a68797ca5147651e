"""Which orders a request brings, and in what order."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from emag_sandbox import Sandbox

    Ask = Callable[..., requests.Response]
    OpenShop = Callable[..., Sandbox]
    ReadAll = Callable[..., list[dict[str, Any]]]

BUCHAREST = ZoneInfo("Europe/Bucharest")
CLOCK_BACK = datetime(2026, 10, 25, 1, 0, tzinfo=timezone.utc)
MOMENT = datetime(2026, 11, 1, 10, 0, tzinfo=timezone.utc)


def local(moment: datetime) -> str:
    return moment.astimezone(BUCHAREST).strftime("%Y-%m-%d %H:%M:%S")


def ids(reply: requests.Response) -> list[int]:
    return [int(row["id"]) for row in reply.json()["results"]]


@pytest.mark.parametrize("descending", [False, True])
def test_orders_sort_by_id(shop: Sandbox, read_all: ReadAll, *, descending: bool) -> None:
    shop.set(sort="id_desc" if descending else "id_asc")
    found = [int(row["id"]) for row in read_all(shop, "order")]
    assert found == sorted(found, reverse=descending)
    offers = [int(row["id"]) for row in read_all(shop, "product_offer")]
    assert offers == sorted(offers, reverse=descending)


@pytest.mark.parametrize("descending", [False, True])
def test_orders_sort_by_modification(shop: Sandbox, read_all: ReadAll, *, descending: bool) -> None:
    shop.world.burst(20)
    shop.set(sort="modified_desc" if descending else "modified_asc")
    found = [int(row["id"]) for row in read_all(shop, "order", type=3)]
    truth = [order for order in shop.world.orders() if order["type"] == 3]
    truth.sort(key=lambda order: (order["modified"], order["id"]), reverse=descending)
    assert found == [order["id"] for order in truth]


def test_an_arbitrary_order_stays_the_same(shop: Sandbox, read_all: ReadAll) -> None:
    shop.set(sort="arbitrary")
    found = [int(row["id"]) for row in read_all(shop, "order")]
    assert found != sorted(found)
    assert found != sorted(found, reverse=True)
    assert found == [int(row["id"]) for row in read_all(shop, "order")]


def test_one_order_is_found_by_its_id(shop: Sandbox, ask: Ask) -> None:
    for kind, number in shop.world.order_keys()[:20]:
        assert ids(ask(shop, "order/read", id=number, type=kind)) == [number]


def test_some_ids_pass_32_bits_and_some_are_shared_by_both_types(open_shop: OpenShop) -> None:
    keys = open_shop(orders=5000).world.order_keys()
    assert len(keys) == len(set(keys)) == 5000
    assert any(number > 1 << 32 for _, number in keys)
    by_emag = {number for kind, number in keys if kind == 2}
    assert by_emag & {number for kind, number in keys if kind == 3}


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [("closed", [0, 1, 2]), ("half", [0, 1]), ("half_upper", [1, 2]), ("open", [1])],
)
def test_bounds_are_as_open_as_the_knob_says(
    shop: Sandbox, ask: Ask, bounds: str, expected: list[int]
) -> None:
    shop.set(bounds=bounds, sort="modified_asc")
    later = [MOMENT + timedelta(seconds=second) for second in range(3)]
    placed = [shop.world.place_order(moment, type=3)[1] for moment in later]
    window = {"modifiedAfter": local(later[0]), "modifiedBefore": local(later[2])}
    found = [number for number in ids(ask(shop, "order/read", **window)) if number in placed]
    assert found == [placed[place] for place in expected]


@pytest.mark.parametrize("field", ["modified", "created"])
def test_windows_bring_what_a_plain_comparison_brings(
    open_shop: OpenShop, ask: Ask, field: str
) -> None:
    shop = open_shop(orders=3000)
    key = "modified" if field == "modified" else "date"
    truth = [
        (local(order[key]), order["id"])
        for order in shop.world.orders()
        if order["type"] == 3 and order[key] is not None
    ]
    for hours in (1, 2, 3, 30, 700):
        for start in range(-8, 8):
            first = CLOCK_BACK + timedelta(minutes=30 * start)
            low, high = local(first), local(first + timedelta(hours=hours))
            reply = ask(
                shop,
                "order/count",
                type=3,
                **{f"{field}After": low, f"{field}Before": high},
            )
            expected = sum(low <= when <= high for when, _ in truth)
            found = int(reply.json()["results"]["noOfItems"])
            nameless = 0 if field == "modified" else 8
            assert expected <= found <= expected + nameless


def test_filters_add_up(shop: Sandbox, ask: Ask, read_all: ReadAll) -> None:
    truth = list(shop.world.orders())
    low, high = "2026-10-12 00:00:00", "2026-11-10 00:00:00"
    window = {"modifiedAfter": low, "modifiedBefore": high}
    found = {int(row["id"]) for row in read_all(shop, "order", type=2, status=[0, 4], **window)}
    assert found == {
        order["id"]
        for order in truth
        if order["type"] == 2
        and order["status"] in {0, 4}
        and low <= local(order["modified"]) <= high
    }
    paid = ask(shop, "order/count", type=3, payment_mode_id=3).json()["results"]["noOfItems"]
    assert int(paid) == sum(o["type"] == 3 and o["payment_mode_id"] == 3 for o in truth)


def test_both_halves_of_the_repeated_hour_look_alike(shop: Sandbox, ask: Ask) -> None:
    first = shop.world.place_order(CLOCK_BACK - timedelta(minutes=30), type=3)
    second = shop.world.place_order(CLOCK_BACK + timedelta(minutes=30), type=3)
    assert shop.world.order(second)["modified"] - shop.world.order(first)["modified"] == timedelta(
        hours=1
    )
    window = {"modifiedAfter": "2026-10-25 03:30:00", "modifiedBefore": "2026-10-25 03:30:00"}
    reply = ask(shop, "order/read", **window)
    assert {first[1], second[1]} <= set(ids(reply))
    assert {row["modified"] for row in reply.json()["results"]} == {"2026-10-25 03:30:00"}


def test_bounds_taken_as_instants_miss_the_second_half(shop: Sandbox, ask: Ask) -> None:
    shop.set(filter_time="instant")
    first = shop.world.place_order(CLOCK_BACK - timedelta(minutes=30), type=3)
    second = shop.world.place_order(CLOCK_BACK + timedelta(minutes=30), type=3)
    window = {"modifiedAfter": "2026-10-25 03:30:00", "modifiedBefore": "2026-10-25 03:30:00"}
    found = ids(ask(shop, "order/read", **window))
    assert first[1] in found
    assert second[1] not in found


def test_a_range_over_autumn_has_orders_in_both_halves_of_the_hour(shop: Sandbox) -> None:
    hour = timedelta(hours=1)
    times = [order["modified"] for order in shop.world.orders()]
    assert any(CLOCK_BACK - hour <= each < CLOCK_BACK for each in times)
    assert any(CLOCK_BACK <= each < CLOCK_BACK + hour for each in times)


def test_a_burst_shares_one_second(shop: Sandbox, ask: Ask) -> None:
    keys = shop.world.burst(150, at=MOMENT)
    assert {shop.world.order(key)["modified"] for key in keys} == {MOMENT}
    second = {"modifiedAfter": local(MOMENT), "modifiedBefore": local(MOMENT)}
    counts = [ask(shop, "order/count", type=kind, **second).json()["results"] for kind in (2, 3)]
    assert sum(int(count["noOfItems"]) for count in counts) == 150


@pytest.mark.parametrize("mode", ["exact", "stale", "drifting", "broken"])
def test_counts_are_as_wrong_as_the_knob_says(shop: Sandbox, ask: Ask, mode: str) -> None:
    shop.set(count_mode=mode)
    replies = [ask(shop, "product_offer/count") for _ in range(12)]
    if mode == "broken":
        assert {reply.status_code for reply in replies} == {200, 500}
        assert all(reply.json()["results"] == [] for reply in replies if reply.ok)
        return
    items = {int(reply.json()["results"]["noOfItems"]) for reply in replies}
    if mode == "drifting":
        assert len(items) > 1
        assert all(abs(item - 60) <= 3 for item in items)
    else:
        assert items == {60 if mode == "exact" else 63}
