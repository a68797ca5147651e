"""Computes keys of rows, which must never be null."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from tap_emag.schema.column_types import MisfitError, parse_integer, parse_text
from tap_emag.schema.identity import is_id

if TYPE_CHECKING:
    from collections.abc import Mapping


# Postgres refuses to index a text of more than some 2700 bytes.
LONGEST_KEY = 255


def integer_or_none(value: object) -> int | None:
    """Return an integer; None for any other value."""
    try:
        return None if value is None else parse_integer(value)
    except MisfitError:
        return None


def key_of(raw: Mapping[str, Any], name: str) -> int:
    """Return a row's integer key, which must never be null.

    A key that is missing or not an integer is replaced by a negative number. It is computed from
    the value, or from the complete row: so it is unique, and the same in every run.
    """
    key = integer_or_none(raw.get(name))
    if key is not None:
        return key
    return -(int.from_bytes(_digest(raw, name)[:7], "big") + 1)


def key_or_none(raw: Mapping[str, Any], name: str) -> int | None:
    """Return a row's integer key, None where the row has none: see `key_of`."""
    return key_of(raw, name) if is_id(raw.get(name)) else None


def text_key_of(raw: Mapping[str, Any], name: str) -> str:
    """Return a row's key as text, which must never be null or empty.

    A key that is missing, not a text or too long is replaced by `unnamed-` and digits. They are
    computed from the value, or from the complete row: so the key is unique, and the same in every
    run.
    """
    key = text_of(raw.get(name))
    return key if key.strip() and len(key) <= LONGEST_KEY else f"unnamed-{_digest(raw, name).hex()}"


def text_of(value: object) -> str:
    """Return a value as a text column has it, "" where that is null."""
    try:
        return "" if value is None else parse_text(value)
    except MisfitError:
        return ""


def _digest(raw: Mapping[str, Any], name: str) -> bytes:
    basis = raw.get(name) or dict(raw)
    return hashlib.sha256(json.dumps(basis, sort_keys=True, default=str).encode()).digest()
