"""The `Date` of replies: right, or as a clock has it that is wrong."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from emag_sandbox import Sandbox


def date_of(sandbox: Sandbox) -> str | None:
    reply = requests.post(f"{sandbox.url}/vat/read", json={}, auth=("demo", "demo"), timeout=60)
    return reply.headers.get("Date")


def error(sandbox: Sandbox, date: str | None) -> float:
    """Return by how many seconds a Date is ahead, to the minute."""
    assert date is not None
    off = (parsedate_to_datetime(date) - sandbox.clock.moment()).total_seconds()
    return round(off / 60) * 60


@pytest.mark.parametrize(
    ("knobs", "errors"),
    [
        ({}, [0, 0]),
        ({"next_dates": ["ok", "ahead", "behind"]}, [0, 10_800, -10_800, 0]),
        ({"dates": {"ahead": 1}, "date_error": 82_800}, [82_800]),
        ({"dates": {"local": 1}, "timezone": "Asia/Tokyo"}, [9 * 3600]),
        ({"fail_next": ["502", "html200"], "error_dates": "ahead"}, [10_800, 10_800, 0]),
    ],
)
def test_a_date_is_as_wrong_as_the_knobs_say(
    open_shop: Callable[..., Sandbox], knobs: dict[str, Any], errors: list[float]
) -> None:
    shop = open_shop(limits=False, **knobs)
    assert [error(shop, date_of(shop)) for _ in errors] == errors


def test_a_date_may_be_absent_or_garbage(open_shop: Callable[..., Sandbox]) -> None:
    shop = open_shop(next_dates=["absent", "garbage"])
    assert date_of(shop) is None
    date = date_of(shop)
    with pytest.raises(ValueError, match="half past nine"):
        parsedate_to_datetime(date or "")
