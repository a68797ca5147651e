"""Asks for counts, which are optional: rows can be read without them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_emag.errors import ContractError, ForbiddenError, TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_emag.api.client import Client, Count


def count_or_none(
    client: Client, resource: str, filters: Mapping[str, Any], *, once: bool = False
) -> Count | None:
    """Return the API's count; None when only the count is refused or fails, while reads may work.

    `once` makes one attempt.

    Raises:
        EmagError: An error that is not about counts: a refused caller, an open circuit breaker.
    """
    try:
        return client.count(resource, filters, once=once)
    except (ContractError, ForbiddenError, TransientError):
        return None
