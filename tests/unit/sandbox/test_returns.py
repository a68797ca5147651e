"""Returns and AWBs: what is read of them, and how they go on."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.sandbox.agreement import BUCHAREST, differences, key_names, pages

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from emag_sandbox import Sandbox

    Ask = Callable[..., requests.Response]
    OpenShop = Callable[..., Sandbox]
    ReadAll = Callable[..., list[dict[str, Any]]]

ENDED = {4, 5, 7}
KEYS = key_names("rma")
LINE_KEYS = key_names("rma", "products.")


def ids(reply: requests.Response) -> set[int]:
    assert reply.json()["isError"] is False
    return {int(row["emag_id"]) for row in reply.json()["results"]}


@pytest.mark.parametrize("scalars", ["mixed", "strings", "native"])
def test_returns_on_the_wire_agree_with_the_truth(
    open_shop: OpenShop, ask: Ask, scalars: str
) -> None:
    shop = open_shop(orders=2000, returns=250, scalars=scalars)
    shop.world.touch_orders(500)
    shop.world.touch_returns(20)
    shop.world.open_returns(20)
    rows = list(pages(shop, ask, "rma"))
    assert len(rows) == 270
    for row in rows:
        for each in row["request_history"]:
            told = datetime.strptime(each["date"], "%d %b %Y, %H:%M")  # noqa: DTZ007 - local, as told
            assert "0" + each["date"] != f"{told:%d %b %Y, %H:%M}" or told.day < 10
            each["date"] = f"{told:%Y-%m-%d %H:%M:%S}"
        for line in row["products"]:
            line["diagnostic"] = line.get("diagnostic") and str(line["diagnostic"])
        assert differences(shop.world.return_(int(row["emag_id"])), row) == []


def test_no_return_moves_by_itself_in_the_first_hour(open_shop: OpenShop) -> None:
    shop = open_shop(orders=4000, returns=2000, clock_speed=0)
    world = shop.world
    touched = world.touch_returns(20, at=shop.clock.moment() - timedelta(minutes=30))
    world.open_returns(20, at=shop.clock.moment() - timedelta(days=4))

    def everything() -> list[dict[str, Any]]:
        return [*world.returns(), *map(world.awb, world.reservation_ids())]

    before = everything()
    for _ in range(6):
        shop.clock.advance(600)
        assert everything() == before
    assert touched
    shop.clock.advance(3600)
    assert everything() != before


def test_returns_belong_to_orders_and_are_plausible(open_shop: OpenShop) -> None:
    shop = open_shop(orders=5000)
    truth = list(shop.world.returns())
    assert len(truth) == 300
    assert {row["request_status"] for row in truth} == set(range(1, 8))
    for row in truth:
        assert set(row) == KEYS
        assert all(set(line) == LINE_KEYS for line in row["products"])
        order = shop.world.order((row["type"], row["order_id"]))
        assert order["date"] is None or order["date"] <= row["date"] <= shop.config.clock
        assert row["status_history"][0]["event_date"] == row["date"]
        times = [each["event_date"] for each in row["status_history"]]
        assert times == sorted(times)
        assert (row["finalized_with_incident"] is None) != (row["request_status"] in ENDED)
        bought = {line["product_name"] for line in row["products"]}
        assert bought <= {line["name"] for line in order["products"]}
        assert row["customer_account_iban"] in (None, "RO00DEMO0000000000000000")
    seen = {name for row in truth for name, value in row.items() if value}
    assert KEYS - seen == {"finalized_with_incident"}
    assert any(each["requests"] for row in truth for each in row["status_history"])


def test_returns_have_their_habits_on_the_wire(open_shop: OpenShop, ask: Ask) -> None:
    kinds: dict[str, set[str]] = defaultdict(set)
    shop = open_shop(orders=4000, unknown_keys=True, nul_bytes=True)
    rows = list(pages(shop, ask, "rma"))
    for row in rows:
        for name in ("order_id", "locker", "extra_info", "is_club"):
            kinds[name].add(type(row[name]).__name__)
        for line in row["products"]:
            kinds["quantity"].add(type(line["quantity"]).__name__)
    assert kinds["order_id"] == kinds["quantity"] == {"int", "str"}
    assert kinds["locker"] == kinds["extra_info"] == {"list", "dict"}
    assert kinds["is_club"] == {"int", "str", "bool"}
    known = KEYS
    assert any(set(row) - known for row in rows)
    assert any(set(each) - {"id"} - {"user", "action", "action_type", "source", "date"}
               for row in rows for each in row["request_history"])  # fmt: skip
    assert any("\0" in str(row.get("observations")) for row in rows)
    assert all({"currency", "courier_name"} <= set(row) for row in rows)


def test_returns_are_filtered_as_documented(shop: Sandbox, ask: Ask) -> None:
    truth = list(shop.world.returns())
    for row in truth:
        emag_id, line = row["emag_id"], row["products"][0]
        assert ids(ask(shop, "rma/read", emag_id=emag_id)) == {emag_id}
        assert emag_id in ids(ask(shop, "rma/read", order_id=row["order_id"], type=row["type"]))
        for name, value in (("product_id", line["product_id"]),
                            ("product_emag_id", line["product_emag_id"])):  # fmt: skip
            if value is not None:
                expected = {
                    each["emag_id"]
                    for each in truth
                    if any(line[name] == value for line in each["products"])
                }
                assert ids(ask(shop, "rma/read", **{name: value})) == expected
    for status in range(1, 8):
        expected = {row["emag_id"] for row in truth if row["request_status"] == status}
        assert ids(ask(shop, "rma/read", request_status=status)) == expected
        counted = ask(shop, "rma/count", request_status=status).json()["results"]
        assert counted["noOfItems"] == str(len(expected))
    assert ids(ask(shop, "rma/read", id=1)) == set()


def test_a_return_is_found_by_its_opening_only(shop: Sandbox, ask: Ask) -> None:
    truth = list(shop.world.returns())
    middle = sorted(row["date"] for row in truth)[len(truth) // 2]
    bound = middle.astimezone(BUCHAREST).strftime("%Y-%m-%d %H:%M:%S")
    late = ids(ask(shop, "rma/read", date_start=bound))
    assert late == {row["emag_id"] for row in truth if row["date"] >= middle}
    early = ids(ask(shop, "rma/read", date_start="2001-01-01 00:00:00", date_end=bound))
    assert early == {row["emag_id"] for row in truth if row["date"] <= middle}
    assert ids(ask(shop, "rma/read", date_end=bound)) == early
    assert len(ids(ask(shop, "rma/read", modifiedAfter="2026-11-10 00:00:00"))) == len(truth)
    shop.set(bounds="open")
    assert len(ids(ask(shop, "rma/read", date_start=bound))) == len(late) - 1


@pytest.mark.parametrize(
    "filters", [{"request_status": [2, 3]}, {"type": 4}, {"date_start": "soon"}, {"emag_id": "x"}]
)
def test_a_bad_filter_is_refused(shop: Sandbox, ask: Ask, filters: dict[str, object]) -> None:
    reply = ask(shop, "rma/read", **filters)
    assert (reply.status_code, reply.json()["isError"]) == (200, True)


def test_returns_go_on_with_the_clock(open_shop: OpenShop) -> None:
    shop = open_shop(orders=3000)
    before = {row["emag_id"]: row for row in shop.world.returns()}
    shop.clock.advance(timedelta(days=3).total_seconds())
    after = {row["emag_id"]: row for row in shop.world.returns()}
    moved = [key for key, row in before.items() if after[key] != row]
    assert len(moved) > 5
    assert all(before[key]["request_status"] not in ENDED for key in moved)
    for key in moved:
        told = before[key]["status_history"]
        assert after[key]["status_history"][: len(told)] == told


def test_touched_returns_move_on_and_some_end(open_shop: OpenShop, ask: Ask) -> None:
    shop = open_shop(orders=3000)
    being = shop.world.open_return_ids()
    touched = shop.world.touch_returns(15)
    assert len(set(touched)) == 15
    assert set(touched) <= set(being)
    for emag_id in touched:
        row = shop.world.return_(emag_id)
        assert row["status_history"][-1]["event_date"] == shop.config.clock
        assert len(row["status_history"]) == len(row["request_history"]) > 1
        wire = ask(shop, "rma/read", emag_id=emag_id).json()["results"][0]
        assert int(wire["request_status"]) == row["request_status"]
    assert len(shop.world.open_return_ids()) < len(being)
    ended = next(key for key in shop.world.return_ids() if key not in being)
    shop.world.touch_returns(ids=[ended])
    assert shop.world.return_(ended)["finalized_with_incident"] is True


def test_returns_are_opened_and_closed(shop: Sandbox, ask: Ask) -> None:
    opened = shop.world.open_returns(3)
    assert opened == shop.world.return_ids()[-3:]
    assert all(shop.world.return_(key)["date"] == shop.config.clock for key in opened)
    assert set(opened) <= set(shop.world.open_return_ids())
    key = shop.world.order_keys()[0]
    named = shop.world.open_returns(keys=[key])[0]
    assert shop.world.return_(named)["order_id"] == key[1]
    shop.world.close_returns(opened)
    found = ids(ask(shop, "rma/read", request_status=7))
    assert set(opened) <= found
    assert named not in found


def test_an_order_that_changes_leaves_its_return_alone(shop: Sandbox) -> None:
    before = list(shop.world.returns())
    for _ in range(3):
        shop.world.touch_orders(300)
    assert list(shop.world.returns()) == before


def test_it_does_not_matter_when_returns_are_first_looked_at(open_shop: OpenShop) -> None:
    one, other = open_shop(), open_shop()
    seen = list(one.world.returns())
    for shop in (one, other):
        shop.world.touch_orders(300)
    assert list(other.world.returns()) == seen
    assert list(other.world.customer_invoices()) == list(one.world.customer_invoices())


def test_no_order_has_no_return(open_shop: OpenShop, read_all: ReadAll) -> None:
    shop = open_shop(orders=0, returns=5)
    assert read_all(shop, "rma") == read_all(shop, "awb", emag_id=1) == []


@pytest.mark.parametrize("scalars", ["mixed", "strings"])
def test_awbs_on_the_wire_agree_with_the_truth(open_shop: OpenShop, ask: Ask, scalars: str) -> None:
    shop = open_shop(orders=1500, returns=120, scalars=scalars, foreign_awb_share=0.0)
    told = {each["reservation_id"] for row in shop.world.returns() for each in row["awbs"]}
    assert told == set(shop.world.reservation_ids())
    kinds = set()
    for number in sorted(told):
        found = ask(shop, "awb/read", reservation_id=number).json()["results"]
        truth = shop.world.awb(number)
        wires = found if isinstance(found, list) else [found]
        kinds.add((type(found), type(wires[0]["status"]), type(wires[0]["courier"])))
        for name in ("status", "courier"):
            value = wires[0][name]
            wires[0][name] = value[0] if isinstance(value, list) else value
        assert len(wires) == 1
        assert differences(truth, wires[0]) == []
        same = ask(shop, "awb/read", emag_id=truth["emag_id"]).json()["results"]
        assert isinstance(same, type(found))
    assert {kind[0] for kind in kinds} == {kind[1] for kind in kinds} == {dict, list}
    assert {kind[2] for kind in kinds} == {dict, list}


def test_an_awb_travels_until_it_is_delivered(open_shop: OpenShop) -> None:
    shop = open_shop(orders=3000)
    shop.world.open_returns(30)
    stages = []
    for _ in range(120):
        opened = [shop.world.awb(each)["status"]["code"] for each in shop.world.reservation_ids()]
        stages.append(Counter(opened))
        shop.clock.advance(timedelta(hours=4).total_seconds())
    assert {code for stage in stages for code in stage} == {"NEW", "PCK", "TRN", "DLV", "CNC"}
    assert set(stages[-1]) == {"DLV", "CNC"}


def test_an_awb_of_another_country_is_answered_412(shop: Sandbox, ask: Ask) -> None:
    number = shop.world.reservation_ids()[0]
    shop.set(foreign_awb_share=1)
    assert shop.world.foreign_awb(number)
    reply = ask(shop, "awb/read", reservation_id=number)
    assert (reply.status_code, reply.json()["isError"]) == (412, True)
    assert ask(shop, "awb/read", reservation_id=1).json()["results"] == []
    assert ask(shop, "awb/read").json()["isError"] is True
