"""Accounts on two hosts: some fail or hang, all others are loaded at their own budget's rate.

It is the benchmark's short form with five accounts, or with `TAP_EMAG_LONG=1` the complete one.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from benchmarks.accounts import WAYS, measure, planned
from tap_emag.api.rate_limit_postgres import ACCOUNTS, RATE_LIMITS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.meltano, pytest.mark.timing, pytest.mark.timeout(3600)]
LONG = bool(os.environ.get("TAP_EMAG_LONG"))
OF_MELTANO = {"alembic_version", "plugin_settings", "runs", "state"}


@pytest.mark.parametrize("under", WAYS)
def test_accounts_leave_each_other_alone(tmp_path: Path, under: str) -> None:
    with planned(tmp_path, under, short=not LONG) as fleet:
        figures = measure(fleet, under, quiet_jobs=0 if under else 1, quiet_runs=1)
        limits = fleet.pipelines[0].call("invoke", "emag-ops", "limits").output
    # A busy machine may delay one request into the next second; a neighbour would cost far more.
    assert figures.refused <= max(1, figures.requests / 100)
    assert figures.failed == figures.expected != []
    assert figures.missing == {}
    if under == "airflow":
        halves = Counter(f"host-{each.host + 1}" for each in fleet.accounts)
        assert figures.workers == halves
    assert figures.share > 0.7  # of the rate that the slowest account has alone
    assert all(each.code == 0 for each in figures.quiet.values())
    assert figures.shared.keys() == OF_MELTANO | {RATE_LIMITS, ACCOUNTS}
    for account in fleet.accounts:  # also those of the other host
        assert f"{account.marketplace}/{account.name}" in limits
