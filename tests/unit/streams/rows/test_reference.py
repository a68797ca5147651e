from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tap_emag.streams.reference.rows import (
    address_row,
    awb_package_row,
    category_rows,
    category_value_rows,
    courier_account_row,
    handling_time_row,
    locality_row,
    vat_rate_row,
)
from tests.unit.streams.rows.more_payloads import address, category, courier_account, locality
from tests.unit.streams.rows.payloads import ACCOUNT, ACCOUNT_OF_ROW, CLOCK, wire

CHILD_OF_CATEGORY = {**ACCOUNT_OF_ROW, "category_id": 506}


def test_a_category_field_by_field() -> None:
    assert category_rows(category(), ACCOUNT).category == {
        **ACCOUNT_OF_ROW,
        "id": 506,
        "parent_id": 12,
        "name": "Categorie demo",
        "is_allowed": True,
        "is_ean_mandatory": True,
        "is_warranty_mandatory": False,
        "scm_id": 1,
        "extra": None,
    }


def test_its_characteristics_field_by_field() -> None:
    first, second, again = category_rows(category(), ACCOUNT).characteristics
    assert first == {
        **CHILD_OF_CATEGORY,
        "id": 5401,
        "position": 1,
        "name": "Culoare",
        "type_id": 11,
        "display_order": 6,
        "is_mandatory": True,
        "is_mandatory_for_mktp": False,
        "is_filter": True,
        "allow_new_value": False,
        "tags": [],
        "value_tags": [],
        "extra": None,
    }
    assert (second["id"], second["tags"]) == (6506, ["original", "converted"])
    assert (again["id"], again["position"], again["is_filter"]) == (5401, 2, None)


def test_its_family_types_field_by_field() -> None:
    first, second, empty = category_rows(category(), ACCOUNT).family_types
    assert first == {
        **CHILD_OF_CATEGORY,
        "id": 219,
        "position": 1,
        "name": "Culoare si marime",
        "characteristic_id": 5401,
        "characteristic_type": 1,
        "characteristic_family_type_id": 2,
        "is_foldable": True,
        "display_order": 1,
        "extra": None,
    }
    assert (second["id"], second["position"], second["characteristic_id"]) == (219, 2, 6506)
    assert (empty["id"], empty["position"], empty["name"]) == (220, 0, "Nimic")
    assert empty["characteristic_id"] is None


def test_its_values_field_by_field() -> None:
    found = category_value_rows(category(), ACCOUNT)
    assert found[0] == {
        **CHILD_OF_CATEGORY,
        "characteristic_id": 5401,
        "characteristic_position": 1,
        "position": 1,
        "value": "Alb",
        "extra": None,
    }
    names = ("characteristic_id", "characteristic_position", "position", "value")
    assert [tuple(row[name] for name in names) for row in found] == [
        (5401, 1, 1, "Alb"),
        (5401, 1, 2, "Negru"),
        (5401, 2, 1, "Rosu"),
        (5401, 2, 2, "7"),
    ]


def test_values_of_a_later_page_go_on_counting() -> None:
    found = category_value_rows(category(), ACCOUNT, 257)
    assert [row["position"] for row in found] == [257, 258, 257, 258]


def test_values_in_other_forms() -> None:
    values = [{"value": "Alb", "tag": "original"}, ["x"], None, True]
    raw = {"id": 506, "characteristics": [{"id": "5401", "values": values}]}
    found = category_value_rows(raw, ACCOUNT)
    assert [(row["position"], row["value"], row["extra"]) for row in found] == [
        (1, "Alb", {"tag": "original"}),
        (2, None, {"value": ["x"]}),
        (4, None, {"value": True}),
    ]
    nothings: list[object] = [[], None, "", {}]
    for nothing in nothings:
        raw = {"id": 506, "characteristics": [{"id": 5401, "values": nothing}]}
        assert category_value_rows(raw, ACCOUNT) == []


def test_a_category_as_lists_give_it() -> None:
    raw = wire("""{"id": 507, "name": "Alta", "parent_id": null, "is_allowed": 0,
      "characteristics": {"0": {"id": 5401}, "3": {"id": null}}, "family_types": []}""")
    found = category_rows(raw, ACCOUNT)
    assert (found.category["parent_id"], found.category["extra"]) == (None, None)
    assert [(row["id"], row["position"]) for row in found.characteristics] == [(5401, 1), (0, 1)]
    assert found.family_types == []
    assert category_value_rows(raw, ACCOUNT) == []


def test_what_is_no_object_stays_with_its_parent() -> None:
    types = ["x", {"id": 1, "new": 2, "characteristics": ["y", {"characteristic_id": 3, "z": 4}]}]
    raw = {"id": 5, "characteristics": ["v"], "family_types": types}
    found = category_rows(raw, ACCOUNT)
    assert found.category["extra"] == {"characteristics": ["v"], "family_types": ["x"]}
    bare, inner = found.family_types
    assert (bare["position"], bare["extra"]) == (0, {"characteristics": ["y"], "new": 2})
    assert (inner["position"], inner["characteristic_id"]) == (2, 3)
    assert inner["extra"] == {"new": 2, "characteristics": {"z": 4}}


def test_family_types_of_one_id_are_told_apart() -> None:
    raw = {"id": 5, "family_types": [{"id": 1}, {"id": 1}, {}]}
    found = category_rows(raw, ACCOUNT).family_types
    assert [row["id"] for row in found] == [1, -2, -3]


@pytest.mark.parametrize(
    ("rate", "as_sent", "fraction"),
    [
        ("0.2100", "0.2100", "0.2100"),
        (Decimal("0.11"), "0.11", "0.11"),
        (21, "21", "0.21"),
        ("21,5", "21.5", "0.215"),
        (0, "0", "0"),
        (1, "1", "1"),
        ("1" * 60, "1" * 60, "1" * 58 + ".11"),
    ],
)
def test_a_vat_rate_as_sent_and_as_a_fraction(rate: object, as_sent: str, fraction: str) -> None:
    row = vat_rate_row({"vat_id": 1, "vat_rate": rate, "is_default": 0}, ACCOUNT, CLOCK)
    assert row == {
        **ACCOUNT_OF_ROW,
        "vat_id": 1,
        "vat_rate": Decimal(as_sent),
        "vat_fraction": Decimal(fraction),
        "is_default": False,
        "name": None,
        "extra": None,
    }


def test_a_vat_rate_that_is_none() -> None:
    row = vat_rate_row({"vat_id": 1, "vat_rate": "21%"}, ACCOUNT, CLOCK)
    assert (row["vat_rate"], row["vat_fraction"]) == (None, None)
    assert row["extra"] == {"vat_rate": "21%"}
    tiny = vat_rate_row({"vat_id": 1, "vat_rate": "2." + "1" * 16383}, ACCOUNT, CLOCK)
    assert tiny["vat_rate"] is not None
    assert tiny["vat_fraction"] is None, "more places than Postgres keeps"


def test_rates_and_times_under_the_keys_of_some_clients() -> None:
    rate = vat_rate_row({"id": 3, "name": "Redusa", "value": "0.11"}, ACCOUNT, CLOCK)
    assert (rate["vat_id"], rate["vat_rate"], rate["name"]) == (3, Decimal("0.11"), "Redusa")
    time = handling_time_row({"value": "2", "name": "2 zile"}, ACCOUNT, CLOCK)
    assert (time["id"], time["value"], time["name"], time["extra"]) == (2, 2, "2 zile", None)


def test_a_handling_time_field_by_field() -> None:
    row = handling_time_row({"id": 0}, ACCOUNT, CLOCK)
    assert row == {**ACCOUNT_OF_ROW, "id": 0, "value": 0, "name": None, "extra": None}


@pytest.mark.parametrize(
    ("raw", "value", "extra"),
    [
        ({"id": 7, "value": 2}, 2, None),
        ({"id": 7, "value": "two"}, None, {"value": "two"}),
        ({"id": "seven"}, None, {"id": "seven"}),
    ],
)
def test_the_days_of_a_handling_time_are_its_value_where_both_are_sent(
    raw: dict[str, Any], value: int | None, extra: dict[str, Any] | None
) -> None:
    row = handling_time_row(raw, ACCOUNT, CLOCK)
    assert (row["value"], row["extra"]) == (value, extra)


def test_a_locality_field_by_field() -> None:
    assert locality_row(locality(), ACCOUNT, CLOCK) == {
        **ACCOUNT_OF_ROW,
        "emag_id": 9000001,
        "name": "Oraș Test",
        "name_latin": "Oras Test",
        "region1": "Regiune",
        "region1_latin": "Regiune",
        "region2": "Județ Test",
        "region2_latin": "Judet Test",
        "region3": "",
        "region3_latin": "",
        "region4": None,
        "region4_latin": None,
        "geoid": 1,
        "modified": "2024-07-01T09:00:00+00:00",
        "zipcode": "000000",
        "country_code": "RO",
        "iso2": "RO-XX",
        "extra": None,
    }


def test_a_courier_account_field_by_field() -> None:
    assert courier_account_row(courier_account(), ACCOUNT, CLOCK) == {
        **ACCOUNT_OF_ROW,
        "account_id": 10001,
        "account_display_name": "Demo",
        "courier_account_type": 3,
        "courier_name": "Curier Test",
        "courier_account_properties": [0, 2],
        "created": "2023-05-01T05:00:00+00:00",
        "status": True,
        "pickup_country_code": "RO",
        "extra": None,
    }


def test_a_courier_account_under_the_keys_of_one_client() -> None:
    raw = {"id": "10001", "currier_account_properties": [8]}
    found = courier_account_row(raw, ACCOUNT, CLOCK)
    assert (found["account_id"], found["courier_account_properties"]) == (10001, [8])
    assert found["extra"] is None
    both = courier_account_row({"id": 5, "account_id": 10001}, ACCOUNT, CLOCK)
    assert (both["account_id"], both["extra"]) == (10001, {"id": 5})


def test_an_address_field_by_field() -> None:
    assert address_row(address(), ACCOUNT, CLOCK) == {
        **ACCOUNT_OF_ROW,
        "address_id": "20001",
        "country_id": 1,
        "country_code": "RO",
        "address_type_id": 2,
        "locality_id": 9000001,
        "suburb": "Judet Test",
        "city": "Oras Test",
        "address": "Strada Exemplu 9",
        "zipcode": "000000",
        "quarter": "Centru",
        "floor": "",
        "is_default": True,
        "extra": None,
    }


def test_a_package_field_by_field() -> None:
    raw = wire("""{"label": "S", "length": 20, "width": "15.5", "height": 10.25, "weight": "1.5000",
      "is_default": true, "name": "Small"}""")
    assert awb_package_row(raw, ACCOUNT, CLOCK) == {
        **ACCOUNT_OF_ROW,
        "label": "S",
        "length": Decimal(20),
        "width": Decimal("15.5"),
        "height": Decimal("10.25"),
        "weight": Decimal("1.5"),
        "is_default": True,
        "extra": {"name": "Small"},
    }


def test_the_id_of_an_address_is_text_and_never_null() -> None:
    wires: list[object] = [20001, "00020001", None, "", " ", "x" * 300, ["a"], True]
    found = [address_row({"address_id": wire}, ACCOUNT, CLOCK) for wire in wires]
    ids = [row["address_id"] for row in found]
    assert ids[:2] == ["20001", "00020001"]
    assert all(made_up.startswith("unnamed-") for made_up in ids[2:])
    assert len({*ids[4:]}) == 4
    assert found[5]["extra"] == {"address_id": "x" * 300}
