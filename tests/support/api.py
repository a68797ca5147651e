"""Settings, clients and readers for tests that talk to a sandbox."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_emag.api.circuit_breaker import Breaker
from tap_emag.api.client import Client
from tap_emag.api.rate_limiter import Limiter
from tap_emag.settings.settings import Settings
from tap_emag.state.store import StateStore
from tap_emag.watchdog import Watchdog
from tests.support.rate_limits import MemoryStore
from tests.support.unlimited import no_budgets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emag_sandbox import Sandbox

QUICK = {
    "username": "demo",
    "password": "demo",
    "retry_wait_min_seconds": 0,
    "retry_wait_max_seconds": 0.2,
    "request_timeout_seconds": 30,  # a loaded machine makes the first page of a shop in seconds
    "breaker_failure_threshold": 50,
    "rate_limit_scope": "user_and_host",  # each sandbox counts for itself
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
    """Open a client on a sandbox, without budgets if the sandbox keeps none."""
    settings = settings_for(sandbox, **values)
    with nullcontext() if sandbox.config.limits else no_budgets():
        client = client_with(settings)
    try:
        yield client
    finally:
        client.close()


def client_with(settings: Settings, watchdog: Watchdog | None = None) -> Client:
    """Return a client with budgets of its own and a breaker that remembers nothing."""
    watchdog = watchdog or Watchdog()
    breaker = Breaker(
        StateStore(Path(tempfile.mkdtemp(dir=settings.state_dir))),
        "breaker",
        settings.api_identity,
        threshold=settings.breaker_failure_threshold,
        recovery=settings.breaker_recovery_seconds,
    )
    limiter = Limiter(MemoryStore(settings.rate_limit_share), sleep=watchdog.pause)
    return Client(settings, watchdog=watchdog, limiter=limiter, breaker=breaker)


@contextmanager
def threads(number: int) -> Iterator[ThreadPoolExecutor]:
    """Open a pool of threads that requests are sent from."""
    with ThreadPoolExecutor(number) as executor:
        yield executor
