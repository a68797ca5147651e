"""Compares declared tables with those of a schema, and writes the statements that are missing.

Each statement is harmless where the loader or an analyst is at work, and none changes a value:

- A `timestamp` of an earlier version contains UTC. With UTC as the session's zone, Postgres changes
  its type without writing the rows again.
- The loader writes JSON's `null` for a value that is missing. A trigger makes SQL's NULL of it. Its
  condition names the columns, so that a column which is dropped takes the trigger along: a function
  with a column that is gone would fail each load.
- A table without our key columns belongs to another program, whatever its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from psycopg.sql import SQL, Identifier, Literal

from tap_emag.ops.tables.present import TRIGGER
from tap_emag.schema.postgres_types import JSON, TIMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from psycopg.sql import Composable, Composed

    from tap_emag.ops.tables.declared import DeclaredTable
    from tap_emag.ops.tables.present import PresentTable

OLD_TIMES: Final = "timestamp"
LONGEST: Final = 63  # bytes of a name in Postgres


@dataclass(frozen=True)
class TableChange:
    """What one table lacks: columns, and the types of columns with times."""

    name: str
    oid: int
    missing: tuple[str, ...]
    without_zone: tuple[str, ...]
    numbers: tuple[int, ...]  # of the columns in `without_zone`


class Changes:
    """The difference between declared and present tables of one schema."""

    def __init__(
        self,
        schema: str,
        declared: Mapping[str, DeclaredTable],
        present: Mapping[str, PresentTable],
    ) -> None:
        """Take the tables by name."""
        self._schema = schema
        self._declared = declared
        self._present = {
            name: table
            for name, table in present.items()
            if set(declared[name].keys) <= table.columns.keys()
        }
        self.foreign = sorted(present.keys() - self._present.keys())

    def missing(self) -> list[str]:
        """Return the names of tables that are loaded and missing."""
        known = {*self._present, *self.foreign}
        return [
            name for name, table in self._declared.items() if table.loaded and name not in known
        ]

    def not_owned(self) -> list[str]:
        """Return the names of tables that are not as declared, and that another role owns."""
        changed = {each.name for each in self._old_tables()}
        return [
            name
            for name, found in self._present.items()
            if not found.owned and (name in changed or any(self.details(name)))
        ]

    def old_tables(self) -> list[TableChange]:
        """Return the changes of tables that lack columns, or have times without a zone."""
        return [each for each in self._old_tables() if self._present[each.name].owned]

    def incomplete(self) -> list[str]:
        """Return the names of tables that lack triggers, indexes or comments."""
        own = (name for name, found in self._present.items() if found.owned)
        return [name for name in own if any(self.details(name))]

    def _old_tables(self) -> Iterator[TableChange]:
        for name, found in self._present.items():
            table = self._declared[name]
            missing = [
                each for each in table.columns if each in table.loaded - found.columns.keys()
            ]
            without_zone = [
                each
                for each, column in table.columns.items()
                if column.type == TIMES
                and each in found.columns
                and found.columns[each].type == OLD_TIMES
            ]
            if missing or without_zone:
                numbers = tuple(found.columns[each].number for each in without_zone)
                yield TableChange(name, found.oid, tuple(missing), tuple(without_zone), numbers)

    def alter(self, change: TableChange) -> Composed:
        """Return the statement that makes one change; the session's zone has to be UTC."""
        columns = self._declared[change.name].columns
        parts: list[Composable] = [
            SQL("ADD COLUMN {} {}").format(Identifier(each), SQL(columns[each].type))
            for each in change.missing
        ]
        parts += [
            SQL("ALTER COLUMN {} TYPE timestamptz").format(Identifier(each))
            for each in change.without_zone
        ]
        return SQL("ALTER TABLE {} {}").format(self._place(change.name), SQL(", ").join(parts))

    def details(self, name: str) -> Iterator[Composed]:
        """Yield the statements for JSON, indexes and comments that a table lacks."""
        table, found = self._declared[name], self._present[name]
        yield from self._json(table, found)
        yield from self._indexes(table, found)
        yield from self._comments(table, found)

    def create(self, name: str) -> Composed:
        """Return the statement that creates a table."""
        table = self._declared[name]
        lines: list[Composable] = [
            SQL("{} {}{}").format(
                Identifier(name),
                SQL(column.type),
                SQL(" NOT NULL" if name in table.keys else ""),
            )
            for name, column in table.columns.items()
            if name in table.loaded
        ]
        if table.keys:
            keys = SQL(", ").join(map(Identifier, table.keys))
            lines.append(SQL("PRIMARY KEY ({})").format(keys))
        return SQL("CREATE TABLE {} (\n  {}\n)").format(
            self._place(table.name), SQL(",\n  ").join(lines)
        )

    def _json(self, table: DeclaredTable, found: PresentTable) -> Iterator[Composed]:
        names = [
            each
            for each, column in found.columns.items()
            if column.type == JSON and each in table.columns and table.columns[each].type == JSON
        ]
        assignments = "".join(
            f"  NEW.{quoted} := nullif(NEW.{quoted}, 'null');\n" for quoted in map(_quoted, names)
        )
        code = f"\nBEGIN\n{assignments}  RETURN NEW;\nEND\n"
        if not names or code == found.trigger:
            return
        function = Identifier(self._schema, f"{table.name}_{TRIGGER}"[:LONGEST])
        place, trigger = self._place(table.name), Identifier(TRIGGER)
        yield SQL("CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS {}").format(
            function, Literal(code)
        )
        yield SQL("DROP TRIGGER IF EXISTS {} ON {}").format(trigger, place)
        yield SQL(
            "CREATE TRIGGER {} BEFORE INSERT OR UPDATE ON {} FOR EACH ROW WHEN ({})"
            " EXECUTE FUNCTION {}()"
        ).format(trigger, place, _any_null(names, "NEW."), function)
        yield SQL("UPDATE {} SET {} = {} WHERE {}").format(
            place, Identifier(names[0]), Identifier(names[0]), _any_null(names)
        )

    def _indexes(self, table: DeclaredTable, found: PresentTable) -> Iterator[Composed]:
        for columns in table.indexes:
            known = any(tuple(each[: len(columns)]) == columns for each in found.indexes)
            if not known and set(columns) <= found.columns.keys():
                index = Identifier("_".join((table.name, *columns, "idx"))[:LONGEST])
                parts = SQL(", ").join(map(Identifier, columns))
                yield SQL("CREATE INDEX {} ON {} ({})").format(
                    index, self._place(table.name), parts
                )

    def _comments(self, table: DeclaredTable, found: PresentTable) -> Iterator[Composed]:
        if table.meaning != found.meaning:
            yield SQL("COMMENT ON TABLE {} IS {}").format(
                self._place(table.name), Literal(table.meaning)
            )
        for column, present in found.columns.items():
            declared = table.columns.get(column)
            if declared and declared.meaning and declared.meaning != present.meaning:
                yield SQL("COMMENT ON COLUMN {}.{} IS {}").format(
                    self._place(table.name), Identifier(column), Literal(declared.meaning)
                )

    def _place(self, name: str) -> Identifier:
        return Identifier(self._schema, name)


def _any_null(names: list[str], row: str = "") -> Composed:
    parts = [SQL("{}{} = 'null'").format(SQL(row), Identifier(each)) for each in names]
    return SQL(" OR ").join(parts)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
