"""Identities of money hold to the cent in a large shop, before and after 1 % of it changes.

`test_marts.py` runs the same tests of dbt over three small shops; this one takes ten minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ORDERS = 20_000


@pytest.mark.long
@pytest.mark.meltano
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not os.environ.get("TAP_EMAG_LONG"), reason="TAP_EMAG_LONG=1 runs it")
def test_no_test_of_the_marts_fails_in_a_large_shop() -> None:
    command = [sys.executable, "-m", "benchmarks.marts", "--tests", "--json"]
    done = subprocess.run(
        [*command, "--orders", str(ORDERS)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    builds = json.loads(done.stdout)
    assert sum(build["tests"] for build in builds) > 100
    assert {name for build in builds for name in build["failed"]} == set()
    # Romania's currency has no fixed rate.
    assert {name for build in builds for name in build["warned"]} == {"currencies_have_a_rate"}
