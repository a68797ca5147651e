"""Makes JSON values storable: as UTF-8, and as Postgres's text, jsonb and numeric."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

# Limits of Postgres's numeric: digits before and after the point. A JSON number beyond them, though
# valid, would stop the loader, in a jsonb column as well.
NUMERIC_DIGITS = 131072
NUMERIC_SCALE = 16383
# Python, the language of loaders, refuses to read integers with more digits.
INTEGER_DIGITS = 4300


class MisfitError(ValueError):
    """A value that its column's type cannot represent exactly."""


def clean(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value in a form that Postgres and UTF-8 accept, otherwise unchanged.

    NUL is stripped from texts and keys, half a surrogate pair becomes U+FFFD, a number outside JSON
    or numeric (NaN, 1E+999999) becomes its text. Large integers stay as they are.
    """
    if isinstance(value, str):
        return value if value.isascii() and "\0" not in value else clean_text(value)
    if isinstance(value, dict):
        return clean_object(value)
    if isinstance(value, list):
        return [clean(item) for item in value]
    if isinstance(value, float):
        return value if fits_numeric(Decimal(repr(value))) else str(value)
    if isinstance(value, Decimal) and not fits_numeric(value):
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
    """Clean an object; distinguish keys that become equal by an underscore."""
    # An identifier has neither NUL nor half a pair; nearly all keys are identifiers.
    cleaned = {
        key if key.isidentifier() else clean_text(key): (
            item if item is None or isinstance(item, int) else clean(item)
        )
        for key, item in value.items()
    }
    if len(cleaned) == len(value):
        return cleaned
    cleaned = {}
    for key, item in value.items():
        name = clean_text(key)
        while name in cleaned:
            name += "_"
        cleaned[name] = clean(item)
    return cleaned


def items_of(value: list[Any] | dict[str, Any]) -> list[Any]:
    """Return the items of a list in any of the forms that PHP writes.

    PHP writes an array with gaps in its numbering as an object with digits for keys. It may write a
    list of one as the bare object.
    """
    if isinstance(value, list):
        return value
    if all(key.isdecimal() for key in value):
        return list(value.values())
    return [value]


def fits_numeric(number: Decimal) -> bool:
    """Return whether a number is finite, within Postgres's numeric, and readable by a loader."""
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -NUMERIC_SCALE:
        return False
    # Only a number without fraction and exponent is written, and read, as an integer.
    return number.adjusted() < (INTEGER_DIGITS if exponent == 0 else NUMERIC_DIGITS)
