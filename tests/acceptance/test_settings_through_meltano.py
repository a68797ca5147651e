"""Settings reach the tap through Meltano, from the environment as `.env` would give them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from tap_emag.sandbox import Sandbox, SandboxConfig
from tests.acceptance.comparison import differences
from tests.acceptance.truth import ORDER_TABLES, Truth

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.acceptance.conftest import Place

pytestmark = pytest.mark.meltano

NOW = datetime(2025, 11, 10, 12, 0, tzinfo=timezone.utc)
BUDGET = 12  # order requests a second
MISSED = 0.3  # seconds


def test_a_share_of_the_budget_with_a_fraction_is_kept(new_place: Callable[[], Place]) -> None:
    place = new_place()
    with Sandbox(SandboxConfig(orders=300, offers=20, history_days=60, clock=NOW)) as shop:
        place.load(shop, rate_limit_share="0.5", request_timeout_seconds="7.5")
        truth = Truth.of(shop.world)
        times = [request.time for request in shop.log if request.bucket == "orders"]
    assert differences(place.database, truth, ORDER_TABLES) == []
    assert len(times) > BUDGET / 2
    # Slots lie a sixth of a second apart. One that was missed by a moment may still be used, so the
    # first and last request may be drawn together by as much.
    assert times[-1] - times[0] >= (len(times) - 1) / (BUDGET / 2) - MISSED
