"""Budgets: strict, sliding, in real time, refusals included."""

from __future__ import annotations

import time
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest
import requests

from emag_sandbox.api.budgets import Budget, busiest

if TYPE_CHECKING:
    from collections.abc import Callable

    from emag_sandbox import Sandbox

    OpenShop = Callable[..., Sandbox]


def burst(shop: Sandbox, path: str, count: int) -> list[int]:
    session = requests.Session()
    session.auth = ("demo", "demo")
    body = {"itemsPerPage": 1}
    return [
        session.post(f"{shop.url}/{path}", json=body, timeout=60).status_code for _ in range(count)
    ]


def test_the_13th_order_request_in_a_second_is_one_too_many(open_shop: OpenShop) -> None:
    shop = open_shop(limits=True)
    assert burst(shop, "order/read", 13) == [200] * 12 + [429]
    assert shop.stats()["buckets"]["orders"]["max_per_second"] == 13
    assert shop.stats()["rejected"] == 1


def test_the_4th_other_request_in_a_second_is_one_too_many(open_shop: OpenShop) -> None:
    shop = open_shop(limits=True)
    assert burst(shop, "product_offer/read", 4) == [200] * 3 + [429]
    assert burst(shop, "order/count", 1) == [200]


def test_a_second_later_there_is_room_again(open_shop: OpenShop) -> None:
    shop = open_shop(limits=True)
    assert burst(shop, "product_offer/read", 4)[-1] == 429
    time.sleep(1.05)
    assert burst(shop, "product_offer/read", 3) == [200] * 3


def test_a_429_says_what_the_gateway_says(open_shop: OpenShop) -> None:
    shop = open_shop(limits=True, retry_after=2)
    burst(shop, "product_offer/count", 3)
    url = f"{shop.url}/product_offer/count"
    reply = requests.post(url, auth=("demo", "demo"), timeout=60)
    assert reply.json() == {"message": "API rate limit exceeded"}
    assert reply.headers["Retry-After"] == "2"
    assert reply.headers["X-RateLimit-Remaining-3second"] == "0"


def test_a_pause_can_be_asked_for_as_a_date(open_shop: OpenShop) -> None:
    shop = open_shop(limits=True, retry_after=7, retry_after_date=True)
    burst(shop, "product_offer/count", 3)
    reply = requests.post(f"{shop.url}/product_offer/count", auth=("demo", "demo"), timeout=60)
    begun, until = (parsedate_to_datetime(reply.headers[name]) for name in ("Date", "Retry-After"))
    assert timedelta(seconds=6) <= until - begun <= timedelta(seconds=8)


def test_a_limit_can_be_lower_than_documented(open_shop: OpenShop) -> None:
    shop = open_shop(limits=True, lower_limits={"orders": 4})
    assert burst(shop, "order/read", 6) == [200] * 4 + [429] * 2
    assert burst(shop, "product_offer/count", 1) == [200]
    with pytest.raises(ValueError, match="lower_limits maps buckets"):
        shop.set(lower_limits={"orders": 0})


def test_refused_and_unauthorised_requests_count(open_shop: OpenShop) -> None:
    shop = open_shop(limits=True)
    url = f"{shop.url}/product_offer/read"
    assert [requests.post(url, timeout=60).status_code for _ in range(4)] == [403] * 3 + [429]


def test_a_sliding_second_is_any_second() -> None:
    budget = Budget("other")
    times = [0.9, 0.95, 1.1, 1.2, 2.0, 2.11, 2.25]
    # At 2.0 the seconds behind still hold 1.1 and the refused 1.2.
    assert [budget.spend(now, "sliding") for now in times] == [
        True, True, True, False, True, True, True,
    ]  # fmt: skip


def test_refusals_eat_the_budget_too() -> None:
    budget = Budget("other")
    assert [budget.spend(now / 4, "sliding") for now in range(12)] == [True] * 3 + [False] * 9


def test_a_fixed_second_begins_with_a_whole_number() -> None:
    budget = Budget("other")
    times = [0.8, 0.85, 0.9, 1.0, 1.1, 1.2, 1.3]
    assert [budget.spend(now, "fixed") for now in times] == [True] * 6 + [False]


@pytest.mark.parametrize(("bucket", "minute"), [("orders", 720), ("other", 180)])
def test_who_hammers_is_shut_out_for_a_minute(bucket: str, minute: int) -> None:
    budget = Budget(bucket)
    for _ in range(minute):
        budget.spend(0.0, "sliding")
    assert budget.spend(59.9, "sliding") is False
    assert budget.spend(60.0, "sliding") is True


def test_the_busiest_second_is_found() -> None:
    assert busiest([0.0, 0.5, 0.99, 1.0, 1.4, 3.0], 1.0) == 4
    assert busiest([], 1.0) == 0
