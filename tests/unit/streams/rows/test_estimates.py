from __future__ import annotations

from decimal import Decimal

import pytest

from tap_emag.streams.products.estimate_rows import commission_row, smart_deal_row
from tests.unit.streams.rows.payloads import ACCOUNT, ACCOUNT_OF_ROW, CLOCK, wire

READ_AT = "2026-11-24T10:00:00+00:00"


def test_a_commission_field_by_field() -> None:
    data = wire('{"value": 22.5, "id": 77, "created": "2026-03-01 10:00:00", "end_date": null}')
    assert commission_row(1001, data, ACCOUNT, CLOCK, READ_AT) == {
        **ACCOUNT_OF_ROW,
        "id": 1001,
        "read_at": READ_AT,
        "value": Decimal("22.5"),
        "estimate_id": 77,
        "created": "2026-03-01T08:00:00+00:00",
        "end_date": None,
        "extra": None,
    }


@pytest.mark.parametrize(
    ("data", "value", "extra"),
    [
        ({"value": "22,5"}, Decimal("22.5"), None),
        ([{"value": 22}], Decimal(22), None),
        ([], None, None),
        (None, None, None),
        ({}, None, None),
        ("none", None, {"data": "none"}),
        (7, None, {"data": 7}),
        ({"value": "n/a", "new": 1}, None, {"value": "n/a", "new": 1}),
        ([{"value": 1}, {"value": 2}], Decimal(1), {"data": [{"value": 1}, {"value": 2}]}),
        ([{"data": 1}, 2], None, {"data": [{"data": 1}, 2]}),
    ],
)
def test_a_commission_in_other_forms(data: object, value: object, extra: object) -> None:
    found = commission_row(1001, data, ACCOUNT, CLOCK, READ_AT)
    assert (found["id"], found["value"], found["extra"]) == (1001, value, extra)


def test_a_smart_deal_field_by_field() -> None:
    assert smart_deal_row(1001, wire('{"smart_deals_price": 6.22}'), ACCOUNT, READ_AT) == {
        **ACCOUNT_OF_ROW,
        "id": 1001,
        "read_at": READ_AT,
        "smart_deals_price": Decimal("6.22"),
        "extra": None,
    }


@pytest.mark.parametrize("results", [None, [], {}, {"smart_deals_price": None}])
def test_no_smart_deal(results: object) -> None:
    found = smart_deal_row(1001, results, ACCOUNT, READ_AT)
    assert (found["smart_deals_price"], found["extra"]) == (None, None)


def test_answers_that_do_not_fit_are_reported() -> None:
    reported = []
    smart_deal_row(1, "soon", ACCOUNT, READ_AT, lambda *what: reported.append(what))
    commission_row(1, {"new": 1}, ACCOUNT, CLOCK, READ_AT, lambda *what: reported.append(what))
    assert reported == [("smart_deals", "invalid", "results"), ("commissions", "unknown", "new")]
