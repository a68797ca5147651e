"""Wraps invalid rows, and identifies rows by id or content.

Nothing that the API sends may vanish silently, not even an invalid element. So all code can rely on
a list of rows as a list of objects: an element that is not an object is wrapped in one.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from tap_emag.schema.cleaning import clean, items_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

DOUBLE = "another row of the same reply has its id"
MARK = "\0 again "

_encoder = msgspec.json.Encoder(order="deterministic", decimal_format="number")


class NoObject(dict[str, Any]):
    """An element of a list of rows that is not an object: it has no keys, only its `value`."""

    def __init__(self, value: object) -> None:
        """Wrap the element."""
        super().__init__()
        self.value = value


def rows_of(results: object) -> list[dict[str, Any]] | None:
    """Return the rows of a reply, in any form that PHP writes; None when it is not a list."""
    return objects(items_of(results)) if isinstance(results, list | dict) else None


def rows_with(value: object, *marks: str) -> list[dict[str, Any]]:
    """Return the objects of a reply that have one of some keys, in any envelope around them.

    For resources whose envelope is not documented. What is in their place and has none of the keys
    is returned as well, for the caller to reject.

    Args:
        value: A complete reply, its `results`, or a part of them.
        marks: The keys of which an object has at least one.
    """
    if isinstance(value, dict):
        if value.keys() & set(marks):
            return [value]
        if "results" in value:
            return rows_with(value["results"], *marks)
        value = [value] if _is_flat(value) else list(value.values())
    elif not isinstance(value, list):
        value = [] if value in (None, "") else [value]
    found = []
    for item in value:
        deeper = isinstance(item, list) or (isinstance(item, dict) and not _is_flat(item))
        found += rows_with(item, *marks) if deeper else objects([item] if item != {} else [])
    return found


def _is_flat(value: dict[str, Any]) -> bool:
    return not any(isinstance(item, dict | list) for item in value.values())


def objects(items: Iterable[Any]) -> list[dict[str, Any]]:
    """Return the items, each one that is not an object wrapped in one."""
    return [item if isinstance(item, dict) else NoObject(item) for item in items]


def is_id(value: object) -> bool:
    """Return whether a value is usable as an id: a number, or a text that is not blank."""
    if isinstance(value, str):
        return bool(value.replace("\0", "").strip())
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def identities(rows: Iterable[Mapping[str, Any]], name: str) -> list[str]:
    """Return a unique identity for each row of a reply.

    That is its id, or without one its content. Where several rows of the reply share it, the second
    and later ones get a suffix, a mark and a number: see `is_double`.
    """
    found = []
    for row in rows:
        key = row.get(name)
        found.append(str(key) if is_id(key) else f"without {name}: {digest_of(row)}")
    if len(set(found)) == len(found):
        return found
    times: Counter[str] = Counter()
    for place, identity in enumerate(found):
        times[identity] += 1
        if times[identity] > 1:
            found[place] = f"{identity}{MARK}{times[identity]}"
    return found


def is_double(identity: str) -> bool:
    """Return whether an earlier row of the same reply has the same id."""
    return MARK in identity and not identity.startswith("without ")


def text_of_row(raw: Mapping[str, Any]) -> str:
    """Return a row as JSON that Postgres takes as text and as jsonb: see `cleaning.clean`."""
    value = raw.value if isinstance(raw, NoObject) else dict(raw)
    return _encoder.encode(clean(value)).decode()


def digest_of(raw: Mapping[str, Any]) -> str:
    """Return a row's SHA-256, 64 hex digits, which identifies it by its content."""
    return hashlib.sha256(text_of_row(raw).encode()).hexdigest()


def why_invalid(raw: Mapping[str, Any], ids: Sequence[str]) -> str | None:
    """Return why a row cannot be placed in a table, None if it can.

    Args:
        raw: The row as it came.
        ids: The keys that may have its id; none when it needs no id.
    """
    if isinstance(raw, NoObject):
        return "it is not an object"
    if ids and not any(is_id(raw.get(name)) for name in ids):
        return f"it has no {' or '.join(ids)}"
    return None
