"""With the real budgets no request is one too many, however runs follow, overlap and break off.

What is promised is when requests leave. How long they are on their way is the network's affair, and
that of a busy machine: so a refusal is none of the tap's doing, unless it left too early.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from emag_sandbox.api.budgets import busiest
from tap_emag.api.rate_limit_local import LocalStore
from tap_emag.api.rate_limiter import BUCKETS
from tap_emag.settings.settings import Settings
from tap_emag.state.store import StateStore
from tests.stateful import runs
from tests.stateful.runs import Ending
from tests.support.api import config_for
from tests.support.command import Command

if TYPE_CHECKING:
    from pathlib import Path

    from tap_emag.api.rate_limiter import Limit

pytestmark = pytest.mark.timing

SHARE = 0.8
APART = 1 + (1 / SHARE - 1) / 2  # half of what the share leaves free is for the way, at least
LONG = bool(os.environ.get("TAP_EMAG_LONG"))
ROUNDS = 10 if LONG else 1
ENDINGS = (Ending("signal", 40), Ending("target gone", 90), Ending("by itself", 0))
FAULTS = dict.fromkeys(("500", "reset", "429", "html200"), 0.02)


class Departures:
    """When requests left, by bucket, as the file says that all processes share.

    The file keeps those of about a minute: look at it more often than that.
    """

    def __init__(self, store: LocalStore) -> None:
        self._store = store
        self._times: dict[str, set[float]] = {bucket: set() for bucket in BUCKETS}

    def look(self) -> None:
        """Note what the file says now."""
        for bucket, times in self._times.items():
            with self._store.open(bucket) as (budget, _):
                fresh = not times or min(budget.left, default=0.0) <= max(times)
                assert fresh, "the file has forgotten some meanwhile"
                times.update(budget.left)

    def of(self, bucket: str) -> list[float]:
        """Return when requests of a bucket left, oldest first."""
        return sorted(self._times[bucket])


@pytest.mark.parametrize("mode", ["sliding", "fixed"] if LONG else ["sliding"])
def test_no_run_asks_too_often_beside_another_process_or_behind_one_that_broke_off(
    tmp_path: Path, mode: str
) -> None:
    config = SandboxConfig(orders=400, offers=120, returns=6, history_days=20, limit_mode=mode)
    with Sandbox(config) as sandbox:
        sandbox.set(changes_per_second=5, offer_changes_per_second=2, faults=FAULTS)
        given = config_for(sandbox, state_dir=str(tmp_path / "state"), rate_limit_share=SHARE)
        first = sandbox.clock.moment() - timedelta(days=21)
        account = Settings.from_config(given, datetime.now(timezone.utc)).api_identity
        departures = Departures(LocalStore(StateStore(tmp_path / "state"), account, SHARE))
        codes: Counter[int] = Counter()
        for number in range(ROUNDS):
            other = Command(tmp_path / str(number), sandbox, **given)
            for ending in ENDINGS:
                codes[runs.run(given, first, None, ending).code] += 1
                departures.look()
            other.signal(signal.SIGKILL)
            other.finish()
            departures.look()
    assert codes[143] == codes[1] == ROUNDS
    for bucket, limits in BUCKETS.items():
        left = departures.of(bucket)
        assert too_near(left, limits) == []
        # It is used, too: as many as the share allows have left within a second.
        assert busiest(left, 1.0) >= int(limits[0].requests * SHARE)
        arrived = sorted(each.time for each in sandbox.log if each.bucket == bucket)
        # Nothing arrives that has not left: the n-th comes after the n-th that has left.
        assert len(arrived) <= len(left)
        assert all(gone < came for gone, came in zip(left, arrived, strict=False))


def too_near(left: list[float], limits: tuple[Limit, ...]) -> list[float]:
    """Return how many seconds lay between any that left too soon after those before them."""
    return [
        later - sooner
        for limit in limits
        for sooner, later in zip(left, left[limit.requests :], strict=False)
        if later - sooner < limit.seconds * APART
    ]
