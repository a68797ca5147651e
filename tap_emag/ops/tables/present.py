"""Reads from Postgres' catalog what `prepare-tables` compares with its declarations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection

    import psycopg

TRIGGER: Final = "json_null"
COLUMNS: Final = """
SELECT
  kind.oid, kind.relname, obj_description(kind.oid, 'pg_class'),
  pg_has_role(kind.relowner, 'USAGE'),
  part.attname, type.typname, part.attnum, col_description(kind.oid, part.attnum)
FROM pg_class AS kind
LEFT JOIN pg_attribute AS part
  ON part.attrelid = kind.oid AND part.attnum > 0 AND NOT part.attisdropped
LEFT JOIN pg_type AS type ON type.oid = part.atttypid
WHERE kind.relnamespace = to_regnamespace(quote_ident(%(schema)s))
  AND kind.relkind IN ('r', 'p')
  AND kind.relname = ANY(%(names)s)
ORDER BY kind.relname, part.attnum
"""
INDEXES: Final = """
SELECT made.indrelid::oid, array_agg(part.attname::text ORDER BY place.number)
FROM pg_index AS made
CROSS JOIN LATERAL unnest(made.indkey::int2[]) WITH ORDINALITY AS place(attnum, number)
LEFT JOIN pg_attribute AS part
  ON part.attrelid = made.indrelid AND part.attnum = place.attnum AND place.attnum > 0
WHERE made.indrelid = ANY(%(tables)s) AND made.indpred IS NULL
GROUP BY made.indexrelid, made.indrelid
"""
TRIGGERS: Final = """
SELECT made.tgrelid::oid, code.prosrc
FROM pg_trigger AS made
JOIN pg_proc AS code ON code.oid = made.tgfoid
WHERE made.tgname = %(name)s AND made.tgrelid = ANY(%(tables)s)
"""


@dataclass(frozen=True)
class PresentColumn:
    """A column: its type's name in the catalog, its number, and its comment."""

    type: str
    number: int
    meaning: str | None


@dataclass
class PresentTable:
    """A table; `owned` by the user of the connection, `trigger` is the code of our trigger."""

    oid: int
    meaning: str | None
    owned: bool
    columns: dict[str, PresentColumn] = field(default_factory=dict)
    indexes: list[list[str | None]] = field(default_factory=list)
    trigger: str | None = None


def present_tables(
    connection: psycopg.Connection[Any], schema: str, names: Collection[str]
) -> dict[str, PresentTable]:
    """Return the tables of these names by name.

    Args:
        connection: Logged in as the loader.
        schema: The loader's schema, which need not exist.
        names: The names to look for.
    """
    found: dict[str, PresentTable] = {}
    for row in connection.execute(COLUMNS, {"schema": schema, "names": list(names)}):
        oid, name, meaning, owned, column, kind, number, text = row
        table = found.setdefault(name, PresentTable(oid, meaning, owned))
        if column is not None:
            table.columns[column] = PresentColumn(kind, number, text)
    by_oid = {table.oid: table for table in found.values()}
    for oid, columns in connection.execute(INDEXES, {"tables": list(by_oid)}):
        by_oid[oid].indexes.append(columns)
    for oid, code in connection.execute(TRIGGERS, {"tables": list(by_oid), "name": TRIGGER}):
        by_oid[oid].trigger = code
    return found
