"""What a run asked of the API, logged at its end in the form of the SDK's own metrics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from singer_sdk.metrics import Metric, Point, log

from tap_emag.metrics import families

if TYPE_CHECKING:
    import logging

    from tap_emag.metrics import Counts


def log_usage(counts: Counts, logger: logging.Logger) -> None:
    """Write how many requests of each kind were answered how, and how long they waited."""
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
        # The SDK's points carry the SDK's own metrics only; this one is written in their form.
        point = {"type": "timer", "metric": "rate_limit_wait", "value": round(seconds, 3)}
        logger.info("METRIC: %s", json.dumps(point | {"tags": {"bucket": bucket}}))
