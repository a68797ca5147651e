"""What all of these tests do without: budgets, whose keeping is tested elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.unlimited import no_budgets

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", autouse=True)
def unlimited() -> Iterator[None]:
    """Let requests leave at once."""
    with no_budgets():
        yield
