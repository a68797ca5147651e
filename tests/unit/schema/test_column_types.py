from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_emag.schema.cleaning import clean, fits_numeric
from tap_emag.schema.column_types import (
    DATE,
    FLAG,
    ID_LIST,
    INTEGER,
    JSON_ANY,
    JSON_LIST,
    JSON_OBJECT,
    MONEY,
    PRESENCE,
    TEXT,
    TRUTH,
    Clock,
    MisfitError,
    parse_naive,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from tap_emag.schema.column_types import ColumnType

BUCHAREST = Clock(ZoneInfo("Europe/Bucharest"))
MISFIT = object()
BIGGEST = 2**63 - 1
PATIENT = settings(deadline=None)


def parse(kind: ColumnType, value: object) -> object:
    assert kind.parse is not None
    try:
        return kind.parse(value)
    except MisfitError:
        return MISFIT


# --- times ---


@pytest.mark.parametrize(
    ("wire", "utc"),
    [
        ("2026-01-15 12:00:00", "2026-01-15T10:00:00+00:00"),
        ("2026-07-15 12:00:00", "2026-07-15T09:00:00+00:00"),
        ("2026-07-15T12:00:00", "2026-07-15T09:00:00+00:00"),
        (" 2026-07-15 12:00:00 ", "2026-07-15T09:00:00+00:00"),
        ("2026-07-15 12:00:00.987654321", "2026-07-15T09:00:00+00:00"),
        ("2026-07-15", "2026-07-14T21:00:00+00:00"),
        (1784106000, "2026-07-15T09:00:00+00:00"),
        ("1784106000", "2026-07-15T09:00:00+00:00"),
        # Twice in the autumn night: the first time. Skipped in the spring night: the old offset.
        ("2026-10-25 03:30:00", "2026-10-25T00:30:00+00:00"),
        ("2026-03-29 03:30:00", "2026-03-29T01:30:00+00:00"),
        ("0001-01-02 00:00:00", "0001-01-01T22:15:36+00:00"),
        (None, None),
        ("", None),
        ("  ", None),
        ("0000-00-00", None),
        ("0000-00-00 00:00:00", None),
        ("0000-00-00T00:00:00.000", None),
    ],
)
def test_a_local_time_becomes_utc(wire: object, utc: str | None) -> None:
    assert BUCHAREST.utc(wire) == utc


@pytest.mark.parametrize(
    "wire",
    [
        "yesterday",
        "2026-02-30 00:00:00",
        "2026-01-01 25:00:00",
        "2026-00-00 00:00:00",
        "0000-00-00 12:00:00",
        "2026-01-01.5",
        "2026-01-01 00:00",
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00+02:00",
        "2026-W01-1",
        "20260101",
        "\u0662\u0660\u0662\u0666-01-01",
        "0001-01-01 00:00:00",
        "999999999999",
        10**8 - 1,
        10**30,
        0,
        True,
        -1,
        Decimal("1784106000.5"),
        [],
        {},
    ],
)
def test_what_is_no_time_does_not_fit(wire: object) -> None:
    with pytest.raises(MisfitError):
        BUCHAREST.utc(wire)


def test_a_naive_stamp_stays_local() -> None:
    moment = datetime(2026, 7, 15, 12, 0, 1, 500000)  # noqa: DTZ001 - local
    assert parse_naive("2026-07-15 12:00:01.5") == moment
    nothings: list[object] = [None, "", "0000-00-00", "soon", "1784106000", 1784106000, [], {}]
    assert all(parse_naive(nothing) is None for nothing in nothings)


def minutes(year: int) -> Iterator[datetime]:
    moment = datetime(year, 1, 1)  # noqa: DTZ001 - local
    while moment.year == year:
        yield moment
        moment += timedelta(minutes=1)


@pytest.mark.parametrize("name", ["Europe/Bucharest", "Europe/Sofia", "Europe/Budapest"])
def test_every_minute_of_a_year_comes_back_from_utc(name: str) -> None:
    zone = ZoneInfo(name)
    clock = Clock(zone)
    odd = 0
    for local in minutes(2026):
        text = clock.utc(f"{local}")
        assert text is not None
        utc = datetime.fromisoformat(text)
        if zone.utcoffset(local) == zone.utcoffset(local.replace(fold=1)):
            assert utc.astimezone(zone).replace(tzinfo=None) == local
        else:
            odd += 1
            assert utc == local.replace(tzinfo=zone, fold=0).astimezone(timezone.utc)
    assert odd == 120, "an hour that spring skips and one that autumn repeats"


@PATIENT
@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001
def test_utc_text_has_one_format(local: datetime) -> None:
    text = BUCHAREST.utc(local.isoformat(sep=" "))
    assert text is not None
    assert len(text) == len("2026-01-01T00:00:00+00:00")
    assert datetime.fromisoformat(text).utcoffset() == timedelta()


@pytest.mark.parametrize(
    ("wire", "column"),
    [
        ("2026-02-20", "2026-02-20"),
        ("2026-02-20 00:00:00", "2026-02-20"),
        ("0000-00-00", None),
        ("", None),
        ("2026-02-20 10:00:00", MISFIT),
        ("2026-02-20 00:00:00.5", MISFIT),
        ("2026-02-30", MISFIT),
        (20260220, MISFIT),
        (True, MISFIT),
    ],
)
def test_dates(wire: object, column: object) -> None:
    assert parse(DATE, wire) == column


@PATIENT
@given(st.dates())
def test_every_date_stays(day: date) -> None:
    assert parse(DATE, day.isoformat()) == day.isoformat()


# --- numbers ---


@pytest.mark.parametrize(
    ("wire", "column"),
    [
        (12, 12),
        ("12", 12),
        (" +12 ", 12),
        ("12.0", 12),
        ("12.", 12),
        ("-0012.000", -12),
        (Decimal("12.00"), 12),
        (Decimal("1E+3"), 1000),
        (12.0, 12),
        ("", None),
        (" ", None),
        (BIGGEST, BIGGEST),
        (str(-BIGGEST - 1), -BIGGEST - 1),
        (BIGGEST + 1, MISFIT),
        (str(BIGGEST + 1), MISFIT),
        ("9" * 5000, MISFIT),
        (Decimal("1E+999999"), MISFIT),
        (Decimal("1E-999999"), MISFIT),
        (Decimal("NaN"), MISFIT),
        (float("inf"), MISFIT),
        (Decimal("12.5"), MISFIT),
        ("12.5", MISFIT),
        ("1_0", MISFIT),
        ("0x1", MISFIT),
        ("\u0661", MISFIT),
        (True, MISFIT),
        ([], MISFIT),
        ({}, MISFIT),
    ],
)
def test_integers(wire: object, column: object) -> None:
    assert parse(INTEGER, wire) == column


@PATIENT
@given(st.integers())
def test_an_integer_fits_when_it_has_64_bits(number: int) -> None:
    expected = number if -(2**63) <= number < 2**63 else MISFIT
    assert parse(INTEGER, number) == expected
    assert parse(INTEGER, str(number)) == expected
    assert parse(INTEGER, Decimal(number)) == expected


@pytest.mark.parametrize(
    ("wire", "column"),
    [
        ("10.0700", "10.0700"),
        ("10,07", "10.07"),
        ("1.234,56", "1234.56"),
        ("-1.234.567,8", "-1234567.8"),
        ("1,234", "1.234"),
        (" 5 ", "5"),
        ("+5", "5"),
        (".5", "0.5"),
        ("1e3", "1E+3"),
        (0, "0"),
        (-8, "-8"),
        (14.99, "14.99"),
        (Decimal("-8.2645"), "-8.2645"),
        ("123456789.123456789012345", "123456789.123456789012345"),
    ],
)
def test_money(wire: object, column: str) -> None:
    assert str(parse(MONEY, wire)) == column


@pytest.mark.parametrize(
    "wire",
    [
        "NaN",
        "Infinity",
        "-inf",
        "1,234.56",
        "1.234.567",
        "1,2,3",
        "1_000",
        "12 lei",
        "1 234,56",
        "1e9999999999999999999",
        "1e999999",
        "1e-99999",
        Decimal("NaN"),
        Decimal("-Infinity"),
        Decimal("1E+200000"),
        float("nan"),
        float("inf"),
        True,
        [],
        {},
    ],
)
def test_what_is_no_exact_number_does_not_fit(wire: object) -> None:
    assert parse(MONEY, wire) is MISFIT


@PATIENT
@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_money_is_exact(number: Decimal) -> None:
    if not fits_numeric(number):
        assert parse(MONEY, number) is MISFIT
        assert parse(MONEY, str(number)) is MISFIT
        return
    for wire in (number, str(number), f" {number} ", f"{number:f}"):
        found = parse(MONEY, wire)
        assert found == number
        written = msgspec.json.Encoder(decimal_format="number").encode(found)
        assert Decimal(written.decode()) == number
    if "." in f"{number:f}":
        assert parse(MONEY, f"{number:f}".replace(".", ",")) == number
        assert parse(MONEY, f"{number:,f}".translate(str.maketrans(",.", ".,"))) == number


# --- flags ---


@pytest.mark.parametrize("wire", [1, "1", True, "true", Decimal(1)])
def test_true_flags(wire: object) -> None:
    assert parse(FLAG, wire) is True


@pytest.mark.parametrize("wire", [0, "0", False, "false", Decimal(0)])
def test_false_flags(wire: object) -> None:
    assert parse(FLAG, wire) is False


@PATIENT
@given(st.integers() | st.text() | st.lists(st.integers()) | st.dictionaries(st.text(), st.none()))
def test_other_values_are_no_flag(wire: object) -> None:
    if wire in (0, 1, "0", "1", "true", "false"):
        return
    assert parse(FLAG, wire) is (None if wire == "" else MISFIT)


def test_a_code_is_no_truth_value() -> None:
    assert [parse(TRUTH, wire) for wire in (True, False, "true", "")] == [True, False, True, None]
    codes: list[object] = [0, 1, "0", "1", [], {}, "yes"]
    assert all(parse(TRUTH, wire) is MISFIT for wire in codes)


def test_presence_is_a_flag_or_a_list_that_is_not_empty() -> None:
    wires: list[object] = [True, 0, "1", "", [], {}, [{"name": "x"}], {"name": "x"}]
    assert [parse(PRESENCE, wire) for wire in wires] == [
        *(True, False, True, None),
        *(False, False, True, True),
    ]
    assert parse(PRESENCE, "some") is MISFIT


# --- text and JSON ---


@pytest.mark.parametrize(
    ("wire", "column"),
    [
        ("Ștefan", "Ștefan"),
        ("", ""),
        ("a\0b", "ab"),
        ("ș\0", "ș"),
        ("\ud800x", "\ufffdx"),
        ("\ud83d\ude00", "😀"),
        (12, "12"),
        (Decimal("3.50"), "3.50"),
        (True, MISFIT),
        ([], MISFIT),
        ({}, MISFIT),
    ],
)
def test_text(wire: object, column: object) -> None:
    assert parse(TEXT, wire) == column


def test_json_objects() -> None:
    nested = {"a": [{"b\0": "c\0", "n": 10**40, "d": Decimal("0.10")}], "e": None}
    assert parse(JSON_OBJECT, nested) == {
        "a": [{"b": "c", "n": 10**40, "d": Decimal("0.10")}],
        "e": None,
    }
    assert parse(JSON_OBJECT, [{"a": 1}]) == {"a": 1}
    assert parse(JSON_OBJECT, {}) is None
    assert parse(JSON_OBJECT, []) is None
    assert parse(JSON_OBJECT, "") is None
    others: list[object] = ["x", 1, False, [1], [{}, {}]]
    assert all(parse(JSON_OBJECT, wire) is MISFIT for wire in others)


def test_json_lists() -> None:
    assert parse(JSON_LIST, [{"a\0": 1}, "x\0"]) == [{"a": 1}, "x"]
    assert parse(JSON_LIST, {"a": 1}) == [{"a": 1}]
    assert parse(JSON_LIST, {"2": "b", "0": "a"}) == ["b", "a"]
    empties: list[object] = [[], {}, ""]
    assert [parse(JSON_LIST, wire) for wire in empties] == [[], [], None]
    assert all(parse(JSON_LIST, wire) is MISFIT for wire in ("x", 0, True, Decimal(1)))


def test_lists_of_ids() -> None:
    assert parse(ID_LIST, [10001, "10002", "x", None, True]) == [10001, 10002, "x", None, True]
    assert parse(ID_LIST, {"3": "7"}) == [7]
    assert parse(ID_LIST, []) == []
    assert parse(ID_LIST, 10001) is MISFIT


def test_any_json_stays_as_it_is() -> None:
    wires: list[object] = [[], {}, "", "x", 0, True, Decimal("1.0"), {"a": [None]}]
    for wire in wires:
        assert parse(JSON_ANY, wire) == wire


def test_numbers_that_json_cannot_hold_become_text() -> None:
    odd = [float("nan"), Decimal("-Infinity"), Decimal("1E+999999"), Decimal("1E-20000")]
    assert clean(odd) == ["nan", "-Infinity", "1E+999999", "1E-20000"]
    assert clean([1.5, Decimal("1E+9"), 10**300]) == [1.5, Decimal("1E+9"), 10**300]


def test_keys_that_become_the_same_are_both_kept() -> None:
    assert clean({"a\0": 1, "a": 2, "\0a": 3}) == {"a": 1, "a_": 2, "a__": 3}


TEXTS = st.text(st.characters(exclude_categories=[])).map(str)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


@PATIENT
@given(JSON_VALUES)
def test_cleaned_json_can_be_written_and_read(value: object) -> None:
    text = msgspec.json.encode(clean(value)).decode()
    assert "\\u0000" not in text.replace("\\\\", "")
    assert json.loads(text) == clean(value)
    assert clean(clean(value)) == clean(value)
