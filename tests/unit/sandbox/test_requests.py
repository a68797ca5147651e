"""What the sandbox lets in, what it refuses, and how it answers."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests

from emag_sandbox import Sandbox, SandboxConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., requests.Response]
    OpenShop = Callable[..., Sandbox]
    ReadAll = Callable[..., list[dict[str, Any]]]


def test_a_wrong_password_is_answered_403(shop: Sandbox) -> None:
    reply = requests.post(f"{shop.url}/order/read", auth=("demo", "no"), timeout=60)
    assert reply.status_code == 403
    assert reply.json() == {
        "isError": True,
        "messages": ["You are not allowed to use this API."],
        "results": [],
    }


def test_no_credentials_are_answered_403(shop: Sandbox) -> None:
    assert requests.post(f"{shop.url}/order/read", timeout=60).status_code == 403


def test_a_strange_address_is_refused_with_a_200(shop: Sandbox, ask: Ask) -> None:
    shop.set(allowed_ip=False)
    reply = ask(shop, "order/read")
    assert reply.status_code == 200
    assert reply.json()["isError"] is True
    assert reply.json()["messages"] == ["ERROR: Invalid vendor ip [127.0.0.1]"]


@pytest.mark.parametrize("path", ["order/reed", "nothing/read", "order", "api-3/order/read"])
def test_an_unknown_route_is_answered_by_the_gateway(shop: Sandbox, ask: Ask, path: str) -> None:
    reply = ask(shop, path)
    assert reply.status_code == 404
    assert reply.json() == {"message": "no Route matched with those values"}


def test_the_envelope_is_whole(shop: Sandbox, ask: Ask) -> None:
    found = ask(shop, "order/read").json()
    assert list(found) == ["isError", "messages", "errors", "results"]
    assert (found["isError"], found["messages"], found["errors"]) == (False, [], [])


def test_counts_are_strings(shop: Sandbox, ask: Ask) -> None:
    found = ask(shop, "product_offer/count", itemsPerPage=50).json()["results"]
    assert found == {"noOfItems": "60", "noOfPages": "2", "itemsPerPage": "50"}


def test_filters_inside_data_are_ignored(shop: Sandbox, ask: Ask) -> None:
    wrapped = ask(shop, "product_offer/read", data={"id": 1, "itemsPerPage": 1})
    assert len(wrapped.json()["results"]) == 60


def test_unknown_filters_are_ignored(shop: Sandbox, ask: Ask) -> None:
    assert len(ask(shop, "product_offer/read", statuss=7).json()["results"]) == 60


def test_a_flat_form_is_as_good_as_json(shop: Sandbox) -> None:
    form = {"itemsPerPage": "5", "status[]": ["4", "0"], "data[status]": "1"}
    reply = requests.post(f"{shop.url}/order/read", data=form, auth=("demo", "demo"), timeout=60)
    assert len(reply.json()["results"]) == 5
    assert {int(row["status"]) for row in reply.json()["results"]} <= {0, 4}


@pytest.mark.parametrize("body", [b"", b"{}", b"[]"])
def test_an_empty_body_asks_for_everything(shop: Sandbox, body: bytes) -> None:
    reply = requests.post(f"{shop.url}/order/read", data=body, auth=("demo", "demo"), timeout=60)
    assert len(reply.json()["results"]) == 100


def test_more_than_100_rows_are_capped_in_silence(shop: Sandbox, ask: Ask) -> None:
    found = ask(shop, "order/read", itemsPerPage=400).json()
    assert (found["isError"], len(found["results"])) == (False, 100)


def test_more_than_100_rows_can_be_refused(shop: Sandbox, ask: Ask) -> None:
    shop.set(page_limit_mode="refuse")
    assert ask(shop, "order/read", itemsPerPage=101).status_code == 400


def test_pages_beyond_the_end_are_empty(shop: Sandbox, ask: Ask) -> None:
    found = ask(shop, "order/read", currentPage=60_000).json()
    assert (found["isError"], found["results"]) == (False, [])


@pytest.mark.parametrize(
    "filters",
    [
        {"modifiedAfter": "2026-01-01 00:00:00", "modifiedBefore": "2026-02-01 00:00:01"},
        {"modifiedBefore": "2026-02-01 00:00:00"},
        {"createdBefore": "2026-02-01 00:00:00"},
        {"modifiedAfter": "2026-01-01T00:00:00"},
        {"modifiedAfter": "2026-01-01 00:00:00.5"},
        {"modifiedAfter": "2026-02-30 00:00:00"},
        {"type": [2, 3]},
        {"type": 4},
        {"status": 9},
        {"id": "x"},
        {"id": "--5"},
        {"id": True},
        {"modifiedAfter": "0000-00-00 00:00:00"},
        {"currentPage": 0},
        {"itemsPerPage": 0},
    ],
)
def test_a_bad_filter_is_an_error_in_a_200(
    shop: Sandbox, ask: Ask, filters: dict[str, object]
) -> None:
    reply = ask(shop, "order/read", **filters)
    assert reply.status_code == 200
    assert reply.json()["isError"] is True
    assert reply.json()["messages"]


@pytest.mark.parametrize(
    "filters",
    [
        {"modifiedAfter": "2026-01-01 00:00:00", "modifiedBefore": "2026-02-01 00:00:00"},
        {"createdAfter": "1970-01-01 00:00:00"},
        {"modifiedAfter": "2026-05-01"},
        {"modifiedAfter": "0001-01-01 00:00:00"},
        {"modifiedAfter": "9999-12-31 23:59:59"},
    ],
)
def test_a_month_or_an_open_end_is_accepted(
    shop: Sandbox, ask: Ask, filters: dict[str, object]
) -> None:
    assert ask(shop, "order/read", **filters).json()["isError"] is False


def test_every_reply_tells_the_time_of_the_sandbox(shop: Sandbox, ask: Ask) -> None:
    for path in ("order/read", "nothing/read"):
        assert parsedate_to_datetime(ask(shop, path).headers["Date"]) == shop.config.clock


def test_a_read_means_orders_of_type_3_and_a_count_both_types(
    shop: Sandbox, ask: Ask, read_all: ReadAll
) -> None:
    def items(**filters: object) -> int:
        return int(ask(shop, "order/count", **filters).json()["results"]["noOfItems"])

    both = items(type=2) + items(type=3)
    assert items() == both == 300
    assert 0 < items(type=2) < len(read_all(shop, "order")) == items(type=3)
    shop.set(default_type=None, default_count_type=3)
    assert len(read_all(shop, "order")) == both
    assert items() == items(type=3)


def test_offers_are_filtered_as_documented(shop: Sandbox, ask: Ask) -> None:
    for offer in list(shop.world.offers())[:5]:
        found = ask(shop, "product_offer/read", part_number=offer["part_number"]).json()
        assert [int(row["id"]) for row in found["results"]] == [offer["id"]]
    low = ask(shop, "product_offer/read", general_stock=3).json()["results"]
    assert len(low) == sum(offer["general_stock"] <= 3 for offer in shop.world.offers())
    sold = ask(shop, "product_offer/read", status=1).json()["results"]
    assert len(sold) == sum(offer["status"] == 1 for offer in shop.world.offers())


def test_it_refuses_to_listen_beyond_loopback() -> None:
    with pytest.raises(ValueError, match="loopback"):
        Sandbox(SandboxConfig(orders=0, offers=0, host="0.0.0.0"))


@pytest.mark.parametrize(
    "knobs",
    [
        {"sort": "up"},
        {"latency": -1},
        {"faults": {"boom": 1}},
        {"limits": "no"},
        {"returns": 1.5},
        {"categories": -1},
        {"foreign_awb_share": 2},
    ],
)
def test_a_bad_knob_is_refused(knobs: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(knobs))):
        SandboxConfig(**knobs)  # type: ignore[arg-type]


def test_filters_are_ignored_or_refused_as_the_knobs_say(shop: Sandbox, ask: Ask) -> None:
    shop.set(ignored_filters=["order.id", "order.type"], default_type=None)
    assert len(ask(shop, "order/read", id=1, itemsPerPage=5).json()["results"]) == 5
    assert int(ask(shop, "order/count", type=2).json()["results"]["noOfItems"]) == 300
    shop.set(refused_filters=["rma.type"])
    refused = ask(shop, "rma/read", type=3).json()
    assert (refused["isError"], refused["messages"]) == (True, ["Unknown filter: type"])
    assert ask(shop, "rma/read").json()["isError"] is False
    with pytest.raises(ValueError, match="filters such as"):
        shop.set(ignored_filters=["type"])


def test_returns_have_a_default_type_of_their_own(open_shop: OpenShop, ask: Ask) -> None:
    shop = open_shop(type2_share=0.5, returns=60)
    kinds = {row["type"] for row in ask(shop, "rma/read").json()["results"]}
    assert {int(kind) for kind in kinds} == {2, 3}
    shop.set(default_return_type=3)
    assert {int(row["type"]) for row in ask(shop, "rma/read").json()["results"]} == {3}
