"""Slots: the booked rate is used, and no server that counts strictly sees one request too many."""

from __future__ import annotations

import heapq
import threading
import time
from bisect import bisect_left
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_emag.budgets import MemoryStore
from tap_emag.limits import BUCKETS, Budget, Limiter, bucket_of

shares = st.sampled_from([0.25, 0.5, 0.9, 1.0])
buckets = st.sampled_from(sorted(BUCKETS))


def sent_by_threads(budget: Budget, lateness: list[float], threads: int) -> list[float]:
    """Play threads that take slots as the limiter lets them, each waking up late by turns."""
    late = iter(lateness)
    awake = [(0.0, number) for number in range(threads)]
    heapq.heapify(awake)
    booked: dict[int, float] = {}
    sent: list[float] = []
    while len(sent) < len(lateness) // 4:
        now, thread = heapq.heappop(awake)
        if thread not in booked:
            booked[thread] = budget.book(now)
            heapq.heappush(awake, (max(now, booked[thread]) + next(late, 0.0), thread))
            continue
        delay = budget.delay(now)
        if delay > 0:
            heapq.heappush(awake, (now + delay + next(late, 0.0), thread))
            continue
        budget.leave(now)
        sent.append(now)
        del booked[thread]
        heapq.heappush(awake, (now + 0.5, thread))
    return sorted(sent)


@settings(max_examples=50)
@given(buckets, shares, st.lists(st.floats(0, 0.6), min_size=400, max_size=1200))
def test_however_late_threads_wake_no_window_holds_more_than_the_limit(
    bucket: str, share: float, lateness: list[float]
) -> None:
    sent = sent_by_threads(Budget(BUCKETS[bucket], share), lateness, 12)
    for limit in BUCKETS[bucket]:
        for index, begun in enumerate(sent):
            within = bisect_left(sent, begun + limit.seconds - 1e-9) - index
            assert within <= limit.requests


@given(buckets, shares)
def test_threads_that_wake_in_time_use_the_whole_booked_rate(bucket: str, share: float) -> None:
    budget = Budget(BUCKETS[bucket], share)
    sent = sent_by_threads(budget, [0.0] * 1200, 12)
    rate = (len(sent) - 1) / (sent[-1] - sent[0])
    assert rate == pytest.approx(budget.rate, rel=0.02)


@given(st.lists(st.none() | st.floats(0, 30), max_size=60))
def test_refusals_slow_down_within_bounds_and_the_rate_comes_back(
    refusals: list[float | None],
) -> None:
    budget = Budget(BUCKETS["orders"], 0.9)
    full, now = budget.rate, 100.0
    for wait in refusals:
        budget.refuse(now, wait)
        assert budget.next_slot >= now + (1.0 if wait is None else wait)
        assert 0.1 * full * 0.999 <= budget.rate <= full
    for _ in range(400):
        now = budget.book(now)
    assert budget.rate == full


@pytest.mark.timing
def test_real_threads_keep_the_real_clock() -> None:
    limiter = Limiter(MemoryStore(1.0))
    sent: list[float] = []

    def send() -> None:
        for _ in range(4):
            limiter.take("orders")
            sent.append(time.monotonic())

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent.sort()
    gaps = [late - early for early, late in zip(sent, sent[12:], strict=False)]
    assert min(gaps) > 0.95  # noted a moment after the slot was taken
    assert sent[-1] - sent[0] < 3.2
    assert len(list(pairwise(sent))) == 31


def test_orders_and_all_the_rest_have_a_budget_each() -> None:
    assert bucket_of("order/read") == bucket_of("order/count") == "orders"
    assert bucket_of("product_offer/read") == bucket_of("rma/read") == "other"
