"""Logs request counts and rate-limit waits as SDK metrics, at the end of a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from singer_sdk.metrics import Metric, Point, log

from tap_emag.metrics import definitions as families

if TYPE_CHECKING:
    import logging

    from tap_emag.metrics import Recorder


def log_usage(counts: Recorder, logger: logging.Logger) -> None:
    """Log the requests of each kind by their outcome, and how long they waited."""
    for (name, pairs), number in sorted(counts.samples(("counter",))):
        if name == families.REQUESTS.name:
            labels = dict(pairs)
            tags = {
                "endpoint": labels["endpoint"],
                "http_status_code": int(labels["status_code"]),
            }
            log(logger, Point("counter", Metric.HTTP_REQUEST_COUNT, int(number), tags))
    waits = counts.by(f"{families.LIMIT_WAIT.name}_sum", "operation_type")
    for bucket, seconds in sorted(waits.items()):
        # The SDK's own class accepts only the SDK's metrics; this line has the same form.
        point = {"type": "timer", "metric": "rate_limit_wait", "value": round(seconds, 3)}
        logger.info("METRIC: %s", json.dumps(point | {"tags": {"bucket": bucket}}))
