"""Calls over real HTTP: what is sent, what is retried, and what ends a run at once."""

from __future__ import annotations

import os
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.errors import (
    AddressError,
    ContractError,
    CredentialsError,
    ThrottledError,
    TransientError,
    UnreachableError,
)
from tap_emag.settings.settings import Settings
from tests.support.api import QUICK, STATE_DIR, client_for, client_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_emag.errors import (
        EmagError,
    )

PASSING = ["500", "502", "503", "504", "429", "reset", "truncated", "html200", "empty200"]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxConfig(orders=250, offers=30, history_days=20)) as sandbox:
        yield sandbox


def test_a_page_holds_rows_and_the_time_it_was_taken(sandbox: Sandbox) -> None:
    with client_for(sandbox) as client:
        page = client.read("order", 1, {"type": 3})
        assert len(page.rows) == 100
        behind = datetime.now(timezone.utc) - page.taken
        assert timedelta(0) <= behind < timedelta(seconds=3)


def test_filters_are_flat_beside_the_page(sandbox: Sandbox) -> None:
    with client_for(sandbox) as client:
        client.read("order", 2, {"type": 3, "modifiedAfter": "2026-01-01 00:00:00"})
    [request] = sandbox.log
    assert request.body == {
        "type": 3,
        "modifiedAfter": "2026-01-01 00:00:00",
        "currentPage": 2,
        "itemsPerPage": 100,
    }


def test_numbers_arrive_exactly(sandbox: Sandbox) -> None:
    sandbox.config.scalars = "native"
    key = sandbox.world.place_order(shipping_tax=Decimal("123456789012.3457"))
    with client_for(sandbox) as client:
        [row] = client.read("order", 1, {"type": key[0], "id": key[1]}).rows
    assert row["shipping_tax"] == Decimal("123456789012.3457")
    assert isinstance(row["shipping_tax"], Decimal)


def test_counts_arrive_as_numbers(sandbox: Sandbox) -> None:
    with client_for(sandbox) as client:
        counted = client.count("order", {"type": 3})
        assert counted.rows == sum(key[0] == 3 for key in sandbox.world.order_keys())


@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_is_retried_and_the_retry_takes_a_slot(
    sandbox: Sandbox, fault: str
) -> None:
    with client_for(sandbox) as client:
        client.count("order", {})
        sandbox.config.fail_next = [fault, fault]
        assert client.read("order", 1, {"type": 3}).rows
        assert client.sent == 4


def test_a_hang_ends_with_the_request_timeout_and_is_retried(sandbox: Sandbox) -> None:
    with client_for(sandbox, request_timeout_seconds=1) as client:
        sandbox.config.fail_next = ["hang"]
        assert client.read("order", 1, {"type": 3}).rows


@pytest.mark.parametrize("fault", ["500", "reset", "html200", "hang"])
def test_after_the_last_attempt_the_fault_itself_is_raised(sandbox: Sandbox, fault: str) -> None:
    with client_for(sandbox, retry_max_attempts=3, request_timeout_seconds=1) as client:
        sandbox.config.fail_next = [fault] * 20
        with pytest.raises(TransientError) as caught:
            client.read("order", 1, {})
        assert not caught.value.contained
        assert client.sent == 3 + 2  # with two witnesses


def test_a_refusal_for_rate_slows_everybody_down(sandbox: Sandbox) -> None:
    with client_for(sandbox, retry_max_attempts=1) as client:
        client.count("order", {})
        rate = client.rate("order/read")
        sandbox.config.fail_next = ["429"]
        with pytest.raises(ThrottledError, match="rate_limit_share"):
            client.read("order", 1, {})
        assert client.rate("order/read") < rate


def test_refusals_for_rate_are_no_reason_to_give_up_or_to_open_the_breaker(
    sandbox: Sandbox,
) -> None:
    sandbox.set(retry_after=0.1)
    with client_for(sandbox, retry_max_attempts=2, breaker_failure_threshold=2) as client:
        sandbox.config.fail_next = ["429"] * 4
        assert client.read("order", 1, {"type": 3}).rows
    statuses = Counter(request.status for request in sandbox.log)
    assert statuses == {429: 4, 200: 1}


@pytest.mark.parametrize(
    ("knobs", "error", "hint", "cost"),
    [
        ({"password": "other"}, CredentialsError, "password", 3),  # with two witnesses
        ({"allowed_ip": False}, AddressError, r"127\.0\.0\.1", 1),
    ],
)
def test_a_refusal_costs_few_requests_however_many_threads_stand_ready(
    sandbox: Sandbox, knobs: dict[str, object], error: type[EmagError], hint: str, cost: int
) -> None:
    sandbox.set(**knobs)
    with client_for(sandbox) as client, ThreadPoolExecutor(8) as executor:
        futures = [executor.submit(client.read, "order", 1, {}) for _ in range(8)]
        for future in futures:
            with pytest.raises(error, match=hint):
                future.result()
    assert len(list(sandbox.log)) == cost


def test_a_host_that_is_not_there_is_tried_three_times() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/api-3"
    config = {**QUICK, "api_url": url, "state_dir": os.environ[STATE_DIR]}
    client = client_with(Settings.from_config(config, datetime.now(timezone.utc)))
    with pytest.raises(UnreachableError, match="api_url"):
        client.read("order", 1, {})
    assert client.sent == 3
    client.close()


def test_a_route_that_is_not_there_is_not_retried(sandbox: Sandbox) -> None:
    with client_for(sandbox) as client:
        with pytest.raises(ContractError, match=r"404: .*Check `api_url` and `marketplace`"):
            client.read("orders", 1, {})
        assert client.sent == 1
        client.call("vat/read", {})
        with pytest.raises(ContractError, match=r"404: [^.`]*$"):
            client.read("orders", 1, {})


def test_a_refused_request_is_not_retried(sandbox: Sandbox) -> None:
    wide = {"modifiedAfter": "2026-01-01 00:00:00", "modifiedBefore": "2026-03-01 00:00:00"}
    with client_for(sandbox) as client:
        with pytest.raises(ContractError, match="refused the request"):
            client.read("order", 1, wide)
        assert client.sent == 1


def test_connections_are_kept(sandbox: Sandbox) -> None:
    with client_for(sandbox, max_concurrent_requests=2) as client:
        for _ in range(5):
            client.count("order", {})
        pools = client._transport._session.get_adapter(sandbox.url).poolmanager.pools  # type: ignore[attr-defined]
        [pool] = [pools[key] for key in pools.keys()]  # noqa: SIM118 - no iterator
        assert pool.num_connections == 1


@pytest.mark.timing
def test_the_strict_budget_is_kept_and_used(sandbox: Sandbox) -> None:
    with client_for(sandbox) as client, ThreadPoolExecutor(8) as executor:
        list(executor.map(lambda _: client.count("order", {}), range(40)))
        list(executor.map(lambda _: client.count("product_offer", {}), range(7)))
    statuses = Counter(request.status for request in sandbox.log)
    assert statuses == {200: 47}
    sent = [request.time for request in sandbox.log if request.bucket == "orders"]
    assert 39 / 12 < sent[-1] - sent[0] < 39 / 10.8 * 1.25
