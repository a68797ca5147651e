"""Turns raw API objects into rows of a declared table without losing anything.

The `extra` column, a JSON object by wire key, takes all that no other column can: undeclared keys,
and values that do not fit their column. Both are also reported, by name alone, so that a run can
count them and log them once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from tap_emag.schema.cleaning import clean_object, items_of
from tap_emag.schema.column_types import (
    JSON_ANY,
    JSON_LIST,
    JSON_OBJECT,
    MONEY,
    MisfitError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_emag.schema.column_types import Clock, ColumnType
    from tap_emag.schema.vat import Vat

Finding = Literal["unknown", "invalid"]
# Called with the table's name, what was found, and the wire key (`outer.inner` inside an object).
Report = Callable[[str, Finding, str], None]
FROM_CALLER = ()
MAY_CONTAIN_AMOUNTS = {MONEY, JSON_ANY, JSON_LIST, JSON_OBJECT}
EXTRA = "extra"


def unreported(_table: str, _finding: Finding, _key: str) -> None:
    """Report nothing; for callers that do not count."""


@dataclass(frozen=True)
class Column:
    """One column.

    `sources` are the wire keys it is read from, by default its own name: the first with a value
    fills it. `outer.inner` reads a key of a nested object. `FROM_CALLER` columns come from the
    caller, never from the wire. `vat` is what is known of the VAT in an amount, or in the amounts
    inside a JSON value.

    Raises:
        ValueError: An amount without `vat`, or `vat` for what cannot contain an amount.
    """

    name: str
    type: ColumnType
    description: str
    sources: tuple[str, ...] | None = None
    vat: Vat | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Check that each amount declares its VAT, so that none is forgotten."""
        if self.type is MONEY and self.vat is None:
            raise ValueError(f"{self.name}: an amount; name its Vat")
        if self.vat and self.type not in MAY_CONTAIN_AMOUNTS:
            raise ValueError(f"{self.name}: not an amount, so without Vat")

    @property
    def meaning(self) -> str:
        """Return the description; that of an amount ends with a sentence on VAT."""
        return f"{self.description} {self.vat.sentence}" if self.vat else self.description

    def wire_keys(self) -> tuple[str, ...]:
        """Return the wire keys this column is read from."""
        return (self.name,) if self.sources is None else self.sources


# A column's name and parser; without one, the clock reads the value.
Reader = tuple[str, Callable[[Any], Any] | None]


@dataclass
class _Node:
    """The columns that read one wire key: those of its complete value, and of keys inside it."""

    whole: list[Reader] = field(default_factory=list)
    inner: dict[str, Reader] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Table:
    """A table: its name, key columns, columns, and the wire keys that have tables of their own.

    `children` are lists that become rows elsewhere; they appear neither in columns nor in `extra`.
    `indexes` are columns that queries join or filter by, besides the key and what it begins with.
    """

    name: str
    keys: tuple[str, ...]
    columns: tuple[Column, ...]
    children: tuple[str, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = field(default=(), kw_only=True)

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of a row: key columns are required, all others may be null."""
        return {
            "type": "object",
            "properties": {column.name: self._property(column) for column in self.columns},
            "required": list(self.keys),
        }

    def _property(self, column: Column) -> dict[str, Any]:
        schema = dict(column.type.schema)
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        schema["type"] = list(types) if column.name in self.keys else [*types, "null"]
        schema["description"] = column.meaning
        return schema

    def row(
        self,
        raw: Mapping[str, Any],
        clock: Clock,
        given: Mapping[str, Any],
        report: Report = unreported,
        kept: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Turn one raw object into a row.

        Args:
            raw: The object as the API sent it.
            clock: Reads its local times.
            given: Columns the caller knows already, ready to write; they win over the wire.
            report: Called for every unknown key and every misfit.
            kept: Values by wire key that the caller could not place; they go to `extra` first.

        Returns:
            A value for every column, ready to be written as JSON.
        """
        row = self._blank.copy()
        row.update(given)
        extra: dict[str, Any] = dict(kept) if kept else {}
        simple, nodes = self._simple, self._nodes
        for key, value in raw.items():
            if key in simple:
                if value is not None and not _set(row, simple[key], value, clock):
                    extra[key] = value
                    report(self.name, "invalid", key)
            elif key in nodes:
                if value is not None:
                    self._unfold(row, extra, key, value, clock, report)
            elif key not in self.children:
                report(self.name, "unknown", key)
                if value is not None:
                    extra[key] = value
        if extra:
            row[EXTRA] = clean_object(extra)
        return row

    def _unfold(
        self,
        row: dict[str, Any],
        extra: dict[str, Any],
        key: str,
        value: Any,  # noqa: ANN401 - any JSON value
        clock: Clock,
        report: Report,
    ) -> None:
        """Fill columns from a value that several of them read, or from a nested object."""
        node = self._nodes[key]
        placed = [_set(row, reader, value, clock) for reader in node.whole]
        kept = any(placed)
        items = items_of(value) if isinstance(value, list | dict) else ()
        first = items[0] if items and isinstance(items[0], dict) else None
        if first is None or not node.inner:
            if not kept and value not in ([], {}, ""):
                extra[key] = value
                report(self.name, "invalid", key)
            return
        left = self._unfold_inner(row, node, key, first, clock, None if kept else report)
        if kept:
            return
        if len(items) > 1:
            extra[key] = value
            report(self.name, "invalid", key)
        elif left:
            extra[key] = left

    def _unfold_inner(
        self,
        row: dict[str, Any],
        node: _Node,
        key: str,
        value: dict[str, Any],
        clock: Clock,
        report: Report | None,
    ) -> dict[str, Any]:
        """Fill the columns of one nested object; return the values that none of them took."""
        left = {}
        for inner, item in value.items():
            reader = node.inner.get(inner)
            if reader and (item is None or _set(row, reader, item, clock)):
                continue
            if item is not None:
                left[inner] = item
            if report:
                report(self.name, "invalid" if reader else "unknown", f"{key}.{inner}")
        return left

    @cached_property
    def _blank(self) -> dict[str, Any]:
        return dict.fromkeys(column.name for column in self.columns)

    @cached_property
    def _simple(self) -> dict[str, Reader]:
        """Wire keys whose complete value fills one column: nearly all, so they take a fast path."""
        return {
            key: node.whole[0]
            for key, node in self._plan.items()
            if len(node.whole) == 1 and not node.inner
        }

    @cached_property
    def _nodes(self) -> dict[str, _Node]:
        return {key: node for key, node in self._plan.items() if key not in self._simple}

    @cached_property
    def _plan(self) -> dict[str, _Node]:
        plan: dict[str, _Node] = {}
        for column in self.columns:
            for source in column.wire_keys():
                key, _, inner = source.partition(".")
                node = plan.setdefault(key, _Node())
                reader = (column.name, column.type.parse)
                if inner:
                    node.inner[inner] = reader
                else:
                    node.whole.append(reader)
        return plan


def _set(row: dict[str, Any], reader: Reader, value: object, clock: Clock) -> bool:
    """Fill a column that is still null; return whether it now has this value."""
    name, parse = reader
    try:
        parsed = parse(value) if parse else clock.utc(value)
    except MisfitError:
        return False
    if row[name] is None:
        row[name] = parsed
        return True
    return parsed is None or bool(row[name] == parsed)


def extra_column() -> Column:
    """Return the column that keeps what no other column takes."""
    return Column(
        EXTRA,
        JSON_OBJECT,
        "What the API sent beyond the other columns, by its own key: keys that are not declared,"
        " and values that did not fit their column. Null when there is nothing.",
        FROM_CALLER,
    )
