"""What a first sync takes is estimated from a few counts, and only as far as eMAG counts."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.readers.calendar import LONGEST, Calendar
from tap_emag.readers.forecast import (
    MOST_SAMPLES,
    counted,
    extrapolated,
    page_requests,
    samples,
    window_requests,
)
from tests.support.api import client_for

DAY = 86_400
BUCHAREST = Calendar(ZoneInfo("Europe/Bucharest"))
START = BUCHAREST.local(datetime(2025, 1, 1, tzinfo=ZoneInfo("UTC")))


@pytest.mark.parametrize("days", [0, 1, 27, 29, 60, 365, 3660])
def test_a_few_windows_that_emag_takes_stand_for_a_range(days: int) -> None:
    until = START + days * DAY
    windows = samples(START, until, BUCHAREST)
    assert 1 <= len(windows) <= MOST_SAMPLES
    assert (windows[0].after, windows[-1].until) == (START, until)
    assert all(window.seconds < LONGEST for window in windows)
    rows = sum(window.seconds // DAY for window in windows)  # one a day
    assert extrapolated(rows, windows, until - START, None) == pytest.approx(days, rel=0.05)


def test_all_rows_together_are_the_most_that_a_range_can_have() -> None:
    windows = samples(START, START + 365 * DAY, BUCHAREST)
    assert extrapolated(300, windows, 365 * DAY, 400) == 400
    all_windows = 365 / 28 + 1
    assert extrapolated(300, windows, 365 * DAY, 100_000) <= 300 * all_windows / MOST_SAMPLES
    assert extrapolated(300, windows, 365 * DAY, 100) > 1000, "the windows have more already"


def test_requests_follow_from_rows_and_months() -> None:
    assert [page_requests(rows) for rows in (0, 99, 100, 2545)] == [2, 2, 3, 27]
    year = round(timedelta(days=365).total_seconds())
    assert [window_requests(rows, year) for rows in (0, 900)] == [14, 24]


@pytest.mark.parametrize("fault", ["500", "403", "400", "is_error", "html200", "hang"])
def test_a_count_is_tried_once_and_is_none_where_it_fails(fault: str) -> None:
    shop = SandboxConfig(offers=7, limits=False)
    with Sandbox(shop) as sandbox, client_for(sandbox, request_timeout_seconds=1) as client:
        client.call("vat/read", {})
        assert counted(client, "product_offer") == 7
        sandbox.config.count_faults = {"product_offer": fault}
        sandbox.log.clear()
        assert counted(client, "product_offer") is None
        assert [entry.resource for entry in sandbox.log].count("product_offer") == 1
