"""The breaker: opens after failures in a row, lets one probe through, is remembered."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from tap_emag.api.circuit_breaker import Breaker
from tap_emag.errors import (
    BreakerOpenError,
    ContractError,
    CredentialsError,
    ThrottledError,
    TransientError,
)
from tests.support.stores import everything, rows

if TYPE_CHECKING:
    from tap_emag.state.store import StateStore

DOWN = TransientError("order/read: eMAG answered HTTP 500")
REFUSED = CredentialsError("order/read: eMAG refuses the user or password")


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def breaker(store: StateStore, clock: Clock, caller: str = "demo secret") -> Breaker:
    return Breaker(store, "breaker", caller, threshold=3, recovery=60, clock=clock)


def no_wait(_: float) -> None:
    raise AssertionError("it waits")


def test_it_opens_after_failures_in_a_row_only(store: StateStore, clock: Clock) -> None:
    it = breaker(store, clock)
    for outcome in (DOWN, DOWN, None, DOWN, DOWN):
        it.failed(outcome) if outcome else it.succeeded()
        assert not it.is_open
    it.failed(DOWN)
    assert it.is_open


def test_what_says_nothing_of_the_apis_health_does_not_count(
    store: StateStore, clock: Clock
) -> None:
    it = breaker(store, clock)
    for _ in range(9):
        it.failed(ThrottledError("429"))
        it.failed(ContractError("odd"))
    assert not it.is_open


def test_failures_are_counted_over_runs(store: StateStore, clock: Clock) -> None:
    breaker(store, clock).failed(DOWN)
    breaker(store, clock).failed(DOWN)
    breaker(store, clock).failed(DOWN)
    with pytest.raises(BreakerOpenError, match="HTTP 500"):
        breaker(store, clock).check()


def test_when_the_time_is_over_one_probe_goes_and_the_others_wait(
    store: StateStore, clock: Clock
) -> None:
    it = breaker(store, clock)
    for _ in range(3):
        it.failed(DOWN)
    with pytest.raises(AssertionError, match="it waits"):
        it.enter(no_wait)
    clock.now += 61
    it.check()
    it.enter(no_wait)
    with pytest.raises(AssertionError, match="it waits"):
        it.enter(no_wait)
    it.succeeded()
    it.enter(no_wait)
    assert rows(store, "SELECT * FROM circuit_breakers") == []


def test_a_probe_that_fails_keeps_it_open(store: StateStore, clock: Clock) -> None:
    it = breaker(store, clock)
    for _ in range(3):
        it.failed(DOWN)
    clock.now += 61
    it.enter(no_wait)
    it.failed(DOWN)
    with pytest.raises(BreakerOpenError):
        it.check()


def test_a_probe_that_is_given_up_lets_the_next_one_go(store: StateStore, clock: Clock) -> None:
    it = breaker(store, clock)
    for _ in range(3):
        it.failed(DOWN)
    clock.now += 61
    it.enter(no_wait)
    it.abandoned()
    it.enter(no_wait)


def test_a_refusal_opens_it_for_longer_each_time(store: StateStore, clock: Clock) -> None:
    for wait in (60, 120, 240, 480, 960, 1920, 3600, 3600):
        it = breaker(store, clock)
        it.failed(REFUSED)
        with pytest.raises(BreakerOpenError, match="password"):
            it.check()
        clock.now += wait - 1
        with pytest.raises(BreakerOpenError):
            it.check()
        clock.now += 2
        it.check()


def test_changed_settings_close_it(store: StateStore, clock: Clock) -> None:
    breaker(store, clock).failed(REFUSED)
    breaker(store, clock, caller="demo other").check()
    with pytest.raises(BreakerOpenError):
        breaker(store, clock).check()


def test_the_first_call_that_goes_well_closes_what_another_caller_has_left(
    store: StateStore, clock: Clock
) -> None:
    breaker(store, clock, caller="demo wrong").failed(REFUSED)
    right = breaker(store, clock)
    right.check()
    right.succeeded()
    assert rows(store, "SELECT * FROM circuit_breakers") == []


def test_it_holds_no_secret(store: StateStore, clock: Clock) -> None:
    breaker(store, clock).failed(REFUSED)
    assert len(rows(store, "SELECT * FROM circuit_breakers")) == 1
    assert b"secret" not in everything(store.folder)
    assert b"demo" not in everything(store.folder)


def test_a_damaged_file_counts_as_closed(store: StateStore, clock: Clock) -> None:
    breaker(store, clock).failed(REFUSED)
    store.close()
    store.path.write_bytes(b"\0" * 5000)
    breaker(store, clock).check()


def test_a_clock_that_went_back_does_not_keep_it_open(store: StateStore, clock: Clock) -> None:
    it = breaker(store, clock)
    for _ in range(3):
        it.failed(DOWN)
    clock.now -= 10**6
    breaker(store, clock).check()


@pytest.mark.timing
def test_of_many_threads_one_probes(store: StateStore) -> None:
    it = Breaker(store, "breaker", "demo", threshold=1, recovery=1)
    it.failed(DOWN)
    went: list[float] = []

    def call() -> None:
        it.enter(time.sleep)
        went.append(time.monotonic())
        time.sleep(0.3)
        it.succeeded()

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(went)[1] - min(went) >= 0.29
