"""How a run ends: by itself, at its deadline, in a stall, by a signal; and from outside."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tap_emag.errors import DeadlineError, EmagError, InterruptedSyncError, StallError
from tap_emag.watchdog import GRACE, Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable


def ends_with(watchdog: Watchdog, within: float) -> EmagError:
    begun = time.monotonic()
    with pytest.raises(EmagError) as caught:
        watchdog.pause(60)
    assert time.monotonic() - begun < within
    watchdog.stop()
    return caught.value


def test_a_run_within_its_limits_is_left_alone() -> None:
    watchdog = Watchdog(30, 30)
    watchdog.start()
    watchdog.pause(0.3)
    watchdog.check()
    watchdog.stop()
    assert not watchdog.ending


def test_the_deadline_ends_every_pause_and_tells_how_far_it_came() -> None:
    watchdog = Watchdog(sync_timeout=0.3)
    watchdog.start()
    watchdog.update_progress("orders of type 3", "read up to 2026-01-01 00:00:00 UTC (40 %)")
    error = ends_with(watchdog, 1)
    assert isinstance(error, DeadlineError)
    assert error.exit_code == 4
    assert "40 %" in str(error)
    assert "sync_timeout_seconds" in str(error)


def test_a_stall_ends_it_but_signs_of_life_put_that_off() -> None:
    watchdog = Watchdog(stall_timeout=0.6)
    watchdog.start()
    for _ in range(5):
        watchdog.pause(0.3)
        watchdog.heartbeat()
    error = ends_with(watchdog, 1.5)
    assert isinstance(error, StallError)
    assert error.exit_code == 4


def test_it_shows_movement_while_there_is_activity_and_not_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tap_emag.watchdog.SHOW_EVERY", 0.3)
    shown: list[float] = []
    watchdog = Watchdog(show_movement=lambda: shown.append(time.monotonic()))
    watchdog.start()
    for _ in range(10):
        watchdog.pause(0.1)
        watchdog.heartbeat()
    latest = time.monotonic()
    watchdog.pause(1)
    watchdog.stop()
    assert 2 <= len(shown) <= 5
    assert shown[-1] <= latest + 0.3


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_the_shells_code(signum: int) -> None:
    watchdog = Watchdog()
    watchdog.start()
    threading.Timer(0.2, watchdog.signal, [signum]).start()
    error = ends_with(watchdog, 1)
    assert isinstance(error, InterruptedSyncError)
    assert error.exit_code == 128 + signum


def test_the_first_reason_counts() -> None:
    watchdog = Watchdog()
    watchdog.end(DeadlineError("first"))
    watchdog.end(StallError("second"))
    with pytest.raises(DeadlineError, match="first"):
        watchdog.check()


def killed(act: Callable[[Watchdog], None], within: float) -> int:
    codes: list[int] = []
    done = threading.Event()

    def kill(code: int) -> None:
        codes.append(code)
        done.set()

    watchdog = Watchdog(sync_timeout=0.2, kill=kill)
    watchdog.start()
    act(watchdog)
    assert done.wait(within)
    watchdog.stop()
    return codes[0]


def test_a_run_that_does_not_heed_the_call_is_ended_from_outside() -> None:
    begun = time.monotonic()
    assert killed(lambda _: None, GRACE + 2) == 4
    assert time.monotonic() - begun >= GRACE


def test_a_second_signal_ends_it_at_once() -> None:
    def twice(watchdog: Watchdog) -> None:
        watchdog.signal(signal.SIGINT)
        watchdog.signal(signal.SIGINT)

    assert killed(twice, 1) == 130
