"""The world moves: on request, by itself, and while it is being read."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
import requests

from emag_sandbox import Sandbox, SandboxConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., requests.Response]
    OpenShop = Callable[..., Sandbox]
    ReadAll = Callable[..., list[dict[str, Any]]]

MOMENT = datetime(2026, 11, 5, 9, 30, tzinfo=timezone.utc)


def test_a_touched_order_is_modified_now(shop: Sandbox) -> None:
    before = {key: shop.world.order(key) for key in shop.world.order_keys()}
    touched = shop.world.touch_orders(25)
    assert len(set(touched)) == 25
    for key, order in before.items():
        if key in touched:
            assert shop.world.order(key)["modified"] == shop.config.clock
            assert shop.world.order(key) != order
        else:
            assert shop.world.order(key) == order


def test_an_order_can_be_touched_by_name_and_at_a_moment(shop: Sandbox) -> None:
    key = shop.world.order_keys()[7]
    assert shop.world.touch_orders(keys=[key], at=MOMENT) == [key]
    assert shop.world.order(key)["modified"] == MOMENT


def test_lines_come_and_go(shop: Sandbox) -> None:
    before = {key: shop.world.order(key)["products"] for key in shop.world.order_keys()}
    for _ in range(4):
        shop.world.touch_orders(300)
    left = joined = 0
    for key, lines in before.items():
        were = {line["id"] for line in lines}
        are = {line["id"] for line in shop.world.order(key)["products"]}
        left, joined = left + len(were - are), joined + len(are - were)
    assert left > 0
    assert joined > 0


def test_a_new_order_is_read_at_once(shop: Sandbox, ask: Ask) -> None:
    key = shop.world.add_orders(1)[0]
    found = ask(shop, "order/read", id=key[1], type=key[0]).json()["results"]
    assert [int(row["id"]) for row in found] == [key[1]]


def test_an_order_is_placed_as_wished(shop: Sandbox, ask: Ask) -> None:
    placed = MOMENT - timedelta(days=2)
    key = shop.world.place_order(MOMENT, id=77, type=2, status=4, date=placed, vouchers=[])
    assert key == (2, 77)
    order = shop.world.order(key)
    assert (order["modified"], order["date"], order["status"]) == (MOMENT, placed, 4)
    shop.world.touch_orders(keys=[key])
    assert shop.world.order(key)["vouchers"] == []
    row = ask(shop, "order/read", id=77, type=2).json()["results"][0]
    assert row["modified"] == "2026-11-10 14:00:00"


def test_an_order_is_not_placed_twice(shop: Sandbox) -> None:
    shop.world.place_order(MOMENT, id=77, type=2)
    shop.world.place_order(MOMENT, id=77, type=3)
    with pytest.raises(ValueError, match="77"):
        shop.world.place_order(MOMENT, id=77, type=2)


def test_a_touched_offer_differs(shop: Sandbox) -> None:
    before = {offer["id"]: offer for offer in shop.world.offers()}
    touched = shop.world.touch_offers(20)
    changed = {number for number in before if shop.world.offer(number) != before[number]}
    assert changed == set(touched)


def test_offers_come_and_go(shop: Sandbox, read_all: ReadAll) -> None:
    added, gone = shop.world.add_offers(3), shop.world.withdraw_offers(5)
    found = {int(row["id"]) for row in read_all(shop, "product_offer")}
    assert found == set(shop.world.offer_ids())
    assert len(found) == 58
    assert not found & set(gone)
    assert set(added) - set(gone) <= found
    with pytest.raises(KeyError):
        shop.world.offer(gone[0])


def test_the_world_changes_by_itself_at_the_rate_asked_for(shop: Sandbox) -> None:
    shop.set(changes_per_second=2, new_orders_per_second=1, offer_changes_per_second=1)
    offers = {offer["id"]: offer for offer in shop.world.offers()}
    shop.clock.advance(30)
    shop.set(changes_per_second=0, new_orders_per_second=0, offer_changes_per_second=0)
    assert shop.config.clock is not None
    recent = [o for o in shop.world.orders() if o["modified"] > shop.config.clock]
    assert len(shop.world.order_keys()) == 330
    assert 50 <= len(recent) <= 90
    assert any(shop.world.offer(number) != offer for number, offer in offers.items())


def test_rows_move_between_pages_while_they_are_read(shop: Sandbox, ask: Ask) -> None:
    shop.set(sort="modified_desc")
    first = ask(shop, "order/read", currentPage=1).json()["results"]
    keys = [(3, int(row["id"])) for row in first]
    later = [key for key in shop.world.order_keys() if key[0] == 3 and key not in keys]
    shop.world.touch_orders(keys=later[:10])
    second = ask(shop, "order/read", currentPage=2).json()["results"]
    assert {int(row["id"]) for row in first} & {int(row["id"]) for row in second}


def test_nothing_enters_a_window_that_lies_behind(open_shop: OpenShop) -> None:
    shop = open_shop(clock_speed=1.0, changes_per_second=300, orders=500)
    session = requests.Session()
    session.auth = ("demo", "demo")
    body = {"modifiedAfter": "2026-11-10 14:00:00", "modifiedBefore": "2026-11-10 14:00:01"}
    shop.clock.advance(4)
    seen: set[int] | None = None
    for _ in range(25):
        reply = session.post(f"{shop.url}/order/read", json=body, timeout=60)
        found = {int(row["id"]) for row in reply.json()["results"]}
        assert seen is None or found <= seen
        seen = found


def test_one_reply_is_one_snapshot(open_shop: OpenShop) -> None:
    # Not more: a machine too busy to keep up has ever more to make up for.
    shop = open_shop(clock_speed=1.0, changes_per_second=100, orders=90, type2_share=0)
    session = requests.Session()
    session.auth = ("demo", "demo")
    for _ in range(30):
        reply = session.post(f"{shop.url}/order/read", json={}, timeout=60)
        found = [int(row["id"]) for row in reply.json()["results"]]
        assert len(found) == len(set(found)) == 90


def test_two_sandboxes_of_a_seed_say_the_same_bytes(open_shop: OpenShop, ask: Ask) -> None:
    one, other = open_shop(unknown_keys=True), open_shop(unknown_keys=True)
    for shop in (one, other):
        shop.world.touch_orders(40)
        shop.world.touch_offers(10)
        shop.world.add_orders(5)
        shop.set(changes_per_second=3)
        shop.clock.advance(10)
    for path in ("order/read", "order/count", "product_offer/read"):
        assert ask(one, path).content == ask(other, path).content


def test_another_seed_is_another_shop(open_shop: OpenShop, ask: Ask) -> None:
    one, other = open_shop(seed=1), open_shop(seed=2)
    assert ask(one, "order/read").content != ask(other, "order/read").content


def test_the_same_row_looks_the_same_each_time(open_shop: OpenShop, ask: Ask) -> None:
    shop = open_shop(cache_bytes=0)
    assert ask(shop, "order/read").content == ask(shop, "order/read").content


def test_an_order_that_changes_its_type_is_found_under_the_new_one_only() -> None:
    world = Sandbox(SandboxConfig(orders=30, offers=0, returns=0)).world
    before = set(world.order_keys())
    moved = world.retype_orders(4)
    assert moved
    assert {(5 - kind, number) for kind, number in moved} == before - set(world.order_keys())
    assert {(row["type"], row["id"]) for row in world.orders()} == set(world.order_keys())
