"""What eMAG leaves undocumented may be as it likes: the tables equal the truth all the same."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.e2e.acceptance.comparison import differences
from tests.e2e.acceptance.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.acceptance.conftest import Place

pytestmark = pytest.mark.meltano

NOW = datetime(2025, 11, 10, 12, 0, tzinfo=timezone.utc)
ONE_SECOND = NOW - timedelta(hours=1)
IN_ONE_SECOND = 300
SECONDS = 200  # around that one, each with an order of its own


@pytest.mark.parametrize(
    ("sort", "bounds", "filter_time", "counts"),
    [
        ("id_asc", "closed", "naive", "exact"),
        ("id_desc", "open", "naive", "stale"),
        ("modified_asc", "half", "naive", "drifting"),
        ("modified_desc", "open", "instant", "exact"),
        ("arbitrary", "half", "naive", "broken"),
    ],
)
def test_tables_equal_the_truth_whatever_the_sort_order_and_the_bounds(
    new_place: Callable[[], Place], sort: str, bounds: str, filter_time: str, counts: str
) -> None:
    config = SandboxConfig(
        orders=100,
        offers=120,
        history_days=30,
        clock=NOW,
        sort=sort,
        bounds=bounds,
        filter_time=filter_time,
        count_mode=counts,
        page_limit_mode="refuse",
    )
    place = new_place()
    with Sandbox(config) as shop:
        shop.world.burst(IN_ONE_SECOND - 1, at=ONE_SECOND)
        for second in range(SECONDS):
            # Wherever windows meet here, there is an order in the second on either side.
            shop.world.burst(1, at=ONE_SECOND + timedelta(seconds=second - SECONDS // 2))
        place.load(shop)
        truth = Truth.of(shop.world)
        statuses = {request.status for request in shop.log}
    moments = [row["modified"] for row in truth.tables["orders"].values()]
    assert moments.count(ONE_SECOND) == IN_ONE_SECOND
    assert differences(place.database, truth) == []
    assert 400 not in statuses


def moments(state: dict[str, Any]) -> list[str]:
    """Return up to when each type of orders is read."""
    parts = state["bookmarks"]["orders"]["partitions"]
    return [part["replication_key_value"] for part in parts]


def test_a_server_clock_that_is_put_back_ends_no_run_late_and_costs_no_order(
    new_place: Callable[[], Place],
) -> None:
    place = new_place()
    with Sandbox(SandboxConfig(orders=100, offers=20, history_days=30, clock=NOW)) as shop:
        before = moments(place.load(shop).state())
        shop.clock.set(NOW - timedelta(days=2))
        shop.log.clear()
        project = place.project(shop, sync_timeout_seconds=20)
        result = project.run("tap-emag", "target-postgres", check=False)
        asked = len(shop.log)
        shop.clock.set(NOW)
        after = moments(project.state())
        truth = Truth.of(shop.world)
    assert asked < 10
    assert result.returncode == 0
    assert after <= before  # what lies in the future of every clock is read again
    assert differences(place.database, truth) == []
