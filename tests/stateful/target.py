"""Stands for the loader: rows by key, written in batches, a state kept when all before it is there.

As target-postgres does, it writes a row where its key says, over what was there. It may write one
stream's rows long before another's; a state it has met is passed on only when everything before it
is written. The real loader is held to this in `tests/e2e/acceptance`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Row = dict[str, Any]
Key = tuple[Any, ...]
HISTORY = ("product_history", "product_deletions")  # a row of theirs is never written over


class Lag(NamedTuple):
    """How a target lags: it writes everything after so many messages, and then dies or not.

    `ahead` is a number that says which streams' rows it writes at once instead.
    """

    batch: int
    ahead: int
    dies: bool


@dataclass
class Delivery:
    """What came of one run's messages: the last state kept, and the rows that came before it."""

    state: dict[str, Any] | None = None
    before_state: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))
    complete: bool = False


@dataclass
class Target:
    """The loaded tables: rows by key, as a database would give them back."""

    tables: dict[str, dict[Key, Row]] = field(default_factory=lambda: defaultdict(dict))
    _schemas: dict[str, Row] = field(default_factory=dict)
    _keys: dict[str, list[str]] = field(default_factory=dict)
    _waiting: list[tuple[str, Row]] = field(default_factory=list)
    _met: tuple[Row, list[tuple[str, Key]]] | None = None  # the last state, and what came before

    def load(self, messages: Iterable[Row], lag: Lag) -> Delivery:
        """Take the messages of a run, and write what is to be written of them."""
        delivery = Delivery()
        self._waiting.clear()
        came: list[tuple[str, Key]] = []
        for number, message in enumerate(messages, start=1):
            kind = message["type"]
            if kind == "SCHEMA":
                self._meet(message)
            elif kind == "RECORD":
                came.append(self._take(message["stream"], message["record"], lag.ahead))
            elif kind == "STATE":
                self._met = message["value"], list(came)
            if number % lag.batch == 0:
                self._write_all(delivery)
        if not lag.dies:
            self._write_all(delivery)
        delivery.complete = not self._waiting
        self._met = None
        self._waiting.clear()
        return delivery

    def holds(self, name: str, row: Row) -> bool:
        """Return whether a row with the key of this one is written."""
        return name in self._keys and self._key(name, row) in self.tables[name]

    def _meet(self, message: Row) -> None:
        name = message["stream"]
        self._schemas[name] = message["schema"]["properties"]
        self._keys[name] = message["key_properties"]
        assert self._keys[name], f"{name} has no key"

    def _take(self, name: str, row: Row, ahead: int) -> tuple[str, Key]:
        assert name in self._schemas, f"a row of {name} came before its schema"
        if ahead and len(name) % 4 == ahead:
            self._write(name, row)
        else:
            self._waiting.append((name, row))
        return name, self._key(name, row)

    def _write_all(self, delivery: Delivery) -> None:
        for name, row in self._waiting:
            self._write(name, row)
        self._waiting.clear()
        if self._met is not None:
            delivery.state, before = self._met
            for name, key in before:
                delivery.before_state[name].add(key)

    def _key(self, name: str, row: Row) -> Key:
        return tuple(row[column] for column in self._keys[name])

    def _write(self, name: str, row: Row) -> None:
        schema = self._schemas[name]
        assert row.keys() <= schema.keys(), f"{name} has columns its schema does not know"
        key = self._key(name, row)
        typed = {column: _typed(schema[column], row.get(column)) for column in schema}
        before = self.tables[name].get(key)
        if name in HISTORY:
            assert before in (None, typed), f"{name} {key}: a version is written over another"
        self.tables[name][key] = typed


def _typed(schema: Row, value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value as a database gives it back, by the type of its column."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if value is None or "object" in kinds or "array" in kinds:
        return value
    if "string" in kinds:
        read = READERS.get(schema.get("format", ""))
        return read(value) if read else value
    return Decimal(value) if "number" in kinds else value


READERS: dict[str, Callable[[str], Any]] = {
    "date-time": datetime.fromisoformat,
    "date": date.fromisoformat,
}
