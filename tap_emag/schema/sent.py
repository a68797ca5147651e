"""What eMAG sent of a row, in one form: what its fingerprint covers. Pure.

A fingerprint of the row as we write it would change with every release that adds a column. So it
covers the reply instead, brought to one form: numbers and numbers in text are the same, so are a
missing key, null and an empty value, a list of one object and the object. Lists are sets, unless
their order is named as one that counts. What differs from reply to reply is left out.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from tap_emag.schema.cleaning import items_of
from tap_emag.schema.column_types import (
    FLAG,
    JSON_ANY,
    JSON_LIST,
    JSON_OBJECT,
    PRESENCE,
    TEXT,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tap_emag.schema.column_types import ColumnType
    from tap_emag.schema.table import Table

# Texts that may look like numbers and are none: "10.0" and "10" are different part numbers.
EXACT = {TEXT, JSON_ANY, JSON_LIST, JSON_OBJECT}
NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,39})(?:\.\d{1,40})?", re.ASCII)
FLAGS = {FLAG, PRESENCE}
# An object of validation errors has it as a key, and error texts quote it: after a sign such as a
# colon, or as a word with a digit. Other words after it belong to the text.
REQUEST_ID_KEYS = {"request_id", "requestid", "request-id"}
REQUEST_ID = re.compile(
    r"\brequest[ _-]?id\b"
    r"(?:[\s\"'\\]*[:=#][\s\"'\\]*[\w./-]+|[\s\"'\\(]+(?=[\w./-]*\d)[\w./-]+)",
    re.IGNORECASE,
)
ERRORS = re.compile(r"errors\b")
# Python's own context would round to 28 digits: what changes after them would pass unnoticed.
_CONTEXT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
_encoder = msgspec.json.Encoder(order="deterministic")


class SentForm:
    """Brings the raw rows of one table to one form."""

    def __init__(
        self,
        table: Table,
        ordered: Collection[str] = (),
        parts: Mapping[str, Table] | None = None,
        ignored: Collection[str] = (),
    ) -> None:
        """Take the types of a table's columns.

        Args:
            table: Its text and JSON columns name the keys whose texts are kept exactly, others
                those whose values are numbers.
            ordered: Keys of lists whose order counts.
            parts: Tables of lists inside a row by key, such as `lines` or `lines.vouchers`; their
                order counts, since places are part of keys.
            ignored: Keys that are left out, since their values are written without a fingerprint.
        """
        tables = {"": table, **{f"{path}.": part for path, part in (parts or {}).items()}}
        types: dict[str, set[ColumnType]] = defaultdict(set)
        for path, part in tables.items():
            for column in part.columns:
                for key in column.wire_keys():
                    types[f"{path}{key}"].add(column.type)
        self._exact = {path for path, found in types.items() if found & EXACT}
        # Where a column shows a number, 1 is not true.
        self._numbers = {path for path, found in types.items() if found - FLAGS}
        self._parts = frozenset(parts or ())
        self._ordered = self._parts | set(ordered)
        self._ignored = frozenset(ignored)

    def of(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was sent, without what is empty; to be `encoded`."""
        return self._object(raw, "", exact=False) or {}

    def _form(self, value: Any, path: str, *, exact: bool) -> Any:  # noqa: ANN401 - any JSON value
        if isinstance(value, dict):
            return self._object(value, path, exact=exact)
        if isinstance(value, list):
            return self._list(value, path, exact=exact)
        if isinstance(value, str):
            return _text(value, path, exact=exact)
        if value is None or (isinstance(value, bool) and (exact or path in self._numbers)):
            return value
        return f"#{_number(value)}" if exact else _number(value)

    def _object(self, value: Mapping[str, Any], path: str, *, exact: bool) -> dict[str, Any] | None:
        found = {}
        for key, inner in value.items():
            below = f"{path}.{key}" if path else key
            if key.lower() not in REQUEST_ID_KEYS and below not in self._ignored:
                if isinstance(inner, dict) and below in self._parts:
                    inner = items_of(inner)  # noqa: PLW2901 - PHP's list with gaps
                form = self._form(inner, below, exact=exact or below in self._exact)
                if form is not None:
                    found[key] = form
        return found or None

    def _list(self, value: list[Any], path: str, *, exact: bool) -> Any:  # noqa: ANN401
        found = [self._form(item, path, exact=exact) for item in value]
        found = [item for item in found if item is not None]
        if len(found) == 1 and isinstance(found[0], dict):
            return found[0]
        if path not in self._ordered:
            found.sort(key=encoded)
        return found or None


def encoded(form: object) -> bytes:
    """Return a form as bytes, the same for the same form."""
    try:
        return _encoder.encode(form)
    except UnicodeEncodeError:  # half a surrogate pair
        return json.dumps(form, sort_keys=True).encode()


def _text(text: str, path: str, *, exact: bool) -> str | None:
    if ERRORS.search(path):
        text = REQUEST_ID.sub("", text)
    if not exact and NUMBER.fullmatch(text):
        return _number(Decimal(text))
    return text or None


def _number(number: float | Decimal) -> str:
    """Return a number, or true and false as 1 and 0, as text without trailing zeros."""
    exact = Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
    return str(exact.normalize(_CONTEXT))
