"""The breaker: opens after failures in a row, lets one probe through, is remembered."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from tap_emag.breaker import Breaker
from tap_emag.errors import (
    BreakerOpenError,
    ContractError,
    CredentialsError,
    ThrottledError,
    TransientError,
)

if TYPE_CHECKING:
    from pathlib import Path

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


def breaker(folder: Path, clock: Clock, caller: str = "demo secret") -> Breaker:
    return Breaker(folder / "breaker", caller, threshold=3, recovery=60, clock=clock)


def no_wait(_: float) -> None:
    raise AssertionError("it waits")


def test_it_opens_after_failures_in_a_row_only(tmp_path: Path, clock: Clock) -> None:
    it = breaker(tmp_path, clock)
    for outcome in (DOWN, DOWN, None, DOWN, DOWN):
        it.failed(outcome) if outcome else it.succeeded()
        assert not it.is_open
    it.failed(DOWN)
    assert it.is_open


def test_what_says_nothing_of_the_apis_health_does_not_count(tmp_path: Path, clock: Clock) -> None:
    it = breaker(tmp_path, clock)
    for _ in range(9):
        it.failed(ThrottledError("429"))
        it.failed(ContractError("odd"))
    assert not it.is_open


def test_failures_are_counted_over_runs(tmp_path: Path, clock: Clock) -> None:
    breaker(tmp_path, clock).failed(DOWN)
    breaker(tmp_path, clock).failed(DOWN)
    breaker(tmp_path, clock).failed(DOWN)
    with pytest.raises(BreakerOpenError, match="HTTP 500"):
        breaker(tmp_path, clock).check()


def test_when_the_time_is_over_one_probe_goes_and_the_others_wait(
    tmp_path: Path, clock: Clock
) -> None:
    it = breaker(tmp_path, clock)
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
    assert list(tmp_path.iterdir()) == []


def test_a_probe_that_fails_keeps_it_open(tmp_path: Path, clock: Clock) -> None:
    it = breaker(tmp_path, clock)
    for _ in range(3):
        it.failed(DOWN)
    clock.now += 61
    it.enter(no_wait)
    it.failed(DOWN)
    with pytest.raises(BreakerOpenError):
        it.check()


def test_a_probe_that_is_given_up_lets_the_next_one_go(tmp_path: Path, clock: Clock) -> None:
    it = breaker(tmp_path, clock)
    for _ in range(3):
        it.failed(DOWN)
    clock.now += 61
    it.enter(no_wait)
    it.abandoned()
    it.enter(no_wait)


def test_a_refusal_opens_it_for_longer_each_time(tmp_path: Path, clock: Clock) -> None:
    for wait in (60, 120, 240, 480, 960, 1920, 3600, 3600):
        it = breaker(tmp_path, clock)
        it.failed(REFUSED)
        with pytest.raises(BreakerOpenError, match="password"):
            it.check()
        clock.now += wait - 1
        with pytest.raises(BreakerOpenError):
            it.check()
        clock.now += 2
        it.check()


def test_changed_settings_close_it(tmp_path: Path, clock: Clock) -> None:
    breaker(tmp_path, clock).failed(REFUSED)
    breaker(tmp_path, clock, caller="demo other").check()
    with pytest.raises(BreakerOpenError):
        breaker(tmp_path, clock).check()


def test_its_file_is_private_and_holds_no_secret(tmp_path: Path, clock: Clock) -> None:
    breaker(tmp_path, clock).failed(REFUSED)
    [file] = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "secret" not in file.read_text()
    assert "demo" not in file.read_text()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"failures": "x"}', '{"opened": 1, "salt": "zz"}', '{"new": 1}', "\0"]
)
def test_a_damaged_file_counts_as_closed(tmp_path: Path, clock: Clock, text: str) -> None:
    (tmp_path / "breaker").write_text(text)
    breaker(tmp_path, clock).check()


def test_a_clock_that_went_back_does_not_keep_it_open(tmp_path: Path, clock: Clock) -> None:
    it = breaker(tmp_path, clock)
    for _ in range(3):
        it.failed(DOWN)
    clock.now -= 10**6
    breaker(tmp_path, clock).check()


@pytest.mark.timing
def test_of_many_threads_one_probes(tmp_path: Path) -> None:
    it = Breaker(tmp_path / "breaker", "demo", threshold=1, recovery=1)
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
