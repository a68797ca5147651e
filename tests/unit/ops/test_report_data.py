"""Charts and the head of the report take any row that a query may return."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from tap_emag.ops.report.answers import Answer, questions
from tap_emag.ops.report.charts import CHARTS
from tap_emag.ops.report.page import _fresh

NOW = datetime(2026, 11, 30, 12, tzinfo=timezone.utc)
EARLIER = datetime(2026, 11, 29, 12, tzinfo=timezone.utc)
# Columns that no query leaves null.
GIVEN: dict[str, Any] = {
    "account_key": "emag_ro:main",
    "month_start": date(2026, 11, 1),
    "ship_by": date(2026, 11, 1),
    "orders": 1,
    "table_name": "orders",
}
COLUMNS = (
    *("currency", "local_date", "product_id", "product", "revenue_net", "commission_net"),
    *("seller_discount_net", "margin_net", "reason", "returned_pieces", "status", "stock"),
    *("days_of_stock", "rank", "own_price", "change", "sponsor", "voucher_net", "fulfilled_by"),
    *("customers", "expected_commission_net", "last_sync_at"),
)


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize("known", [{}, {"commission_net": Decimal(1)}])
def test_a_value_that_is_missing_stops_no_chart(name: str, known: dict[str, Any]) -> None:
    row = dict.fromkeys(COLUMNS) | GIVEN | known
    for drawn in CHARTS[name].data([row, row], NOW):
        assert isinstance(drawn[CHARTS[name].measure], float)


def test_the_head_shows_the_oldest_sync_and_tables_without_rows() -> None:
    [question] = [each for each in questions() if each.name == "12_freshness"]
    answer = Answer(
        question,
        ("account_key", "table_name", "rows", "last_sync_at", "is_complete"),
        [
            ("emag_ro:main", "orders", 5, EARLIER, True),
            ("emag_ro:main", "products", 7, NOW, True),
            ("emag_ro:main", "returns", 0, NOW, False),
            ("emag_ro:main", "categories", 3, None, None),
        ],
    )
    assert _fresh([answer]) == [
        {
            "account_key": "emag_ro:main",
            "last_sync_at": EARLIER,
            "incomplete": ["returns"],
            "orders": 5,
        }
    ]
