"""A resource that fails for ever costs its own stream; an API that is down is waited for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from tap_emag.api import rate_limiter as limits
from tap_emag.errors import FailingResourceError, TransientError
from tests.support.api import client_for
from tests.support.pipeline import Pipeline, shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emag_sandbox import Sandbox
    from tests.stateful.runs import Run

STREAMS = "orders,products,returns,vat_rates,addresses,handling_times"
FAILING = {
    "orders": "order/read",
    "products": "product_offer/read",
    "returns": "rma/read",
    "vat_rates": "vat",
    "addresses": "addresses",
    "handling_times": "handling_time",
}
QUICK: dict[str, Any] = {"retry_max_attempts": 3, "breaker_failure_threshold": 3}
SINCE = datetime.now(timezone.utc) - timedelta(days=3)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with shop(orders=20, offers=12, returns=4, history_days=2) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def no_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    for bucket in limits.BUCKETS:
        monkeypatch.setitem(limits.BUCKETS, bucket, (limits.Limit(1000, 1.0),))


def read(folder: Path, sandbox: Sandbox, faults: dict[str, str]) -> tuple[Run, set[str]]:
    """Run the tap; return how it went, and which streams have no row."""
    sandbox.set(resource_faults=faults)
    pipeline = Pipeline(folder, sandbox, STREAMS, SINCE)
    ended = pipeline.run(**QUICK)
    return ended, {name for name in STREAMS.split(",") if not pipeline.rows(name)}


@pytest.mark.parametrize("stream", FAILING)
def test_a_resource_that_fails_for_ever_fails_its_own_stream_at_once(
    tmp_path: Path, sandbox: Sandbox, stream: str
) -> None:
    ended, missing = read(tmp_path, sandbox, {FAILING[stream]: "500"})
    assert (ended.code, missing) == (1, {stream}), ended.log
    assert f"{stream} was not read completely, the other streams go on" in ended.log
    assert "HTTP 500; eMAG answers other resources well" in str(ended.error)
    assert "no requests for" not in ended.log
    assert not list(tmp_path.glob("*breaker"))


@pytest.mark.parametrize("fault", ["reset", "html200", "html403", "truncated"])
def test_so_it_is_with_two_resources_and_any_failure_that_may_pass(
    tmp_path: Path, sandbox: Sandbox, fault: str
) -> None:
    ended, missing = read(tmp_path, sandbox, dict.fromkeys(("rma", "vat"), fault))
    assert (ended.code, missing) == (1, {"returns", "vat_rates"}), ended.log
    assert "no requests for" not in ended.log


def test_a_resource_that_is_judged_is_not_tried_again_and_again(sandbox: Sandbox) -> None:
    with client_for(sandbox, retry_max_attempts=3) as client, ThreadPoolExecutor(4) as executor:
        client.call("vat/read", {})
        sandbox.set(resource_faults={"rma": "500"})
        for _ in range(3):
            for future in [executor.submit(client.read, "rma", 1, {}) for _ in range(4)]:
                with pytest.raises(FailingResourceError, match="rma/read"):
                    future.result()
        asked = [request.resource for request in sandbox.log]
        assert asked.count("rma") <= (3 + 1) * 4 + 2 * 4
        assert asked.count("vat") <= 1 + 4
        sandbox.set(resource_faults={}, fail_next=["ok", "500"])
        assert [client.read("rma", 1, {}).rows for _ in range(2)]


def test_an_api_that_is_down_opens_the_breaker_and_costs_few_requests(sandbox: Sandbox) -> None:
    quick: dict[str, Any] = {"breaker_recovery_seconds": 1, **QUICK}
    with client_for(sandbox, **quick) as client, ThreadPoolExecutor(4) as executor:
        client.call("vat/read", {})
        sandbox.log.clear()
        sandbox.set(burst=1.5)
        waiting = [executor.submit(client.read, "order", 1, {"type": 3}) for _ in range(4)]
        assert all(future.result().rows for future in waiting)
        statuses = [request.status for request in sandbox.log]
        # Four at once, then a probe each second; two witnesses are asked whenever it opens.
        assert statuses.count(500) <= 4 + 2 + 2 * (1 + 2)
        assert not client._breaker.is_open


def test_a_probe_of_a_resource_that_fails_does_not_keep_the_breaker_open(sandbox: Sandbox) -> None:
    quick: dict[str, Any] = {"breaker_recovery_seconds": 1, **QUICK}
    with client_for(sandbox, **quick) as client:
        client.call("vat/read", {})
        sandbox.set(burst=0.5, resource_faults={"rma": "500"})
        with pytest.raises(FailingResourceError, match="rma/read"):
            client.read("rma", 1, {})
        assert client.read("order", 1, {"type": 3}).rows


def test_an_api_that_recovers_at_the_last_attempt_is_asked_once_more(sandbox: Sandbox) -> None:
    with client_for(sandbox, **QUICK) as client:
        client.call("vat/read", {})
        sandbox.set(fail_next=["500"] * 3)
        assert client.read("rma", 1, {}).rows


def test_a_run_that_begins_while_the_api_is_down_ends_as_before(sandbox: Sandbox) -> None:
    with client_for(sandbox) as client:
        sandbox.set(burst=60)
        with pytest.raises(TransientError) as caught:
            client.read("rma", 1, {})
        assert not caught.value.contained
        assert client.sent == 3 + 2  # with the witnesses
