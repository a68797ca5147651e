"""Lift the request budgets, for tests that are not about them.

No setting and no variable of the tap does this: users cannot be impolite by mistake. Run as a
module it is the command `tap-emag` without budgets.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tap_emag import cli
from tap_emag.api import rate_limiter as limits

if TYPE_CHECKING:
    from collections.abc import Iterator

PLENTY = limits.Limit(1000, 1.0)  # requests of a bucket


@contextmanager
def no_budgets() -> Iterator[None]:
    """Let requests leave at once, until the block ends."""
    real = dict(limits.BUCKETS)
    limits.BUCKETS.update(dict.fromkeys(real, (PLENTY, PLENTY)))
    try:
        yield
    finally:
        limits.BUCKETS.update(real)


if __name__ == "__main__":
    with no_budgets():
        cli.main()
