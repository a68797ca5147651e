"""Rows as they came: what an element of a list is where it is no object, and what tells rows apart.

Nothing the API sends may vanish without a word, nor may an element that makes no sense. So a list
of rows is a list of objects all the way, and what is no object is wrapped in one.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from tap_emag.tables.cleaning import clean, items_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DOUBLE = "another row of the same reply has its id"
MARK = "\0 again "

_encoder = msgspec.json.Encoder(order="deterministic", decimal_format="number")


class NoObject(dict[str, Any]):
    """An element of a list of rows that is no object: it has no keys, only its `value`."""

    def __init__(self, value: object) -> None:
        """Keep the element."""
        super().__init__()
        self.value = value


def rows_of(results: object) -> list[dict[str, Any]] | None:
    """Return the rows of a reply, whatever form PHP gives its list; None when it is no list."""
    return objects(items_of(results)) if isinstance(results, list | dict) else None


def objects(items: Iterable[Any]) -> list[dict[str, Any]]:
    """Return the items as objects."""
    return [item if isinstance(item, dict) else NoObject(item) for item in items]


def is_id(value: object) -> bool:
    """Tell whether a value can name a row: a number, or a text that is not blank."""
    if isinstance(value, str):
        return bool(value.replace("\0", "").strip())
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def identities(rows: Iterable[Mapping[str, Any]], name: str) -> list[str]:
    """Return for each row of a reply what tells it from all others.

    That is its id, or where it says none its content. Where several rows of the reply share that,
    the second has a mark and its number behind it, see `is_double`, and so on.
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
    """Tell whether an earlier row of the same reply has the same id."""
    return MARK in identity and not identity.startswith("without ")


def text_of_row(raw: Mapping[str, Any]) -> str:
    """Return a row as JSON that Postgres takes as text and as jsonb: see `cleaning.clean`."""
    value = raw.value if isinstance(raw, NoObject) else dict(raw)
    return _encoder.encode(clean(value)).decode()


def digest_of(raw: Mapping[str, Any]) -> str:
    """Return what tells a row from others by its content: SHA-256, 64 hex digits."""
    return hashlib.sha256(text_of_row(raw).encode()).hexdigest()
