from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tap_emag.settings.kinds import COUNTRIES, LANGUAGES
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


def test_the_settings_allow_what_is_listed() -> None:
    assert codes_where("category_languages") == sorted(LANGUAGES)
    assert codes_where("locality_countries") == sorted(COUNTRIES)


def test_what_can_be_sold_and_what_is_open() -> None:
    assert codes_where("validation_statuses", sellable=True) == [3, 9, 11, 12, 17]
    assert codes_where("validation_statuses", translation_only=True) == [13, 14, 15, 16, 17]
    assert codes_where("offer_validation_statuses", sellable=True) == [1]
    assert codes_where("offer_statuses", sellable=True) == [1]
    assert codes_where("return_statuses", is_open=True) == [1, 2, 3, 6]


def test_what_a_characteristic_of_a_type_takes() -> None:
    assert codes_where("characteristic_types", takes_several=True) == [2, 11, 30, 40]
    assert codes_where("characteristic_types", takes_several=False) == [1, 20, 60]


def test_the_return_reasons_are_a_tree_of_three_levels() -> None:
    rows = {row["code"]: row for row in BY_NAME["return_reasons"].rows(ACCOUNT)}
    assert len(rows) == 182
    levels = Counter(row["level"] for row in rows.values())
    assert levels == {1: 13, 2: 59, 3: 110}
    for row in rows.values():
        parent = rows.get(row["parent_code"])
        assert row["level"] == (parent["level"] + 1 if parent else 1)
        assert (row["parent_code"] is None) == (parent is None)
    children = Counter(row["parent_code"] for row in rows.values())
    assert children[46] == 41
    assert children[47] == 28
    assert not any(children[code] for code in (39, 134, 135, 175))


def test_siblings_among_the_return_reasons_differ() -> None:
    rows = BY_NAME["return_reasons"].rows(ACCOUNT)
    assert len({(row["parent_code"], row["label"]) for row in rows}) == len(rows)


def test_a_return_reason_field_by_field() -> None:
    rows = {row["code"]: row for row in BY_NAME["return_reasons"].rows(ACCOUNT)}
    assert rows[111] == {
        **ACCOUNT_OF_ROW,
        "code": 111,
        "label": "below expectations",
        "level": 3,
        "parent_code": 46,
        "note_required": True,
    }
    assert rows[46]["parent_code"] == 31
    assert rows[31]["parent_code"] is None
    assert codes_where("return_reasons", note_required=True) == [
        *(39, 67, 73, 89, 92, 95, 97, 111, 118, 127, 152, 171, 172),
    ]


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("order_statuses", range(6)),
        ("order_types", [2, 3]),
        ("payment_modes", [1, 2, 3]),
        ("cancellation_reasons", [1, 2, 3, *range(15, 44)]),
        ("validation_statuses", range(18)),
        ("return_types", range(1, 6)),
        ("delivery_modes", ["courier", "pickup"]),
        ("discount_sponsors", ["eMAG", "seller"]),
        ("genders", ["F", "M"]),
        ("content_ownerships", [1, 2]),
        ("family_displays", [1, 2, 3]),
        ("awb_status_codes", ["DLV"]),
        ("locality_countries", ["BG", "DE", "EL", "HU", "PL", "RO"]),
        ("category_languages", ["BG", "DE", "EN", "GR", "HU", "PL", "RO"]),
        ("invoice_category_codes", ["FC", "FCA", "FCD", "FCSA", "FTA"]),
        ("customer_invoice_categories", ["normal", "storno"]),
        ("package_labels", ["L", "M", "S", "XL", "XS"]),
        ("currencies", ["BGN", "EUR", "HUF", "RON"]),
        ("pickup_methods", [1, 2, 3]),
        ("attachment_types", [1, 3, 4, 8, 10, 11]),
        ("characteristic_types", [1, 2, 11, 20, 30, 40, 60]),
        ("courier_account_types", [1, 2, 3, 4]),
        ("courier_account_properties", [0, 2, 6, 8, 9]),
        ("address_types", [1, 2, 3, 4]),
        ("genius_eligibility_types", [0, 1, 2, 3]),
    ],
)
def test_the_codes_of_a_list(name: str, codes: list[int | str]) -> None:
    assert codes_where(name) == list(codes)
