"""A run that breaks off, for whatever reason, costs nothing but the next run."""

from __future__ import annotations

import random
import signal
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import psutil
import pytest

from emag_sandbox import Sandbox, SandboxConfig
from emag_sandbox.demo.pipeline import stop
from tests.e2e.acceptance.comparison import differences, stored
from tests.e2e.acceptance.truth import Truth

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.e2e.acceptance.conftest import Place

pytestmark = pytest.mark.meltano

NOW = datetime(2025, 11, 10, 12, 0, tzinfo=timezone.utc)
KILLS = 2
KINDS = ("500", "502", "reset", "truncated", "html200")
FAULTS = dict.fromkeys(KINDS, 1 / 35)  # one request in seven
PATIENCE = 60.0
VERSION = ("id", "change", "sale_price", "general_stock", "estimated_stock", "status")


def open_shop() -> Sandbox:
    return Sandbox(SandboxConfig(orders=500, offers=250, history_days=60, clock=NOW))


def test_a_tap_that_is_killed_at_any_moment_costs_nothing(new_place: Callable[[], Place]) -> None:
    place, chance = new_place(), random.Random()
    with open_shop() as shop:
        # So slow that there is something left to be done after each kill.
        shop.set(latency=0.5)
        project = place.project(shop, max_concurrent_requests=2)
        for _ in range(KILLS):
            moment = chance.uniform(0.1, 2.0)
            print(f"killed {moment:.3f} s after its first request")  # noqa: T201 - if it fails
            process = project.start("tap-emag", "target-postgres")
            _kill(process, _after(shop, moment))
            assert process.returncode != 0
            assert project.last_run() == "FAIL"
        shop.set(latency=0.0)
        place.load(shop)
        truth = Truth.of(shop.world)
    assert differences(place.database, truth) == []


def test_a_tap_that_is_killed_among_offers_tells_some_versions_again_at_worst(
    new_place: Callable[[], Place],
) -> None:
    place = new_place()
    with open_shop() as shop:
        shop.set(latency=0.2)
        project = place.project(shop, max_concurrent_requests=1, _select=["product*.*"])

        def third_page() -> bool:
            return any(r.body.get("currentPage") == 3 and r.rows for r in shop.log)

        _kill(project.start("tap-emag", "target-postgres"), third_page)
        shop.set(latency=0.0)
        place.load(shop, _select=["product*.*"])
        truth = Truth.of(shop.world)
    assert differences(place.database, truth, ["products"]) == []
    # Nobody knows which offers had reached the target, so all are written again: to `products`
    # with no effect, to `product_history` as a version that is there already.
    history = [
        {name: value for name, value in row.items() if name in VERSION}
        for row in stored(place.database, "product_history")
    ]
    versions = {tuple(row.values()) for row in history}
    assert len(versions) == len(truth.tables["products"])
    assert {row["change"] for row in history} == {"created"}


def test_an_api_that_fails_now_and_then_is_read_whole_all_the_same(
    new_place: Callable[[], Place],
) -> None:
    place = new_place()
    with open_shop() as shop:
        each_once = [word for kind in KINDS for word in ("ok", kind)]
        shop.set(faults=FAULTS, fail_next=each_once)
        place.load(shop, retry_max_attempts=8)
        truth = Truth.of(shop.world)
        sent = set(shop.stats()["faults"])
    assert sent == set(KINDS)
    assert differences(place.database, truth) == []


def test_a_run_that_gives_up_costs_nothing(new_place: Callable[[], Place]) -> None:
    place = new_place()
    with open_shop() as shop:
        # From somewhere in the middle on, everything fails.
        shop.set(fail_next=[*["ok"] * 24, *["502"] * 1000])
        project = place.project(shop, retry_max_attempts=2, sync_timeout_seconds=6)
        result = project.run("tap-emag", "target-postgres", check=False)
        assert result.returncode != 0
        assert project.last_run() == "FAIL"
        assert "Traceback" not in result.output
        shop.set(fail_next=[], faults=FAULTS)
        project.run("tap-emag", "target-postgres", check=False)
        shop.set(faults={})
        place.load(shop)
        truth = Truth.of(shop.world)
    assert differences(place.database, truth) == []


def _after(shop: Sandbox, seconds: float) -> Callable[[], bool]:
    """Tell when so many seconds have passed since the next request."""
    before = len(shop.log)

    def passed() -> bool:
        return len(shop.log) > before and time.monotonic() >= shop.log[before].time + seconds

    return passed


def _kill(meltano: subprocess.Popen[bytes], now: Callable[[], bool]) -> None:
    """Kill a pipeline's tap, at a given moment and for good; wait until Meltano has noticed."""
    try:
        deadline = time.monotonic() + PATIENCE
        while not now():
            assert meltano.poll() is None, "the run was over before its tap could be killed"
            assert time.monotonic() < deadline, "it did not come about"
            time.sleep(0.01)
        taps = [
            child
            for child in psutil.Process(meltano.pid).children(recursive=True)
            if any(word.endswith("/tap-emag") for word in child.cmdline())
        ]
        assert len(taps) == 1
        taps[0].send_signal(signal.SIGKILL)
        meltano.wait(PATIENCE)
    finally:
        stop(meltano)
