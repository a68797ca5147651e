from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tap_emag.streams.products.history_table import PRODUCT_DELETIONS, PRODUCT_HISTORY
from tap_emag.streams.products.rows import deletion_row, history_row, product_row
from tests.unit.streams.rows.payloads import ACCOUNT, ACCOUNT_OF_ROW, offer

SEEN = "2026-11-24T10:00:00.123456+00:00"


def row(**changes: object) -> dict[str, Any]:
    return product_row({**offer(), **changes}, ACCOUNT)


def test_an_offer_field_by_field() -> None:
    assert row() == {
        **ACCOUNT_OF_ROW,
        "id": 1001,
        "part_number_key": "DTEST0BBM",
        "part_number": "TEST-A",
        "name": "Produs A",
        "brand": "Marca",
        "brand_name": "Marca SRL",
        "description": "<p>Text</p>",
        "url": "",
        "source_language": None,
        "category_id": 506,
        "vendor_category_id": None,
        "family_id": 8,
        "family_name": "Familie",
        "family_type_id": 219,
        "ean": ["0000000000017"],
        "barcode": [],
        "images": [{"url": "https://img.example.invalid/a.jpg", "display_type": 1}],
        "attachments": [],
        "characteristics": [{"id": 5401, "value": "Negru"}, {"id": 5401, "value": "Alb"}],
        "weight": None,
        "content_details": None,
        "offer_properties": [],
        "auto_translated": False,
        "ownership": True,
        "ownership_code": None,
        "sale_price": Decimal("100.5"),
        "recommended_price": Decimal(120),
        "min_sale_price": Decimal(80),
        "max_sale_price": Decimal(150),
        "best_offer_sale_price": Decimal("99.9"),
        "best_offer_recommended_price": Decimal("119.9"),
        "main_offer_price": Decimal("99.1234"),
        "currency": "RON",
        "currency_type": None,
        "offer_price_other_currency": None,
        "start_date_other_currency": [],
        "start_date": [],
        "commission": None,
        "vat_id": 1,
        "reversible_vat_charging": False,
        "green_tax": None,
        "rrp_guidelines": "RRP",
        "status": 1,
        "general_stock": 30,
        "estimated_stock": 29,
        "stock": [{"warehouse_id": 1, "value": 30}],
        "handling_time": [{"value": 0}],
        "availability": [{"value": 3}],
        "supply_lead_time": 14,
        "warranty": 24,
        "warranty_type": 1,
        "offer_details_id": 41000077,
        "emag_club": True,
        "genius_eligibility": True,
        "genius_eligibility_type": 1,
        "genius_computed": 3,
        "has_smart_deals_badge": False,
        "number_of_offers": 2,
        "buy_button_rank": 1,
        "offer_validation_status": 1,
        "offer_validation_status_description": "Saleable",
        "offer_validation_status_errors": None,
        "validation_status": 8,
        "validation_status_description": "Rejected",
        "validation_status_errors": {"status": "error", "doc_id": 1},
        "translation_validation_status": 17,
        "translation_validation_status_description": "Partly",
        "translation_validation_status_errors": None,
        "doc_errors": None,
        "has_manufacturer": True,
        "manufacturer": None,
        "has_eu_representative": False,
        "eu_representative": None,
        "safety_information": "Atentie",
        "recycle_warranties": True,
        "extra": None,
    }


@pytest.mark.parametrize(
    ("wire", "columns"),
    [
        (True, (True, None, None)),
        (False, (False, None, None)),
        (1, (None, 1, None)),
        ("2", (None, 2, None)),
        (None, (None, None, None)),
        ("mine", (None, None, {"ownership": "mine"})),
    ],
)
def test_ownership_is_never_guessed(wire: object, columns: tuple[object, ...]) -> None:
    found = row(ownership=wire)
    assert tuple(found[name] for name in ("ownership", "ownership_code", "extra")) == columns


@pytest.mark.parametrize(
    ("wire", "columns"),
    [
        (True, (True, None, None)),
        (0, (False, None, None)),
        ([{"name": "M"}], (True, [{"name": "M"}], None)),
        ({"name": "M"}, (True, [{"name": "M"}], None)),
        ([], (False, [], None)),
        (None, (None, None, None)),
        ("M", (None, None, {"manufacturer": "M"})),
    ],
)
def test_a_manufacturer_is_a_flag_or_a_list(wire: object, columns: tuple[object, ...]) -> None:
    found = row(manufacturer=wire)
    assert tuple(found[name] for name in ("has_manufacturer", "manufacturer", "extra")) == columns


@pytest.mark.parametrize(
    ("wire", "value", "text", "errors", "extra"),
    [
        ({"value": 9, "description": "ok"}, 9, "ok", None, None),
        ([{"value": "9", "Description": "ok", "errors": []}], 9, "ok", [], None),
        ({"0": {"value": 9}}, 9, None, None, None),
        (9, 9, None, None, None),
        ([], None, None, None, None),
        ({}, None, None, None, None),
        ("", None, None, None, None),
        (None, None, None, None, None),
        ([{"value": 9, "since": 1}], 9, None, None, {"since": 1}),
        ([{"value": 9}, {"value": 8}], 9, None, None, [{"value": 9}, {"value": 8}]),
        ([9], None, None, None, [9]),
        ({"value": "fine"}, None, None, None, {"value": "fine"}),
        ({"description": "a", "Description": "b"}, None, "a", None, {"Description": "b"}),
    ],
)
def test_a_validation_is_an_object_or_a_list(
    wire: object, value: object, text: object, errors: object, extra: object
) -> None:
    for name in ("offer_validation_status", "validation_status", "translation_validation_status"):
        found = row(**{name: wire})
        assert found[name] == value
        assert found[f"{name}_description"] == text
        assert found[f"{name}_errors"] == errors
        assert found["extra"] == (None if extra is None else {name: extra})


def test_old_keys_fill_the_same_columns() -> None:
    found = row(offer_details=[], supply_lead_time=7, emag_club=0, weight="3", green_tax="1,20")
    assert (found["supply_lead_time"], found["emag_club"]) == (7, False)
    assert (found["weight"], found["green_tax"]) == (Decimal(3), Decimal("1.20"))
    assert found["extra"] is None
    assert row(supply_lead_time=7)["extra"] == {"supply_lead_time": 7}, "offer_details says 14"


def test_leftovers_of_a_flattened_object_are_kept() -> None:
    reported = []
    raw = {**offer(), "offer_details": {"id": 1, "new\0": [1], "warranty_type": "x", "none": None}}
    found = product_row(raw, ACCOUNT, lambda *what: reported.append(what))
    assert found["extra"] == {"offer_details": {"new": [1], "warranty_type": "x"}}
    assert reported == [
        ("products", "unknown", "offer_details.new\0"),
        ("products", "invalid", "offer_details.warranty_type"),
        ("products", "unknown", "offer_details.none"),
    ]


def test_no_family_in_any_form() -> None:
    wires: tuple[object, ...] = (None, [], {}, "")
    for wire in wires:
        found = row(family=wire)
        assert (found["family_id"], found["extra"]) == (None, None)
    assert row(family="F")["extra"] == {"family": "F"}


def test_history_and_deletions_are_of_the_offer() -> None:
    product = row()
    history = history_row(product, SEEN, "created")
    assert history == {
        **ACCOUNT_OF_ROW,
        "id": 1001,
        "changed_at": SEEN,
        "change": "created",
        "status": 1,
        "sale_price": Decimal("100.5"),
        "recommended_price": Decimal(120),
        "min_sale_price": Decimal(80),
        "max_sale_price": Decimal(150),
        "best_offer_sale_price": Decimal("99.9"),
        "best_offer_recommended_price": Decimal("119.9"),
        "main_offer_price": Decimal("99.1234"),
        "currency": "RON",
        "general_stock": 30,
        "estimated_stock": 29,
        "offer_validation_status": 1,
        "validation_status": 8,
        "translation_validation_status": 17,
        "buy_button_rank": 1,
        "number_of_offers": 2,
    }
    assert list(history) == [column.name for column in PRODUCT_HISTORY.columns]
    gone = deletion_row(ACCOUNT, 1001, SEEN)
    assert gone == {**ACCOUNT_OF_ROW, "id": 1001, "changed_at": SEEN}
    assert list(gone) == [column.name for column in PRODUCT_DELETIONS.columns]
