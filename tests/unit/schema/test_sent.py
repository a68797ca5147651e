"""A fingerprint covers what eMAG sent, in any form and with any columns."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_emag.schema.account_columns import ACCOUNT_KEYS
from tap_emag.schema.column_types import INTEGER, JSON_ANY, JSON_LIST, MONEY, TEXT
from tap_emag.schema.sent import SentForm, encoded
from tap_emag.schema.table import Column, Table
from tap_emag.schema.vat import Vat
from tap_emag.streams.products.stream import SENT

COLUMNS = (
    Column("id", INTEGER, ""),
    Column("price", MONEY, "", vat=Vat.UNKNOWN),
    Column("code", TEXT, ""),
    Column("state", INTEGER, "", ("check.value", "check")),
    Column("state_errors", JSON_ANY, "", ("check.errors",)),
    Column("tags", JSON_LIST, ""),
    Column("images", JSON_LIST, ""),
)
ROW: dict[str, Any] = {
    "id": 5,
    "price": Decimal("10.5"),
    "code": "A 1.0",
    "check": {"value": 9, "errors": None},
    "tags": ["a", "b"],
    "images": [{"url": "1"}, {"url": "2"}],
    "new": {"unit": "31.0500", "flags": [1, 2]},
}


def form(raw: dict[str, Any], *columns: Column) -> bytes:
    table = Table("things", (*ACCOUNT_KEYS, "id"), columns or COLUMNS)
    return encoded(SentForm(table, ordered=("images",)).of(raw))


@pytest.mark.parametrize(
    "change",
    [
        {"id": "5"},
        {"id": Decimal(5)},
        {"price": "10.5000"},
        {"price": 10.5},
        {"check": [{"value": "9", "errors": []}]},
        {"tags": ["b", "a"]},
        {"new": {"flags": ["2", 1.0], "unit": 31.05}},
        {"unheard_of": None, "another": "", "third": [], "fourth": {}},
    ],
    ids=str,
)
def test_another_form_of_the_same_is_the_same(change: dict[str, Any]) -> None:
    assert form(ROW | change) == form(ROW)


@pytest.mark.parametrize(
    "change",
    [
        {"price": "10.5001"},
        {"price": 0},
        {"price": None},
        {"code": "A 1.00"},
        {"code": "1.0"},
        {"check": {"value": 8, "errors": None}},
        {"check": {"value": 9, "errors": "refused"}},
        {"tags": ["a"]},
        {"tags": ["a", "b", "b"]},
        {"images": [{"url": "2"}, {"url": "1"}]},
        {"new": {"unit": "31.05", "flags": [1]}},
        {"unheard_of": 0},
    ],
    ids=str,
)
def test_any_other_value_counts(change: dict[str, Any]) -> None:
    assert form(ROW | change) != form(ROW)


def test_a_text_that_looks_like_a_number_is_kept_exactly_where_a_text_is_declared() -> None:
    assert form({"code": "1.0"}) != form({"code": "1"})
    assert form({"tags": ["1.0"]}) != form({"tags": ["1"]})
    assert form({"tags": [1]}) != form({"tags": ["1"]})
    assert form({"tags": [True]}) != form({"tags": [1]})


def test_the_id_of_a_request_does_not_count() -> None:
    def refused(request: str, text: str = "") -> dict[str, Any]:
        errors = {"request_id": request, "text": f"No image (request id: {request}).{text}"}
        return {"check": {"value": 8, "errors": errors}}

    assert form(refused("7f-1")) == form(refused("802c"))
    assert form(refused("7f-1")) != form(refused("7f-1", " No brand."))
    assert form({"code": "request id: 1"}) != form({"code": "request id: 2"})


numbers = st.decimals(-(10**12), 10**12, places=4) | st.integers(-(2**63), 2**63 - 1)
no_flags = st.none() | numbers | numbers.map(str) | st.text(max_size=5)


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=8,
    )


values = nested(st.booleans() | no_flags)


@given(nested(no_flags))
def test_a_number_that_gets_a_column_has_the_form_it_had(value: object) -> None:
    """So a release that adds a column makes no row new."""
    raw = ROW | {"main": value}
    assert form(raw) == form(raw, *COLUMNS, Column("main", MONEY, "", vat=Vat.UNKNOWN))


@given(st.dictionaries(st.text(max_size=5), values, max_size=6))
def test_the_order_of_keys_does_not_count(raw: dict[str, Any]) -> None:
    assert form(raw) == form(dict(reversed(raw.items())))


@pytest.mark.parametrize(
    "text", ["\ud800", "a\0b", "9" * 5000, "1e999999"], ids=["half", "nul", "long", "huge"]
)
def test_odd_texts_have_a_form(text: str) -> None:
    for key in ("code", "price", "tags", text):
        assert form({key: [text, "x"]}) != form({key: [text, "y"]})


@pytest.mark.parametrize(
    "number",
    [10**5000, Decimal("1E+999999"), 1e308, float("nan")],
    ids=["long", "huge", "float", "nan"],
)
def test_odd_numbers_have_a_form(number: float | Decimal) -> None:
    for key in ("id", "price", "code", "tags", "new"):
        assert form({key: number}) != form({key: 1})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("request id: abc, brand is missing", "request id: xyz, brand is missing"),
        ("Request ID a1b2/3.c is refused", "Request ID 9f/4.d is refused"),
        ('{"requestId": "ab"}', '{"requestId": "cd"}'),
        ('{\\"request_id\\": \\"ab\\"}', '{\\"request_id\\": \\"cd\\"}'),
    ],
)
def test_the_id_of_a_request_in_an_error_s_text_makes_no_version(first: str, second: str) -> None:
    assert SENT.of({"doc_errors": [first]}) == SENT.of({"doc_errors": [second]})


def test_words_that_follow_the_name_of_a_request_s_id_count() -> None:
    missing, unknown = ({"doc_errors": [f"request id {word}"]} for word in ("missing", "unknown"))
    assert SENT.of(missing) != SENT.of(unknown)


def test_true_is_no_number_where_a_column_shows_the_number() -> None:
    assert SENT.of({"ownership": True}) != SENT.of({"ownership": 1})
    assert SENT.of({"ownership": 1}) == SENT.of({"ownership": "1"})
