"""Makes everything small, so that a few dozen orders take as many windows and pages as thousands.

Only sizes and budgets are changed, in proportion to the page. What the budgets themselves promise
is tested with the real ones: see `test_real_budgets`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tap_emag import client, limits
from tap_emag.readers import line, reading, scans
from tap_emag.streams import products, reference

if TYPE_CHECKING:
    from collections.abc import Iterator

REAL_PAGE = client.PAGE_SIZE
PLENTY = limits.Limit(1000, 1.0)  # requests of a bucket


@contextmanager
def small(page: int) -> Iterator[None]:
    """Let a page hold so many rows, and all other sizes shrink with it; lift the budgets."""

    def scaled(size: float) -> int:
        return max(1, round(size * page / REAL_PAGE))

    with pytest.MonkeyPatch.context() as patch:
        for module in (client, reading, scans, reference):
            patch.setattr(module, "PAGE_SIZE", page)
        some, few, target = map(scaled, (reading.SOME, reading.FEW, reading.TARGET))
        for module in (reading, line):
            patch.setattr(module, "SOME", some)
            patch.setattr(module, "FEW", few)
            patch.setattr(module, "TARGET", target)
        patch.setattr(reading, "MOST", scaled(reading.MOST))
        patch.setattr(line, "SMALLEST_TARGET", scaled(line.SMALLEST_TARGET))
        patch.setattr(line, "SPARSE", scaled(line.SPARSE))
        patch.setattr(line, "OPEN_ROWS", scaled(line.OPEN_ROWS))
        patch.setattr(products, "STATE_EVERY", scaled(products.STATE_EVERY))
        for bucket in limits.BUCKETS:
            patch.setitem(limits.BUCKETS, bucket, (PLENTY,))
        yield
