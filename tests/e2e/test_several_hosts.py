"""Taps on two hosts, each with a `state_dir` of its own, share what Postgres keeps for them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from emag_sandbox.api.budgets import busiest
from tap_emag.api.rate_limiter import BUCKETS
from tests.support.command import Command

if TYPE_CHECKING:
    from pathlib import Path

    from emag_sandbox.postgres.server import Postgres

SHOP = SandboxConfig(orders=1500, offers=40, history_days=30)
ESTIMATES = "products,commissions,smart_deals"  # both REST helpers


@pytest.mark.timing
def test_orders_offers_and_rest_helpers_of_two_hosts_keep_one_users_budget(
    tmp_path: Path, database: Postgres
) -> None:
    read = {"a/orders": "orders", "a/offers": "products", "b/orders": "orders", "b/rest": ESTIMATES}
    with Sandbox(SHOP) as sandbox:
        taps = [
            Command(
                tmp_path / name.replace("/", "-"),
                sandbox,
                streams=streams,
                state_dir=str(tmp_path / name[0]),
                rate_limit_store=database.dsn,
            )
            for name, streams in read.items()
        ]
        ended = [tap.finish() for tap in taps]
        log = list(sandbox.log)
    assert [each.code for each in ended] == [0] * len(read), ended
    assert [each.counts["orders"] for each in ended] == [SHOP.orders, 0, SHOP.orders, 0]
    assert ended[3].counts["commissions"] == ended[3].counts["smart_deals"] == SHOP.offers
    assert [each for each in log if each.status != 200] == []
    asked = Counter(each.resource for each in log)
    assert asked["commission"] == asked["smart-deals-price-check"] == SHOP.offers
    for bucket, limits in BUCKETS.items():
        times = [each.time for each in log if each.bucket == bucket]
        for limit in limits:
            assert busiest(times, limit.seconds) <= limit.requests
        # Together they use it, too.
        assert busiest(times, 10.0) > 0.8 * 0.9 * limits[0].requests * 10.0
