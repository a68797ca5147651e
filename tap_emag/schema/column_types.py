"""Converts wire values to exact, JSON-ready values, or raises `MisfitError`.

The API writes the same field as a number here and as text there. It writes an empty list for an
empty object, and local times without a zone. Each `ColumnType` below pairs the JSON schema of a
column with the parser that converts all such forms to one. A parser never guesses: it raises
`MisfitError` for a value that it cannot convert exactly. The row's `extra` column takes that value
as it came.

The schemas follow target-postgres: integer → bigint, number → numeric (exact), object, array
without `items` and a union of both with scalars → jsonb.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from tap_emag.schema.cleaning import (
    MisfitError,
    clean,
    clean_object,
    clean_text,
    fits_numeric,
    items_of,
)
from tap_emag.schema.local_time import Clock, parse_naive, read_stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "DATE",
    "DAY",
    "FLAG",
    "ID_LIST",
    "INTEGER",
    "JSON_ANY",
    "JSON_LIST",
    "JSON_OBJECT",
    "MONEY",
    "NUMBER",
    "PRESENCE",
    "RATE",
    "TEXT",
    "TIMESTAMP",
    "TRUTH",
    "Clock",
    "ColumnType",
    "MisfitError",
    "parse_integer",
    "parse_naive",
    "parse_text",
]

INT64 = 2**63
WHOLE = re.compile(r"([+-]?\d{1,40})(?:\.0*)?", re.ASCII)
SHORT = re.compile(r"-?\d{1,40}(?:\.\d{1,40})?", re.ASCII)
POINT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
COMMA = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+", re.ASCII)
FLAGS = {0: False, 1: True, "0": False, "1": True, "false": False, "true": True, "": None}
TRUTHS = {"false": False, "true": True, "": None}


@dataclass(frozen=True, eq=False)
class ColumnType:
    """A column's JSON schema, without null, and its parser.

    `parse` takes any JSON value but null, returns the column's value (None for an empty form, such
    as "") and raises MisfitError. It is None where the row's `Clock` has to read the value.
    """

    schema: Mapping[str, Any]
    parse: Callable[[Any], Any] | None


def parse_integer(value: object) -> int | None:
    """Read a 64-bit integer from 12, "12", "12.0" or Decimal("12"); "" is null."""
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str):
        found = WHOLE.fullmatch(value.strip())
        if not found:
            _check_blank(value)
            return None
        number = int(found[1])
    else:
        number = _whole(_decimal(value))
    if not -INT64 <= number < INT64:
        raise MisfitError("beyond 64 bits")
    return number


def parse_decimal(value: object) -> Decimal | None:
    """Read an exact number from 10.07, "10.07", "10,07" or "1.234,56"; "" is null.

    A comma is the decimal sign, as in every country of the marketplace.
    """
    if isinstance(value, str):
        if SHORT.fullmatch(value):
            return Decimal(value)
        text = value.strip()
        if COMMA.fullmatch(text):
            text = text.replace(".", "").replace(",", ".")
        elif not POINT.fullmatch(text):
            _check_blank(text)
            return None
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise MisfitError("an exponent beyond reason") from None
    else:
        number = _decimal(value)
    # Integers come from JSON, whose reader allows fewer digits than numeric.
    if not isinstance(value, int) and not fits_numeric(number):
        raise MisfitError("not finite, or beyond numeric")
    return number


def parse_flag(value: object) -> bool | None:
    """Read a flag from 0, 1, true or false, or the same as text; "" is null."""
    if isinstance(value, dict | list) or value not in FLAGS:
        raise MisfitError("no flag")
    return FLAGS[value]


def parse_truth(value: object) -> bool | None:
    """Read a flag from true or false alone, where 0 and 1 mean something else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in TRUTHS:
        return TRUTHS[value]
    raise MisfitError("no truth value")


def parse_presence(value: object) -> bool | None:
    """Read whether something is there, from a flag or from the list of what is there."""
    return bool(value) if isinstance(value, dict | list) else parse_flag(value)


def parse_text(value: object) -> str:
    """Read text as it is, without NUL; a number becomes its digits."""
    if isinstance(value, str):
        return value if value.isascii() and "\0" not in value else clean_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise MisfitError("no text")
    return str(value)


def parse_date(value: object) -> str | None:
    """Read a date as `YYYY-MM-DD`; drop a time of midnight after it."""
    if not isinstance(value, str):
        raise MisfitError("no date")
    moment = read_stamp(value)
    if moment is None:
        return None
    if moment != moment.replace(hour=0, minute=0, second=0, microsecond=0):
        raise MisfitError("a time, not a date")
    return moment.date().isoformat()


def parse_day(value: object) -> str | None:
    """Read the day of a time or of a date as `YYYY-MM-DD`, in the marketplace's calendar."""
    if not isinstance(value, str):
        raise MisfitError("no day")
    moment = read_stamp(value)
    return None if moment is None else moment.date().isoformat()


def parse_object(value: object) -> dict[str, Any] | None:
    """Read an object; an empty one (PHP: `[]`) and "" are null; a list of one is unwrapped."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict) and value:
        return clean_object(value)
    if value in ([], {}, ""):
        return None
    raise MisfitError("no object")


def parse_list(value: object) -> list[Any] | None:
    """Read a list; a lone object is a list of one, an object with digits for keys its values."""
    if isinstance(value, list | dict):
        return [clean(item) for item in items_of(value)]
    if value == "":
        return None
    raise MisfitError("no list")


def parse_ids(value: object) -> list[Any] | None:
    """Read a list of ids, as integers where possible; null and [] stay distinct."""
    found = parse_list(value)
    return found and [_id(item) for item in found]


def _id(value: object) -> object:
    try:
        return value if value in (None, "") else parse_integer(value)
    except MisfitError:
        return value


def _check_blank(text: str) -> None:
    if text.strip():
        raise MisfitError("no number")


def _decimal(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MisfitError("no number")
    # A float has lost its wire text; its shortest text is most likely the one that was sent.
    return Decimal(value) if isinstance(value, int) else Decimal(repr(value))


def _whole(number: Decimal) -> int:
    # The size first: the integer of 1E+999999 would take a million digits.
    if not number.is_finite() or number.adjusted() > len(str(INT64)) or number % 1:
        raise MisfitError("no 64-bit integer")
    return int(number)


INTEGER = ColumnType({"type": "integer"}, parse_integer)
# An amount: its column names its `Vat`.
MONEY = ColumnType({"type": "number"}, parse_decimal)
RATE = ColumnType({"type": "number"}, parse_decimal)
# A number that is neither: a weight, a quantity.
NUMBER = ColumnType({"type": "number"}, parse_decimal)
FLAG = ColumnType({"type": "boolean"}, parse_flag)
TRUTH = ColumnType({"type": "boolean"}, parse_truth)
PRESENCE = ColumnType({"type": "boolean"}, parse_presence)
TEXT = ColumnType({"type": "string"}, parse_text)
TIMESTAMP = ColumnType({"type": "string", "format": "date-time"}, None)
DATE = ColumnType({"type": "string", "format": "date"}, parse_date)
DAY = ColumnType({"type": "string", "format": "date"}, parse_day)
JSON_OBJECT = ColumnType({"type": "object"}, parse_object)
JSON_LIST = ColumnType({"type": "array"}, parse_list)
ID_LIST = ColumnType({"type": "array"}, parse_ids)
# For undocumented shapes. Without any `type` the loader would create a text column.
JSON_ANY = ColumnType({"type": ["object", "array", "string", "number", "boolean"]}, clean)
