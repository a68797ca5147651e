"""Settings, clients and readers for tests that talk to a sandbox."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tap_emag.client import Client
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
}


def config_for(sandbox: Sandbox, **values: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a tap configuration for a sandbox, with short pauses between retries."""
    return {**QUICK, "api_url": sandbox.url, **values}


def settings_for(sandbox: Sandbox, **values: Any) -> Settings:  # noqa: ANN401
    """Return checked settings for a sandbox."""
    return Settings.from_config(config_for(sandbox, **values), datetime.now(timezone.utc))


@contextmanager
def client_for(sandbox: Sandbox, **values: Any) -> Iterator[Client]:  # noqa: ANN401
    """Open a client on a sandbox."""
    client = Client(settings_for(sandbox, **values))
    try:
        yield client
    finally:
        client.close()


@contextmanager
def threads(number: int) -> Iterator[ThreadPoolExecutor]:
    """Open a pool of threads that requests are sent from."""
    with ThreadPoolExecutor(number) as executor:
        yield executor
