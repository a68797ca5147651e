"""What a run asked of the API: requests and waits for slots, logged as metrics at its end."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from typing import TYPE_CHECKING

from singer_sdk.metrics import Metric, Point, log

if TYPE_CHECKING:
    import logging


class Usage:
    """Counts from any thread."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, int], int] = defaultdict(int)
        self._waited: dict[str, float] = defaultdict(float)

    @property
    def requests(self) -> int:
        """Return how many requests were sent, answered or not."""
        with self._lock:
            return sum(self._requests.values())

    def sent(self, resource: str, status: int) -> None:
        """Count a request; the status is 0 when no reply came."""
        with self._lock:
            self._requests[resource, status] += 1

    def waited(self, bucket: str, seconds: float) -> None:
        """Count the wait for a slot."""
        with self._lock:
            self._waited[bucket] += seconds

    def log(self, logger: logging.Logger) -> None:
        """Write the counts in the form of the SDK's own metrics."""
        with self._lock:
            requests, waited = dict(self._requests), dict(self._waited)
        for (resource, status), number in sorted(requests.items()):
            tags = {"endpoint": resource, "http_status_code": status}
            log(logger, Point("counter", Metric.HTTP_REQUEST_COUNT, number, tags))
        for bucket, seconds in sorted(waited.items()):
            # The SDK's points carry the SDK's own metrics only; this one is written in their form.
            point = {"type": "timer", "metric": "rate_limit_wait", "value": round(seconds, 3)}
            logger.info("METRIC: %s", json.dumps(point | {"tags": {"bucket": bucket}}))
