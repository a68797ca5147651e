"""Payloads with a value of its own under every key that eMAG's API is known to send.

A key with two forms, such as an object here and a list there, has one of them in each edition.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Literal

from emag_sandbox.documented import keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emag_sandbox.documented import Key

Edition = Literal["documented", "observed", "former"]
Row = dict[str, Any]
# The marks of an edition's keys; the first is the form to choose.
MARKS: Final[dict[Edition, str]] = {"documented": "DOU", "observed": "ODU", "former": "DRS"}
ROWS: Final = 4  # of each resource: with that many bits each flag has a pattern of its own
NOON: Final = datetime(2025, 3, 1, 12)  # noqa: DTZ001 - local, as on the wire
FIRST_DAY: Final = date(2025, 1, 1)
# Keys that repeat a value of the row they are in: another value would contradict it.
REPEATED: Final = {
    "order": {
        "attachments.order_id": "id",
        "attachments.order_type": "type",
        "products.attachments.order_id": "id",
        "products.attachments.order_type": "type",
    }
}
# Keys whose codes decide what the tap reads: the types, and the states of an open return.
CODES: Final = {"type": (2, 3), "request_status": (1, 2, 3, 6)}


@dataclass(frozen=True)
class Leaf:
    """A value that was sent: its key, the place of its row among the rows sent, and the form."""

    row: int
    key: Key
    value: Any


@dataclass
class Payload:
    """Rows of one resource, and every value in them."""

    rows: list[Row] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)


class Maker:
    """Makes payloads; no two values are equal, except flags and some codes."""

    def __init__(self, edition: Edition, *, texts: bool = False, nulls: bool = False) -> None:
        """Write numbers as `texts`; write null under all keys that may have it, with `nulls`."""
        self._marks, self._texts, self._nulls = MARKS[edition], texts, nulls
        self._number = count(1001)
        self._days = count()

    def payload(self, resource: str) -> Payload:
        """Return rows of a resource that have all of its keys."""
        chosen = list(self._chosen(resource))
        made = Payload()
        for place in range(ROWS):
            flags = count(1)
            row: Row = {}
            lists: dict[str, Row] = {"": row}
            for key in chosen:
                outer, _, name = key.path.rpartition(".")
                if outer not in lists:
                    continue  # this form of the outer value has no keys
                if key.type in ("object", "objects"):
                    inner: Row = {}
                    lists[key.path] = inner
                    lists[outer][name] = inner if key.type == "object" else [inner]
                    continue
                value = self._value(resource, key, place, flags, row)
                lists[outer][name] = value
                made.leaves.append(Leaf(place, key, value))
            made.rows.append(row)
        return made

    def _chosen(self, resource: str) -> Iterator[Key]:
        forms: dict[str, list[Key]] = {}
        for key in keys(resource):
            if key.mark in self._marks:
                # `Description` and `description` are two forms of one key.
                forms.setdefault(key.path.lower(), []).append(key)
        for each in forms.values():
            yield min(each, key=lambda key: self._marks.index(key.mark))

    def _value(self, resource: str, key: Key, place: int, flags: Iterator[int], row: Row) -> object:
        flag = next(flags) if key.type in ("flag", "boolean") else 0
        assert flag < 2**ROWS - 1, "two flags would have one pattern"
        if self._nulls and key.nullable:
            return None
        if key.path in REPEATED.get(resource, {}):
            return row[REPEATED[resource][key.path]]
        if key.path in CODES:
            return self._scalar(CODES[key.path][place % len(CODES[key.path])])
        if key.type == "boolean":
            return bool(flag >> place & 1)
        if key.type == "flag":
            return self._scalar(flag >> place & 1)
        return self._of_type(key.type)

    def _of_type(self, kind: str) -> object:
        number = next(self._number)
        if kind == "integer":
            return self._scalar(number)
        if kind == "decimal":
            return self._scalar(Decimal(f"{number}.{number % 9000 + 1:04}"))
        moment = NOON + timedelta(seconds=61 * number)
        texts: dict[str, Any] = {
            "text": f"text {number} ăș",
            "datetime": f"{moment:%Y-%m-%d %H:%M:%S}",
            "spoken": f"{moment.day} {moment:%b %Y, %H:%M}",
            "integers": [self._scalar(number)],
            "texts": [f"text {number}"],
            "any": [{"unknown": f"text {number}"}],
        }
        if kind == "day":
            return (FIRST_DAY + timedelta(days=next(self._days))).isoformat()
        return texts[kind]

    def _scalar(self, value: int | Decimal) -> object:
        return str(value) if self._texts else value
