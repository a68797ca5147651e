"""Turning knobs, making changes and reading the truth from outside, over HTTP."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from emag_sandbox import Sandbox

    Ask = Callable[..., requests.Response]


def hand(shop: Sandbox, path: str) -> str:
    return shop.url.removesuffix("api-3") + f"_sandbox/{path}"


def get(shop: Sandbox, path: str) -> Any:  # noqa: ANN401 - any JSON
    return requests.get(hand(shop, path), timeout=60).json()


def post(shop: Sandbox, path: str, **body: object) -> requests.Response:
    return requests.post(hand(shop, path), json=body, timeout=60)


def test_it_says_that_it_is_well(shop: Sandbox) -> None:
    assert get(shop, "health") == {
        "ok": True,
        "now": "2026-11-10T12:00:00+00:00",
        "local": "2026-11-10 14:00:00",
    }


def test_knobs_are_merged(shop: Sandbox, ask: Ask) -> None:
    assert post(shop, "config", sort="id_asc", fail_next=["503"]).json()["sort"] == "id_asc"
    assert shop.config.sort == "id_asc"
    assert ask(shop, "order/read").status_code == 503
    shown = get(shop, "config")
    assert shown["orders"] == 300
    assert "password" not in shown


@pytest.mark.parametrize(
    "knobs", [{"sort": "up"}, {"nonsense": 1}, {"orders": 7}, {"latency": "x"}, {"limits": 1}]
)
def test_a_bad_knob_turns_nothing(shop: Sandbox, knobs: dict[str, object]) -> None:
    before = get(shop, "config")
    reply = post(shop, "config", bounds="open", **knobs)
    assert reply.status_code == 400
    assert next(iter(knobs)) in reply.json()["message"]
    assert get(shop, "config") == before


def test_changes_are_made_and_told(shop: Sandbox) -> None:
    told = post(
        shop, "change", orders=3, offers=2, new_orders=4, new_offers=1, withdraw_offers=2
    ).json()
    assert {name: len(keys) for name, keys in told.items()} == {
        "orders": 3,
        "offers": 2,
        "new_orders": 4,
        "new_offers": 1,
        "withdraw_offers": 2,
    }
    for key in told["orders"] + told["new_orders"]:
        assert shop.world.order((key["type"], key["id"]))["modified"] == shop.config.clock
    assert not set(told["withdraw_offers"]) & set(shop.world.offer_ids())


@pytest.mark.parametrize("body", [b"", b"[]", b'{"orders": -1}', b'{"nothing": 1}'])
def test_a_bad_change_is_refused(shop: Sandbox, body: bytes) -> None:
    assert requests.post(hand(shop, "change"), data=body, timeout=60).status_code == 400


def test_the_clock_is_set_and_advanced(shop: Sandbox) -> None:
    assert post(shop, "clock", advance=60).json()["local"] == "2026-11-10 14:01:00"
    told = post(shop, "clock", set="2026-06-01T00:00:00Z").json()
    assert told["local"] == "2026-06-01 03:00:00"
    assert post(shop, "clock", nonsense=1).status_code == 400
    assert post(shop, "clock", set="tomorrow").status_code == 400


def test_stats_add_up_and_can_be_forgotten(shop: Sandbox, ask: Ask) -> None:
    ask(shop, "order/read", itemsPerPage=7)
    ask(shop, "order/count")
    ask(shop, "product_offer/read")
    stats = get(shop, "stats")
    assert stats["requests"] == 3
    assert stats["rows"] == 67
    assert stats["actions"]["order/count"] == 1
    assert stats["buckets"]["orders"]["requests"] == 2
    entry = shop.log[0]
    assert (entry.resource, entry.action, entry.bucket) == ("order", "read", "orders")
    assert (entry.status, entry.rows, entry.body) == (200, 7, {"itemsPerPage": 7})
    assert requests.delete(hand(shop, "stats"), timeout=60).json()["requests"] == 0
    assert len(shop.log) == 0


def test_the_truth_is_told_row_by_row(shop: Sandbox) -> None:
    lines = requests.get(hand(shop, "truth/orders"), timeout=60).text.splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 300
    for row in rows[:50]:
        order = shop.world.order((row["type"], row["id"]))
        assert Decimal(row["shipping_tax"]) == order["shipping_tax"]
        assert row["status"] == order["status"]
        assert row["is_complete"] is order["is_complete"]
    by_emag = requests.get(hand(shop, "truth/orders?type=2"), timeout=60).text.splitlines()
    assert len(by_emag) == sum(row["type"] == 2 for row in rows)
    offers = requests.get(hand(shop, "truth/offers"), timeout=60).text.splitlines()
    assert [json.loads(line)["id"] for line in offers] == shop.world.offer_ids()


def test_the_truth_marks_the_second_half_of_a_repeated_hour(shop: Sandbox) -> None:
    lines = requests.get(hand(shop, "truth/orders"), timeout=60).text.splitlines()
    rows = [json.loads(line) for line in lines]
    twice = [row for row in rows if row["modified"].startswith("2026-10-25 03:")]
    assert {row.get("modified_fold") for row in twice} == {1, None}
