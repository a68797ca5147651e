from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_emag.streams.codes.table import CODE_TABLES
from tests.unit.streams.rows.losses import check_rows
from tests.unit.streams.rows.payloads import ACCOUNT, ACCOUNT_OF_ROW

if TYPE_CHECKING:
    from tap_emag.streams.codes.table import CodeTable

BY_NAME = {codes.table.name: codes for codes in CODE_TABLES}


def codes_where(name: str, **wanted: object) -> list[Any]:
    rows = BY_NAME[name].rows(ACCOUNT)
    return [row["code"] for row in rows if wanted.items() <= row.items()]


@pytest.mark.parametrize("codes", CODE_TABLES, ids=lambda codes: codes.table.name)
def test_each_code_has_one_row_and_a_label(codes: CodeTable) -> None:
    rows = codes.rows(ACCOUNT)
    assert rows
    check_rows(codes.table, rows)
    assert all(row["label"] for row in rows)
    assert codes.table.keys == ("marketplace", "account_type", "code")
    assert [row["code"] for row in rows] == sorted(row["code"] for row in rows)


def test_no_two_lists_have_one_name() -> None:
    assert len(BY_NAME) == len(CODE_TABLES)


def test_a_row_field_by_field() -> None:
    assert BY_NAME["validation_statuses"].rows(ACCOUNT)[-1] == {
        **ACCOUNT_OF_ROW,
        "code": 17,
        "label": "translated in part",
        "sellable": True,
        "translation_only": True,
    }


def test_what_can_be_sold_and_what_is_open() -> None:
    assert codes_where("validation_statuses", sellable=True) == [3, 9, 11, 12, 17]
    assert codes_where("validation_statuses", translation_only=True) == [13, 14, 15, 16, 17]
    assert codes_where("offer_validation_statuses", sellable=True) == [1]
    assert codes_where("offer_statuses", sellable=True) == [1]
    assert codes_where("return_statuses", is_open=True) == [1, 2, 3, 6]


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("order_statuses", range(6)),
        ("order_types", [2, 3]),
        ("payment_modes", [1, 2, 3]),
        ("cancellation_reasons", [1, 2, 3, *range(15, 44)]),
        ("validation_statuses", range(18)),
        ("return_types", range(1, 6)),
        ("return_reasons", [30, 31, 32, *range(34, 41), 134, 135, 175]),
        ("pickup_methods", [1, 2, 3]),
        ("attachment_types", [1, 3, 4, 8, 10, 11]),
        ("characteristic_types", [1, 2, 11, 20, 30, 40, 60]),
        ("courier_account_types", [1, 2, 3, 4]),
        ("courier_account_properties", [0, 2, 6, 8, 9]),
        ("address_types", [1, 2, 3, 4]),
        ("genius_eligibility_types", [0, 1, 2, 3]),
    ],
)
def test_the_codes_of_a_list(name: str, codes: list[int]) -> None:
    assert codes_where(name) == list(codes)
