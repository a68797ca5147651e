"""When a call is given up: after so many failures, of which refusals for rate count an eighth."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from tap_emag.api.retries import THROTTLED, Limit, retrying
from tap_emag.errors import ThrottledError, TransientError
from tap_emag.settings.settings import Settings

if TYPE_CHECKING:
    from tap_emag.errors import EmagError


@pytest.mark.parametrize(
    ("limit", "failures", "is_open", "reached"),
    [
        (Limit(3), 2, False, False),
        (Limit(3), 3, False, True),
        (Limit(3), 9, True, False),
        (Limit(3, "stop"), 0, True, True),
        (Limit(3, "stop"), 2, False, False),
        (Limit(3, "count"), 2, True, False),
        (Limit(3, "count"), 3, True, True),
    ],
)
def test_a_limit_counts_failures_and_knows_an_open_breaker(
    limit: Limit, failures: int, *, is_open: bool, reached: bool
) -> None:
    assert limit.reached(failures, is_open=is_open) is reached


@pytest.mark.parametrize(
    ("errors", "attempts"),
    [
        ([TransientError("busy")] * 9, 3),
        ([ThrottledError("slow down")] * 99, 2 * THROTTLED + 1),
        ([ThrottledError("slow down"), *[TransientError("busy")] * 9], 3),
        ([ThrottledError("slow down")] * THROTTLED + [TransientError("busy")] * 9, THROTTLED + 2),
    ],
    ids=["failures", "refusals for rate", "one of them", "eight of them"],
)
def test_eight_refusals_for_rate_count_as_one_failure(
    errors: list[EmagError], attempts: int
) -> None:
    given = {"username": "demo", "password": "demo", "start_date": "2026-01-01"}
    settings = Settings.from_config(given, datetime.now(timezone.utc))
    made = 0

    def attempt() -> None:
        nonlocal made
        made += 1
        raise errors[made - 1]

    policy = retrying(settings, lambda failed: failed >= 3, lambda _: None, lambda _: None)
    with pytest.raises(TransientError):
        policy(attempt)
    assert made == attempts
