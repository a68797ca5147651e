"""Makes everything small, so that a few dozen orders take as many windows and pages as thousands.

Only sizes and budgets are changed, in proportion to the page. What the budgets themselves promise
is tested with the real ones: see `test_real_budgets`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tap_emag.api import client
from tap_emag.readers import page_size
from tap_emag.readers import window_proof as reading
from tap_emag.readers import window_reader as line
from tap_emag.streams import vanished
from tap_emag.streams.invoices import stream as finance
from tap_emag.streams.products import stream as products
from tests.support.unlimited import no_budgets

if TYPE_CHECKING:
    from collections.abc import Iterator

REAL_PAGE = client.PAGE_SIZE


@contextmanager
def small(page: int) -> Iterator[None]:
    """Let a page hold so many rows, and all other sizes shrink with it; lift the budgets."""

    def scaled(size: float) -> int:
        return max(1, round(size * page / REAL_PAGE))

    with no_budgets(), pytest.MonkeyPatch.context() as patch:
        for module in (client, page_size, finance):
            patch.setattr(module, "PAGE_SIZE", page)
        few, target = map(scaled, (reading.SHORT_REPLY_ROWS, reading.WINDOW_ROWS))
        for module in (reading, line):
            patch.setattr(module, "SHORT_REPLY_ROWS", few)
            patch.setattr(module, "WINDOW_ROWS", target)
        patch.setattr(page_size, "SMALLEST", scaled(page_size.SMALLEST))
        patch.setattr(reading, "SPLIT_ABOVE_ROWS", scaled(reading.SPLIT_ABOVE_ROWS))
        patch.setattr(line, "SMALLEST_TARGET", scaled(line.SMALLEST_TARGET))
        patch.setattr(line, "OPEN_ROWS", scaled(line.OPEN_ROWS))
        patch.setattr(line, "ASIDE_ROWS", scaled(line.ASIDE_ROWS))
        patch.setattr(products, "STATE_EVERY", scaled(products.STATE_EVERY))
        patch.setattr(vanished, "LOOK_AGAIN_SECONDS", 0.01)
        yield
