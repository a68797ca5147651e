from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tap_emag.schema.identity import objects
from tap_emag.streams.invoices.rows import (
    customer_invoice_rows,
    invoice_category_row,
    invoice_list,
    invoice_rows,
    invoice_total,
)
from tests.unit.streams.rows.more_payloads import customer_invoice, invoice
from tests.unit.streams.rows.payloads import ACCOUNT, ACCOUNT_OF_ROW, CLOCK

SIGNED = ("signed_total_without_vat", "signed_total_vat_value", "signed_total_with_vat")


def row(**changes: object) -> dict[str, Any]:
    return invoice_rows({**invoice(), **changes}, ACCOUNT, CLOCK).invoice


def test_an_invoice_field_by_field() -> None:
    raw = invoice()
    assert row() == {
        **ACCOUNT_OF_ROW,
        "number": "X-TEST-77",
        "category": "FC",
        "name": "Commission",
        "date": "2026-02-28",
        "is_storno": False,
        "supplier": raw["supplier"],
        "supplier_cif": "00000077",
        "customer": raw["customer"],
        "customer_cif": "11111177",
        "payment_term": 0,
        "payment_due_date": None,
        "total_without_vat": Decimal(99),
        "total_vat_value": Decimal("20.79"),
        "total_with_vat": Decimal("1119.79"),
        "signed_total_without_vat": Decimal(99),
        "signed_total_vat_value": Decimal("20.79"),
        "signed_total_with_vat": Decimal("1119.79"),
        "currency": "RON",
        "extra": None,
    }


def test_its_lines_field_by_field() -> None:
    first, second = invoice_rows(invoice(), ACCOUNT, CLOCK).lines
    assert first == {
        **ACCOUNT_OF_ROW,
        "number": "X-TEST-77",
        "position": 1,
        "product_name": "Commission demo",
        "unit_of_measure": "Buc",
        "quantity": Decimal(1),
        "unit_price": Decimal("100.5"),
        "vat_rate": Decimal(21),
        "value": Decimal("100.5"),
        "vat_value": Decimal("21.105"),
        "extra": None,
    }
    assert (second["position"], second["quantity"]) == (2, Decimal("1.5"))
    assert second["vat_value"] == Decimal("-0.315")


def test_a_customer_s_invoice_field_by_field() -> None:
    raw = customer_invoice()
    found = customer_invoice_rows(raw, ACCOUNT, CLOCK)
    assert found.invoice == {
        **ACCOUNT_OF_ROW,
        "number": "C-TEST-78",
        "category": "storno",
        "order_id": 3200000077,
        "date": "2026-03-12",
        "is_storno": True,
        "reversal_for": "C-TEST-77",
        "supplier": raw["supplier"],
        "supplier_cif": "11111177",
        "customer": raw["customer"],
        "customer_cif": "",
        "total_without_vat": Decimal(-100),
        "total_vat_value": Decimal(-21),
        "total_with_vat": Decimal(-121),
        "signed_total_without_vat": Decimal(-100),
        "signed_total_vat_value": Decimal(-21),
        "signed_total_with_vat": Decimal(-121),
        "currency": "RON",
        "extra": None,
    }
    assert found.lines == [
        {
            **ACCOUNT_OF_ROW,
            "number": "C-TEST-78",
            "position": 1,
            "product_name": "Produs A",
            "unit_of_measure": "Buc",
            "quantity": Decimal(-1),
            "unit_price": Decimal(100),
            "vat_rate": Decimal(21),
            "value": Decimal(-100),
            "vat_value": Decimal(-21),
            "extra": None,
        }
    ]


@pytest.mark.parametrize(
    ("is_storno", "total", "signed"),
    [
        (1, "100,25", "-100.25"),
        (1, "-100.25", "-100.25"),
        ("1", "1" * 60, "-" + "1" * 60),
        (0, "100.25", "100.25"),
        (0, "-100.25", "-100.25"),
        (None, "100.25", "100.25"),
        (1, 0, "0"),
    ],
)
def test_the_sign_of_a_storno(is_storno: object, total: object, signed: str) -> None:
    totals = ("total_without_vat", "total_vat_value", "total_with_vat")
    found = row(is_storno=is_storno, **dict.fromkeys(totals, total))
    assert [found[name] for name in SIGNED] == [Decimal(signed)] * 3
    assert str(found[SIGNED[0]]) == signed, "not a digit lost, no minus zero"


def test_totals_that_are_none_have_no_sign() -> None:
    found = row(is_storno=1, total_with_vat=None, total_vat_value="nil")
    assert (found["signed_total_with_vat"], found["signed_total_vat_value"]) == (None, None)
    assert found["extra"] == {"total_vat_value": "nil"}


@pytest.mark.parametrize(
    ("wire", "term"),
    [
        (30, (30, None, None)),
        ("30", (30, None, None)),
        ("2026-03-30", (None, "2026-03-30", None)),
        ("2026-03-30 00:00:00", (None, "2026-03-30", None)),
        ("30 zile", (None, None, {"payment_term": "30 zile"})),
        (None, (None, None, None)),
        ("", (None, None, None)),
    ],
)
def test_the_term_of_payment_is_a_number_or_a_date(wire: object, term: tuple[object, ...]) -> None:
    found = row(payment_term=wire)
    assert tuple(found[name] for name in ("payment_term", "payment_due_date", "extra")) == term


def test_an_invoice_without_number_has_one_that_no_other_invoice_has() -> None:
    found = [row(number=wire) for wire in (None, "", ["x"], "y" * 300)]
    numbers = [each["number"] for each in found]
    assert len(set(numbers)) == 4
    assert all(number.startswith("unnamed-") and len(number) == 72 for number in numbers)
    rows = invoice_rows({**invoice(), "number": None}, ACCOUNT, CLOCK)
    assert {line["number"] for line in rows.lines} == {rows.invoice["number"]}
    assert row(number=77)["number"] == "77"


def test_a_kind_of_invoice_field_by_field() -> None:
    raw = {"category": "FC", "name": "Commission"}
    found = invoice_category_row(raw, ACCOUNT, CLOCK)
    assert found == {**ACCOUNT_OF_ROW, **raw, "extra": None}


ONE, TWO = {"number": "1"}, {"number": "2", "invoices": [{"number": "3"}]}


@pytest.mark.parametrize(
    ("body", "invoices", "total"),
    [
        ({"results": {"total_results": "2", "invoices": [ONE, TWO]}}, [ONE, TWO], 2),
        ({"total_results": 2, "invoices": [ONE, TWO]}, [ONE, TWO], 2),
        ({"isError": False, "results": [], "total_results": 1, "invoices": [ONE]}, [ONE], 1),
        ({"isError": False, "results": [ONE, TWO]}, [ONE, TWO], None),
        ({"results": [{"total_results": 2, "invoices": [ONE, TWO]}]}, [ONE, TWO], 2),
        ({"results": [[ONE, TWO]]}, [ONE, TWO], None),
        ([ONE, TWO], [ONE, TWO], None),
        ({"0": ONE, "4": TWO}, [ONE, TWO], None),
        ({"invoices": {"1": ONE, "4": TWO}, "total_results": 2}, [ONE, TWO], 2),
        ({"invoices": ONE}, [ONE], None),
        ({"invoices": None, "results": [ONE]}, [ONE], None),
        (TWO, [TWO], None),
        ({"isError": False, "messages": [], "results": []}, [], None),
        ({"total_results": 0, "invoices": []}, [], 0),
        ({"isError": False, "results": {"total_results": 0, "invoices": {}}}, [], 0),
        ({"isError": False}, [], None),
        ([], [], None),
        ({}, [], None),
        (None, [], None),
        ("text", objects(["text"]), None),
        (5, objects([5]), None),
    ],
)
def test_invoices_are_found_in_any_envelope(
    body: object, invoices: list[object], total: int | None
) -> None:
    assert invoice_list(body) == invoices
    assert invoice_total(body) == total
