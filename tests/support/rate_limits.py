"""A rate limiter's budgets without a state store."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tap_emag.api.rate_limiter import BUCKETS, Budget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class MemoryStore:
    """Budgets of one process, shared by its threads."""

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with untouched budgets."""
        self._clock = clock
        self._lock = threading.Lock()
        self._budgets = {name: Budget(limits, share) for name, limits in BUCKETS.items()}

    @contextmanager
    def open(self, bucket: str) -> Iterator[tuple[Budget, float]]:
        """Lock the bucket's budget and give it with the present time."""
        with self._lock:
            yield self._budgets[bucket], self._clock()
