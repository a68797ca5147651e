"""Fast enough to be started at will and never to be what a reader waits for."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from emag_sandbox import Sandbox

pytestmark = pytest.mark.timing
PATIENCE = 8  # how much slower than the goal a slow machine may be: still 12 pages per second
START_GOAL = 10.0
PAGE_GOAL = 0.010


def test_a_large_shop_opens_and_answers_quickly(open_shop: Callable[..., Sandbox]) -> None:
    begun = time.perf_counter()
    shop = open_shop(orders=100_000, offers=50_000)
    assert time.perf_counter() - begun < START_GOAL * PATIENCE
    session = requests.Session()
    session.auth = ("demo", "demo")
    for resource in ("order", "product_offer"):
        shop.log.clear()
        for page in range(1, 41):
            body = {"currentPage": page * 10}
            reply = session.post(f"{shop.url}/{resource}/read", json=body, timeout=60)
            assert len(reply.json()["results"]) == 100
        median = statistics.median(entry.seconds for entry in shop.log)
        assert median < PAGE_GOAL * PATIENCE
