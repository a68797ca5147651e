"""What a run asked of the API is logged as metrics that other tools can read."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from tap_emag.metrics import Recorder
from tap_emag.reporting.sdk_metrics import log_usage
from tap_emag.settings.account import Account

if TYPE_CHECKING:
    import pytest


def test_requests_and_waits_are_logged_in_the_form_of_the_sdks_metrics(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counts = Recorder(Account("emag_ro", "main"))
    for status in (200, 200, 500, 0):
        counts.requested("order/read", status, 0.1)
    counts.waited("orders", 1.25)
    counts.waited("orders", 0.5)
    with caplog.at_level(logging.INFO):
        log_usage(counts, logging.getLogger("metrics"))
    points = [json.loads(r.getMessage().removeprefix("METRIC: ")) for r in caplog.records]
    counted = {
        point["tags"]["http_status_code"]: point["value"]
        for point in points
        if point["metric"] == "http_request_count"
    }
    assert counted == {0: 1, 200: 2, 500: 1}
    assert points[-1] == {
        "type": "timer",
        "metric": "rate_limit_wait",
        "value": 1.75,
        "tags": {"bucket": "orders"},
    }
