"""What a wire value becomes: exact, JSON-ready, or a misfit.

The API writes the same field as a number here and as text there, an empty list for an empty object,
and local times without a zone. Each `ColumnType` below pairs the JSON schema of a column with the
parser that brings every such form to one. A parser never guesses: what it cannot keep exactly it
refuses with `MisfitError`, and the row's `extra` column takes the value as it came.

What a loader does with the schemas was read off target-postgres: integer → bigint, number → numeric
(exact), object, array without `items` and a union of both with scalars → jsonb.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo

INT64 = 2**63
# What Postgres's numeric holds: digits before and after the point. A JSON number beyond it, though
# valid, would stop the loader, in a jsonb column as well.
NUMERIC_DIGITS = 131072
NUMERIC_SCALE = 16383
# Digits alone are Unix seconds from March 1973 on; below that they may as well be a compact date.
EARLIEST_UNIX = 10**8
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

STAMP = re.compile(r"(\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d:\d\d(?=\.|$))?)(?:\.(\d+))?", re.ASCII)
ZERO_STAMP = re.compile(r"0000-00-00(?:[ T]00:00:00(?:\.0+)?)?")
UNIX = re.compile(r"\d{9,12}", re.ASCII)
WHOLE = re.compile(r"([+-]?\d+)(?:\.0*)?", re.ASCII)
SHORT = re.compile(r"-?\d{1,40}(?:\.\d{1,40})?", re.ASCII)
POINT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
COMMA = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+", re.ASCII)
FLAGS = {0: False, 1: True, "0": False, "1": True, "false": False, "true": True, "": None}
TRUTHS = {"false": False, "true": True, "": None}


class MisfitError(ValueError):
    """A value that its column's type cannot keep exactly."""


def parse_naive(value: object) -> datetime | None:
    """Read a local stamp of the API.

    Args:
        value: `YYYY-MM-DD HH:MM:SS`, also with `T`, with a fraction, or the date alone (midnight).

    Returns:
        The naive local time; None for null, "", a zero date, and whatever is no local stamp (Unix
        seconds among them: their local time takes a `Clock`).
    """
    try:
        return _stamp(value) if isinstance(value, str) else None
    except MisfitError:
        return None


def _stamp(text: str) -> datetime | None:
    text = text.strip()
    found = STAMP.fullmatch(text)
    if found is None or ZERO_STAMP.fullmatch(text):
        if not text or found:
            return None
        raise MisfitError("no time")
    try:
        moment = datetime.fromisoformat(found[1])
    except ValueError:
        raise MisfitError("no time of the calendar") from None
    fraction = found[2]
    return moment.replace(microsecond=int(fraction[:6].ljust(6, "0"))) if fraction else moment


@dataclass(frozen=True)
class Clock:
    """The clock a marketplace keeps; turns its local times into UTC and back.

    In autumn an hour of local time occurs twice and the wire does not say which is meant. It is
    always taken as the first, so that the same text gives the same instant in every run. A time
    that spring skips is read with the offset that was valid before the change.
    """

    zone: tzinfo

    def moment(self, value: object) -> datetime | None:
        """Read a stamp, or Unix seconds as a number or digits, as an aware time in UTC.

        Returns:
            The instant; None for null, "" and a zero date.

        Raises:
            MisfitError: The value is no time.
        """
        if value is None:
            return None
        if isinstance(value, str) and not UNIX.fullmatch(value):
            naive = _stamp(value)
            if naive is None:
                return None
            try:
                return naive.replace(tzinfo=self.zone).astimezone(timezone.utc)
            except OverflowError:
                raise MisfitError("a time beyond the calendar") from None
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise MisfitError("no time")
        seconds = int(value)
        if seconds < EARLIEST_UNIX:
            raise MisfitError("no Unix time")
        try:
            return EPOCH + timedelta(seconds=seconds)
        except OverflowError:
            raise MisfitError("a time beyond the calendar") from None

    def utc(self, value: object) -> str | None:
        """Return a stamp as `YYYY-MM-DDTHH:MM:SS+00:00`, fractions of a second cut off.

        Raises:
            MisfitError: The value is no time.
        """
        moment = self.moment(value)
        return None if moment is None else moment.isoformat(timespec="seconds")

    def local(self, value: object) -> datetime | None:
        """Return what this clock showed, naive: a stamp as it stands, Unix seconds converted.

        None for null, "", a zero date, and whatever is no time.
        """
        naive = parse_naive(value)
        if naive is not None:
            return naive
        try:
            moment = self.moment(value)
        except MisfitError:
            return None
        return None if moment is None else moment.astimezone(self.zone).replace(tzinfo=None)


@dataclass(frozen=True)
class ColumnType:
    """A column's JSON schema, without null, and its parser.

    `parse` takes any JSON value but null, returns what the column holds (None for an empty form such
    as "") and raises MisfitError. It is None where the row's `Clock` has to read the value.
    """

    schema: Mapping[str, Any]
    parse: Callable[[Any], Any] | None


def parse_integer(value: object) -> int | None:
    """Read a 64-bit integer from 12, "12", "12.0" or Decimal("12"); "" is null."""
    if isinstance(value, str):
        found = WHOLE.fullmatch(value.strip())
        if not found:
            return _empty(value)
        digits = found[1]
        # Without the bound a long text would cost quadratic time, or hit Python's own limit.
        number = int(digits) if len(digits) <= NUMERIC_SCALE // 4 else INT64
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        number = _whole(_decimal(value))
    if not -INT64 <= number < INT64:
        raise MisfitError("beyond 64 bits")
    return number


def parse_decimal(value: object) -> Decimal | None:
    """Read an exact number from 10.07, "10.07", "10,07" or "1.234,56"; "" is null.

    A comma is taken as the decimal sign, as in every country of the marketplace.
    """
    if not isinstance(value, str):
        return _in_range(_decimal(value))
    text = value.strip()
    if COMMA.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    elif not POINT.fullmatch(text):
        return _empty(text)
    try:
        return _in_range(Decimal(text))
    except InvalidOperation:
        raise MisfitError("an exponent beyond reason") from None


def parse_flag(value: object) -> bool | None:
    """Read a flag from 0, 1, true or false, or the same as text; "" is null."""
    if isinstance(value, dict | list) or value not in FLAGS:
        raise MisfitError("no flag")
    return FLAGS[value]  # type: ignore[index]


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
    """Read text as it stands, without NUL; a number becomes its digits."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise MisfitError("no text")
    return str(value)


def parse_date(value: object) -> str | None:
    """Read a date as `YYYY-MM-DD`; a time of midnight beside it is dropped."""
    if not isinstance(value, str):
        raise MisfitError("no date")
    moment = _stamp(value)
    if moment is None:
        return None
    if moment != datetime(moment.year, moment.month, moment.day):  # noqa: DTZ001 - naive on both sides
        raise MisfitError("a time, not a date")
    return date(moment.year, moment.month, moment.day).isoformat()


def parse_object(value: object) -> dict[str, Any] | None:
    """Read an object; PHP's `[]` for an empty one, and "", are null; a list of one is unwrapped."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        return clean_object(value)
    if value in ([], ""):
        return None
    raise MisfitError("no object")


def parse_list(value: object) -> list[Any] | None:
    """Read a list; a lone object is a list of one, an object of numbered values is the values."""
    if isinstance(value, list | dict):
        return [clean(item) for item in items_of(value)]
    if value == "":
        return None
    raise MisfitError("no list")


def parse_ids(value: object) -> list[Any] | None:
    """Read a list of ids, as integers where they are; null and [] stay apart."""
    found = parse_list(value)
    return found and [_id(item) for item in found]


def _id(value: object) -> object:
    try:
        return value if value in (None, "") else parse_integer(value)
    except MisfitError:
        return value


def items_of(value: list[Any] | dict[str, Any]) -> list[Any]:
    """Return the items of a list in any of the forms PHP gives it.

    An array with holes in its numbering is written as an object with digits for keys, and a list of
    one may come as the bare object.
    """
    if isinstance(value, list):
        return value
    if all(key.isdecimal() for key in value):
        return list(value.values())
    return [value]


def clean(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value that Postgres and UTF-8 can hold, changing nothing else.

    NUL is stripped from texts and keys, half a surrogate pair becomes U+FFFD, a number that JSON or
    numeric cannot hold (NaN, 1E+999999) becomes its text. Large integers stay as they are.
    """
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return clean_object(value)
    if isinstance(value, list):
        return [clean(item) for item in value]
    if isinstance(value, float | Decimal):
        try:
            _in_range(_decimal(value))
        except MisfitError:
            return str(value)
    return value


def clean_text(text: str) -> str:
    """Strip NUL, which Postgres refuses in text, and replace halves of surrogate pairs."""
    if "\0" in text:
        text = text.replace("\0", "")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def clean_object(value: dict[str, Any]) -> dict[str, Any]:
    """Clean an object; keys that become the same are kept apart by an underscore."""
    cleaned: dict[str, Any] = {}
    for key, item in value.items():
        name = clean_text(key)
        while name in cleaned:
            name += "_"
        cleaned[name] = item if item is None or isinstance(item, int) else clean(item)
    return cleaned


def _empty(text: str) -> None:
    if text.strip():
        raise MisfitError("no number")


def _decimal(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MisfitError("no number")
    # A float has lost its wire text already; its shortest text is what was most likely sent.
    return Decimal(value) if isinstance(value, int) else Decimal(repr(value))


def _in_range(number: Decimal) -> Decimal:
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        raise MisfitError("not finite")
    if exponent < -NUMERIC_SCALE or number.adjusted() >= NUMERIC_DIGITS:
        raise MisfitError("beyond what numeric holds")
    return number


def _whole(number: Decimal) -> int:
    # The size first: the integer of 1E+999999 would take a million digits.
    if not number.is_finite() or number.adjusted() > len(str(INT64)) or number % 1:
        raise MisfitError("no 64-bit integer")
    return int(number)


INTEGER = ColumnType({"type": "integer"}, parse_integer)
MONEY = ColumnType({"type": "number"}, parse_decimal)
RATE = MONEY
FLAG = ColumnType({"type": "boolean"}, parse_flag)
TRUTH = ColumnType({"type": "boolean"}, parse_truth)
PRESENCE = ColumnType({"type": "boolean"}, parse_presence)
TEXT = ColumnType({"type": "string"}, parse_text)
TIMESTAMP = ColumnType({"type": "string", "format": "date-time"}, None)
DATE = ColumnType({"type": "string", "format": "date"}, parse_date)
JSON_OBJECT = ColumnType({"type": "object"}, parse_object)
JSON_LIST = ColumnType({"type": "array"}, parse_list)
ID_LIST = ColumnType({"type": "array"}, parse_ids)
# For shapes nobody documents. Without any `type` the loader would make a text column of it.
JSON_ANY = ColumnType({"type": ["object", "array", "string", "number", "boolean"]}, clean)
