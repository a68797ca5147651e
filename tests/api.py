"""Settings, clients and readers for tests that talk to a sandbox."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_emag.breaker import Breaker
from tap_emag.budgets import MemoryStore
from tap_emag.client import Client
from tap_emag.life import Life
from tap_emag.limits import Limiter
from tap_emag.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_emag.sandbox import Sandbox

QUICK = {
    "username": "demo",
    "password": "demo",
    "retry_wait_min_seconds": 0,
    "retry_wait_max_seconds": 0.2,
    "request_timeout_seconds": 2,
    "breaker_failure_threshold": 50,
}
STATE_DIR = "TAP_EMAG_TESTS_STATE_DIR"  # set for the whole session, see conftest.py


def config_for(sandbox: Sandbox, **values: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a tap configuration for a sandbox, with short pauses between retries."""
    return {**QUICK, "state_dir": os.environ[STATE_DIR], "api_url": sandbox.url, **values}


def settings_for(sandbox: Sandbox, **values: Any) -> Settings:  # noqa: ANN401
    """Return checked settings for a sandbox."""
    return Settings.from_config(config_for(sandbox, **values), datetime.now(timezone.utc))


@contextmanager
def client_for(sandbox: Sandbox, **values: Any) -> Iterator[Client]:  # noqa: ANN401
    """Open a client on a sandbox."""
    client = client_with(settings_for(sandbox, **values))
    try:
        yield client
    finally:
        client.close()


def client_with(settings: Settings, life: Life | None = None) -> Client:
    """Return a client with budgets of its own and a breaker that remembers nothing."""
    life = life or Life()
    breaker = Breaker(
        Path(tempfile.mkdtemp(dir=settings.state_dir)) / "breaker",
        settings.account,
        threshold=settings.breaker_failure_threshold,
        recovery=settings.breaker_recovery_seconds,
    )
    limiter = Limiter(MemoryStore(settings.rate_limit_share), sleep=life.pause)
    return Client(settings, life=life, limiter=limiter, breaker=breaker)


@contextmanager
def threads(number: int) -> Iterator[ThreadPoolExecutor]:
    """Open a pool of threads that requests are sent from."""
    with ThreadPoolExecutor(number) as executor:
        yield executor
