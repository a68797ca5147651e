"""Slots: the booked rate is used, and no server that counts strictly sees one request too many."""

from __future__ import annotations

import heapq
import threading
import time
from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_emag.api.rate_limiter import (
    BUCKETS,
    EASED,
    LONGEST_PUSH_BACK,
    MISSED,
    MOST_BOOKED,
    PUSH_BACK,
    ROOM,
    SHORT_PAUSE,
    SLOWER,
    Budget,
    Limiter,
    bucket_of,
)
from tests.support.rate_limits import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

shares = st.sampled_from([0.25, 0.5, 0.9, 1.0])
buckets = st.sampled_from(sorted(BUCKETS))


def sent_by_threads(budget: Budget, lateness: list[float], threads: int) -> list[float]:
    """Play threads that take slots as the limiter lets them, each waking up late by turns."""
    late = iter(lateness)
    awake = [(0.0, number) for number in range(threads)]
    heapq.heapify(awake)
    booked: dict[int, float] = {}
    sent: list[float] = []
    moves = 0
    while len(sent) < len(lateness) // 4:
        moves += 1
        assert moves < 20 * len(lateness), "nobody may leave any more"
        now, thread = heapq.heappop(awake)
        if thread not in booked:
            booked[thread] = budget.reserve(now)
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


@settings(max_examples=50)
@given(buckets, shares, st.lists(st.floats(0, 0.6), min_size=400, max_size=800))
def test_requests_may_draw_nearer_on_their_way_by_most_of_what_the_share_leaves_free(
    bucket: str, share: float, lateness: list[float]
) -> None:
    sent = sent_by_threads(Budget(BUCKETS[bucket], share), lateness, 12)
    for limit in BUCKETS[bucket]:
        nearer = ROOM * (1 / share - 1)
        for early, late in zip(sent, sent[limit.requests :], strict=False):
            assert late - nearer - early >= limit.seconds - 1e-9


@given(buckets, shares, st.floats(0, 10**6))
def test_after_a_pause_only_the_slots_that_were_missed_by_a_moment_are_used(
    bucket: str, share: float, now: float
) -> None:
    budget = Budget(BUCKETS[bucket], share)
    slots = [budget.reserve(now) for _ in range(8)]
    assert slots[0] == now - MISSED
    for early, late in pairwise(slots):
        assert late - early == pytest.approx(1 / budget.rate, abs=1e-6)


def test_as_many_departures_are_remembered_as_the_longest_limit_looks_back_to() -> None:
    for limits in BUCKETS.values():
        budget = Budget(limits, 1.0)
        for second in range(1000):
            budget.leave(second)
        assert list(budget.left) == list(range(1000 - limits[1].requests, 1000))


@pytest.mark.parametrize(("bucket", "requests"), [("orders", 720), ("other", 180)])
def test_the_limit_a_minute_holds_where_the_limit_a_second_would_not(
    bucket: str, requests: int
) -> None:
    budget = Budget(BUCKETS[bucket], 1.0)
    for number in range(requests):
        budget.leave(45 * number / requests)
    assert budget.delay(50) == 10
    assert budget.delay(60) == 0


@given(st.floats(0, 10**6), st.none() | st.floats(0, 10**4))
def test_after_a_refusal_nobody_sends_for_as_long_as_was_asked_but_two_minutes_at_most(
    now: float, wait: float | None
) -> None:
    budget = Budget(BUCKETS["orders"], 1.0)
    full = budget.rate
    budget.refuse(now, wait, now)
    assert budget.rate == full * EASED
    pause = SHORT_PAUSE / budget.rate if wait is None else min(wait, 120)
    assert budget.delay(now) == pytest.approx(pause, abs=1e-6)
    assert budget.delay(now + pause + 1) == 0
    assert budget.reserve(now) == pytest.approx(now + pause, abs=1e-6)


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    budget = Budget(BUCKETS["orders"], 1.0)
    budget.refuse(100, 30, 100)
    budget.refuse(100, 1, 99)
    assert budget.delay(100) == 30
    assert budget.reserve(100) == 130


def test_what_a_clock_that_was_ahead_has_written_is_forgotten_and_nothing_else() -> None:
    now = 1000.0
    ours = Budget(BUCKETS["orders"], 1.0, 1.0, now + MOST_BOOKED, now + LONGEST_PUSH_BACK)
    ours.left.extend([now, now + PUSH_BACK])
    assert ours.delay(now) == LONGEST_PUSH_BACK
    assert ours.reserve(now) == now + MOST_BOOKED
    assert list(ours.left) == [now, now + PUSH_BACK]
    ahead = Budget(BUCKETS["orders"], 1.0, 1.0, now + 600.1, now + 120.1)
    ahead.left.extend([now, now + 1.1, now + 1.2])
    assert ahead.delay(now) == 0
    assert ahead.reserve(now) == now
    assert list(ahead.left) == [now]


def test_refusals_of_requests_that_left_before_a_pause_slow_down_once() -> None:
    budget = Budget(BUCKETS["orders"], 1.0)
    for late in range(8):
        budget.refuse(100 + late, None, 99)
    assert budget.rate == pytest.approx(12 * EASED)
    assert budget.held_until < 100.6


def test_a_further_refusal_soon_after_slows_down_strongly() -> None:
    budget = Budget(BUCKETS["orders"], 1.0)
    budget.refuse(100, None, 100)
    budget.refuse(101.5, None, 101.4)
    assert budget.rate == pytest.approx(12 * EASED * SLOWER)
    assert budget.delay(101.5) == PUSH_BACK
    budget.refuse(103, None, 103)
    assert budget.rate == pytest.approx(12 * EASED * SLOWER**2)


def test_a_later_refusal_is_a_single_one_again() -> None:
    budget = Budget(BUCKETS["orders"], 1.0)
    budget.refuse(100, None, 100)
    budget.refuse(200, None, 200)
    assert budget.rate == pytest.approx(12 * EASED**2)


def test_the_rate_returns_quickly_to_just_below_what_was_refused_and_then_slowly() -> None:
    budget, now = Budget(BUCKETS["orders"], 1.0), 100.0
    while now < 160:
        now = budget.reserve(now)
        budget.leave(now)
    for _ in range(3):  # such as a burst of another program
        budget.refuse(now, None, now)
        now = budget.held_until
    assert budget.pace == pytest.approx(EASED * SLOWER**2)
    quick = [budget.reserve(budget.next_slot) for _ in range(60)]
    assert EASED * 0.85 < budget.pace < EASED
    slow = [budget.reserve(budget.next_slot) for _ in range(1800)]
    assert quick[-1] - quick[0] < 10 < slow[-1] - slow[0]
    assert 0.95 < budget.pace <= 1


def test_without_refusals_the_rate_gains_two_per_cent_in_a_minute_and_nine_in_two() -> None:
    budget = Budget(BUCKETS["orders"], 0.9)
    for now in (100, 200, 300, 400):
        budget.refuse(now, None, now)
    begun = budget.pace
    gains = []
    for minute in (1, 2):
        while budget.reserve(budget.next_slot) < 400 + 60 * minute:
            pass
        gains.append(100 * (budget.pace / begun - 1))
    assert gains == pytest.approx([2, 9], abs=0.5)


@settings(max_examples=50)
@given(st.lists(st.none() | st.floats(0, 30), max_size=60))
def test_refusals_slow_down_within_bounds_and_the_rate_comes_back(
    refusals: list[float | None],
) -> None:
    budget = Budget(BUCKETS["orders"], 0.9)
    full, now = budget.rate, 100.0
    for wait in refusals:
        now = max(now, budget.held_until)
        budget.refuse(now, wait, now)
        assert budget.next_slot >= now + (SHORT_PAUSE / full if wait is None else wait)
        assert 0.22 * 0.999 <= budget.rate <= full
    assert len(refusals) < 20 or budget.rate == pytest.approx(0.22)
    for _ in range(5000):
        now = budget.reserve(now)
    assert budget.rate == full


class PlayedClock:
    """A clock that stands still but for those who sleep by it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sleeps = 0

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        assert self.sleeps < 1000, "the wait never ends"
        self.now += seconds


@pytest.fixture
def clock() -> PlayedClock:
    return PlayedClock()


@pytest.fixture
def limiter_of(clock: PlayedClock) -> Callable[[float], Limiter]:
    return lambda share: Limiter(MemoryStore(share, clock.read), sleep=clock.sleep)


@pytest.mark.parametrize(("bucket", "requests"), [("orders", 12), ("other", 3)])
def test_who_takes_slots_one_after_the_other_is_held_to_the_limit(
    clock: PlayedClock, limiter_of: Callable[[float], Limiter], bucket: str, requests: int
) -> None:
    limiter = limiter_of(1.0)
    left = []
    for _ in range(5 * requests):
        assert 0 <= limiter.take(bucket) < 10  # in real seconds, of which none was slept
        left.append(clock.now)
    gaps = [late - early for early, late in zip(left, left[requests:], strict=False)]
    assert min(gaps) >= 1 - 1e-9
    assert left[-1] - left[0] == pytest.approx(5 - 1 / requests - MISSED, abs=0.3)


def test_each_bucket_books_its_share(limiter_of: Callable[[float], Limiter]) -> None:
    limiter = limiter_of(0.5)
    assert limiter.rate("orders") == 6
    assert limiter.rate("other") == 1.5


def test_a_refusal_holds_up_its_bucket_alone_and_is_told(
    clock: PlayedClock, limiter_of: Callable[[float], Limiter], caplog: pytest.LogCaptureFixture
) -> None:
    limiter = limiter_of(1.0)
    limiter.refused("orders", 7, 0.1)
    assert caplog.messages == ["requests for orders slow down to 11.5 per second for a while"]
    limiter.take("other")
    assert clock.now == 1000
    limiter.take("orders")
    assert clock.now == 1007


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
    assert bucket_of("order/volumetry/read") == bucket_of("order") == "orders"
    assert bucket_of("product_offer/read") == bucket_of("rma/read") == "other"
