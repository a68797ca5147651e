"""What all of these tests do without: budgets, whose keeping is tested elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_emag import limits

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", autouse=True)
def no_budget() -> Iterator[None]:
    """Let requests leave at once."""
    with pytest.MonkeyPatch.context() as patch:
        for bucket in limits.BUCKETS:
            patch.setitem(limits.BUCKETS, bucket, (limits.Limit(1_000_000, 1.0),))
        yield
