"""With the real budgets no request is one too many, however runs follow, overlap and break off."""

from __future__ import annotations

import os
import signal
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tap_emag.sandbox import Sandbox, SandboxConfig
from tap_emag.sandbox.budgets import BUDGETS
from tests.api import config_for
from tests.command import Command
from tests.machine import runs
from tests.machine.runs import Ending

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timing

SHARE = 0.8  # leaves 190 ms for what a busy machine adds between a request's slot and its arrival
ROUNDS = 10 if os.environ.get("TAP_EMAG_LONG") else 1
ENDINGS = (Ending("signal", 40), Ending("target gone", 90), Ending("by itself", 0))
FAULTS = dict.fromkeys(("500", "reset", "429", "html200"), 0.02)


@pytest.mark.parametrize("mode", ["sliding", "fixed"])
def test_no_run_asks_too_often_beside_another_process_or_behind_one_that_broke_off(
    tmp_path: Path, mode: str
) -> None:
    config = SandboxConfig(orders=400, offers=120, returns=6, history_days=20, limit_mode=mode)
    with Sandbox(config) as sandbox:
        sandbox.set(changes_per_second=5, offer_changes_per_second=2, faults=FAULTS)
        given = config_for(sandbox, state_dir=str(tmp_path / "state"), rate_limit_share=SHARE)
        first = sandbox.clock.moment() - timedelta(days=21)
        codes: Counter[int] = Counter()
        for number in range(ROUNDS):
            other = Command(tmp_path / str(number), sandbox, **given)
            for ending in ENDINGS:
                codes[runs.run(given, first, None, ending).code] += 1
            other.signal(signal.SIGKILL)
            other.finish()
        refused = [each for each in sandbox.log if each.status == 429 and each.fault is None]
        stats = sandbox.stats()
    assert refused == []
    assert codes[143] == codes[1] == ROUNDS
    for bucket, (most, _) in BUDGETS.items():
        busiest = stats["buckets"][bucket]["max_per_second"]
        assert most - 1 <= busiest <= most
