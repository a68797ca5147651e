"""Checks the settings against the API: `tap-emag --test`.

It sends two requests, one of each bucket, with at most two attempts each. So the verdict comes
within a minute even where the host does not answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_emag.api.client import Client
    from tap_emag.settings.settings import Settings

LONGEST_TEST = 60.0  # seconds
LONGEST_REQUEST = 10.0  # seconds
LONGEST_PAUSE = 2.0  # seconds
ATTEMPTS = 2


def hasty(settings: Settings) -> Settings:
    """Return settings with shorter waits: a person waits for the test."""
    return replace(
        settings,
        request_timeout_seconds=min(settings.request_timeout_seconds, LONGEST_REQUEST),
        retry_max_attempts=min(settings.retry_max_attempts, ATTEMPTS),
        retry_wait_min_seconds=min(settings.retry_wait_min_seconds, LONGEST_PAUSE),
        retry_wait_max_seconds=min(settings.retry_wait_max_seconds, LONGEST_PAUSE),
    )


def ask(client: Client) -> str:
    """Ask for VAT rates and for the number of orders; return the verdict.

    Raises:
        EmagError: The API refuses this caller or a request, or does not answer.
    """
    client.call("vat/read", {})
    orders = client.count("order", {})
    return f"the settings are good; eMAG lets this user in, and counts {orders.rows} orders"
