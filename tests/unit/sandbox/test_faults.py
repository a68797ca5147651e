"""Everything that can go wrong on the way, on demand."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from emag_sandbox import Sandbox

    Ask = Callable[..., requests.Response]
    OpenShop = Callable[..., Sandbox]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 502, 503, 504, 520, 599])
def test_a_status_is_played_once(shop: Sandbox, ask: Ask, status: int) -> None:
    shop.set(fail_next=[str(status)])
    assert ask(shop, "order/read").status_code == status
    assert ask(shop, "order/read").status_code == 200
    assert [entry.fault for entry in shop.log] == [str(status), None]


def test_a_resource_or_an_action_can_always_fail(shop: Sandbox, ask: Ask) -> None:
    shop.set(resource_faults={"rma": "403", "order/count": "html403"})
    assert [ask(shop, "rma/read").status_code for _ in range(2)] == [403, 403]
    assert ask(shop, "rma/read").json()["isError"] is True
    assert ask(shop, "order/count").text.startswith("<html>")
    assert ask(shop, "order/read").status_code == 200
    with pytest.raises(ValueError, match="resource_faults maps resources"):
        shop.set(resource_faults={"rma": "boom"})


def test_a_queue_of_faults_is_played_in_turn(shop: Sandbox, ask: Ask) -> None:
    shop.set(fail_next=["500", "ok", "502"])
    assert [ask(shop, "order/read").status_code for _ in range(4)] == [500, 200, 502, 200]


def test_a_bad_gateway_speaks_html(shop: Sandbox, ask: Ask) -> None:
    shop.set(fail_next=["502", "html200"])
    for _ in range(2):
        reply = ask(shop, "order/read")
        assert reply.headers["Content-Type"].startswith("text/html")
        assert reply.text.startswith("<html>")


@pytest.mark.parametrize(
    ("fault", "text"),
    [("empty200", ""), ("no_envelope", '{"results": []}')],
)
def test_a_200_can_be_worthless(shop: Sandbox, ask: Ask, fault: str, text: str) -> None:
    shop.set(fail_next=[fault])
    reply = ask(shop, "order/read")
    assert (reply.status_code, reply.text) == (200, text)


def test_a_business_error_comes_as_a_200(shop: Sandbox, ask: Ask) -> None:
    shop.set(fail_next=["is_error"])
    assert ask(shop, "order/read").json()["isError"] is True


def test_a_connection_is_reset(shop: Sandbox, ask: Ask) -> None:
    shop.set(fail_next=["reset"])
    with pytest.raises(requests.ConnectionError, match=r"reset|aborted"):
        ask(shop, "order/read")
    assert ask(shop, "order/read").ok


def test_a_body_is_cut_short(shop: Sandbox, ask: Ask) -> None:
    shop.set(fail_next=["truncated"])
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        ask(shop, "order/read")


def test_a_reply_drips(shop: Sandbox, ask: Ask) -> None:
    shop.set(fail_next=["drip"], drip_seconds=0.4)
    begun = time.monotonic()
    reply = ask(shop, "order/read")
    assert len(reply.json()["results"]) == 100
    assert time.monotonic() - begun >= 0.38


def test_a_hanging_request_never_answers_and_does_not_block_the_end(shop: Sandbox) -> None:
    shop.set(fail_next=["hang"])
    with pytest.raises(requests.ReadTimeout):
        requests.post(f"{shop.url}/order/read", auth=("demo", "demo"), timeout=0.3)
    shop.set(fail_next=["hang"])
    with pytest.raises(requests.ReadTimeout):
        requests.post(f"{shop.url}/order/read", auth=("demo", "demo"), timeout=0.3)
    begun = time.monotonic()
    shop.stop()
    assert time.monotonic() - begun < 10


def test_a_burst_fails_everything_until_it_is_over(shop: Sandbox, ask: Ask) -> None:
    shop.set(burst=0.3)
    assert ask(shop, "order/read").status_code == 500
    time.sleep(0.35)
    assert ask(shop, "order/read").status_code == 200


def test_shares_of_faults_are_met_and_repeat(open_shop: OpenShop, ask: Ask) -> None:
    def played() -> list[int]:
        shop = open_shop(faults={"500": 0.3, "504": 0.1}, orders=10)
        return [ask(shop, "order/count").status_code for _ in range(120)]

    first = played()
    assert 20 <= first.count(500) <= 52
    assert 3 <= first.count(504) <= 24
    assert first == played()


def test_faulted_requests_count_against_the_budget(open_shop: OpenShop, ask: Ask) -> None:
    shop = open_shop(limits=True, fail_next=["500"] * 3)
    statuses = [ask(shop, "product_offer/read").status_code for _ in range(4)]
    assert statuses == [500] * 3 + [429]


def test_latency_delays_each_reply(shop: Sandbox, ask: Ask) -> None:
    shop.set(latency=0.2)
    begun = time.monotonic()
    ask(shop, "order/count")
    assert 0.2 <= time.monotonic() - begun < 10
    assert shop.log[-1].seconds >= 0.19
