"""Creates the views in one transaction, and keeps the views of others that read them.

A view whose columns allow it is replaced. One that loses a column, or gets another type, has to be
dropped, and with it all that read it: those of others are created again as they were.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg.errors import InvalidTableDefinition
from psycopg.sql import SQL, Composed, Identifier, Literal

from tap_emag.ops.tables.declared import LOADED_AT, METADATA
from tap_emag.ops.tables.views import UnkeptViewError, views_over
from tap_emag.ops.views.compiled import MARTS, PERSONAL, STAGING
from tap_emag.ops.views.personal import may_be_personal
from tap_emag.schema.postgres_types import JSON, TIMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from psycopg.sql import Composable

    from tap_emag.ops.tables.declared import DeclaredTable
    from tap_emag.ops.tables.views import KeptView
    from tap_emag.ops.views.compiled import Definition

SALT: Final = "customer_salt"
BEGIN: Final = "SET LOCAL lock_timeout TO '10s'; SET LOCAL search_path TO ''"
COLUMNS: Final = """
SELECT kind.relname, part.attname, format_type(part.atttypid, part.atttypmod)
FROM pg_class AS kind
JOIN pg_attribute AS part ON part.attrelid = kind.oid
WHERE kind.relnamespace = to_regnamespace(quote_ident(%s)) AND kind.relkind IN ('r', 'p')
  AND part.attnum > 0 AND NOT part.attisdropped
"""
# Relations that have the names of views or seeds.
KINDS: Final = """
SELECT kind.relname, kind.relkind FROM pg_class AS kind
WHERE kind.relnamespace = to_regnamespace(quote_ident(%s)) AND kind.relname = ANY(%s)
"""
NEVER_ANALYZED: Final = """
SELECT relname FROM pg_class
WHERE relnamespace = to_regnamespace(quote_ident(%s)) AND relkind = 'r' AND reltuples < 0
  AND pg_has_role(relowner, 'USAGE')
"""


class ViewsError(Exception):
    """The views cannot be created; the message names the view, the reason, and what to do."""


@dataclass
class Outcome:
    """Names of views that were created, and of those left out as nothing of theirs is loaded."""

    created: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)


class Installation:
    """Creates the views for the tables of one schema."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        schema: str,
        declared: Mapping[str, DeclaredTable],
        definitions: Sequence[Definition],
    ) -> None:
        """Use a connection with autocommit, logged in as the loader.

        Args:
            connection: To the loader's database.
            schema: The loader's schema; the views get schemas whose names begin with it.
            declared: The loader's tables by name, with all columns.
            definitions: Views and seeds, each after those that it reads.
        """
        self._connection = connection
        self._schema = schema
        self._declared = declared
        self._definitions = {each.name: each for each in definitions}
        self._types: dict[str, dict[str, str]] = {}
        self._created: set[str] = set()
        self._dropped: list[KeptView] = []

    def run(self) -> Outcome:
        """Create all views, or none.

        Raises:
            ViewsError: One cannot be created.
        """
        outcome = Outcome()
        with self._connection.transaction():
            self._connection.execute(BEGIN)
            for table, column, kind in self._connection.execute(COLUMNS, [self._schema]):
                self._types.setdefault(table, {})[column] = kind
            if not self._types.keys() & self._declared.keys():
                raise ViewsError(f"schema {self._schema} has no table of the tap: load first")
            self._refuse_tables()
            for schema in (STAGING, MARTS):
                self._create_schema(schema)
            self._create_salt()
            for each in self._definitions.values():
                if each.is_seed:
                    self._create_seed(each)
                elif self._is_loaded(each):
                    self._create(each)
                    outcome.created.append(each.name)
                else:
                    outcome.left_out.append(each.name)
            outcome.restored = [*self._restore()]
        self._analyze()
        return outcome

    def _is_loaded(self, view: Definition) -> bool:
        return not view.of or bool(self._types.keys() & {*view.of})

    def _refuse_tables(self) -> None:
        names = [each.name for each in self._definitions.values() if not each.is_seed]
        for schema in (STAGING, MARTS):
            found = self._connection.execute(KINDS, [self._name(schema), names])
            tables = sorted(name for name, kind in found if kind != "v")
            if tables:
                raise ViewsError(
                    f"{self._name(schema)}.{tables[0]} is a table, as dbt builds it: go on with"
                    f" dbt, or drop the schemas {self._name(STAGING)} and {self._name(MARTS)}"
                )

    def _create_schema(self, schema: str) -> None:
        query = "SELECT to_regnamespace(quote_ident(%s)) IS NULL"
        if self._connection.execute(query, [self._name(schema)]).fetchone() == (True,):
            self._connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(self._name(schema))))

    def _create_salt(self) -> None:
        """Keep the salt in a table: all who may read a view may read its text."""
        place = Identifier(self._name(STAGING), SALT)
        given = os.environ.get("EMAG_CUSTOMER_SALT")
        self._connection.execute(SQL("CREATE TABLE IF NOT EXISTS {} (salt text)").format(place))
        if given is not None:
            self._connection.execute(SQL("DELETE FROM {}").format(place))
        self._connection.execute(
            SQL("INSERT INTO {0} SELECT {1} WHERE NOT EXISTS (SELECT FROM {0})").format(
                place, Literal(given if given is not None else secrets.token_urlsafe(32))
            )
        )

    def _create_seed(self, seed: Definition) -> None:
        """Create a seed; one that is there may have rows of the user's own."""
        place = Identifier(self._name(seed.schema), seed.name)
        found = self._connection.execute(KINDS, [self._name(seed.schema), [seed.name]]).fetchone()
        if found is None:
            columns, _, rows = seed.text.partition("\n")
            self._connection.execute(SQL("CREATE TABLE {} {}").format(place, _sql(columns)))
            self._connection.execute(SQL("INSERT INTO {} {}").format(place, _sql(rows)))

    def _create(self, view: Definition) -> None:
        place = Identifier(self._name(view.schema), view.name)
        query = _sql(view.filled(self._text))
        statement = SQL("CREATE OR REPLACE VIEW {} AS\n{}").format(place, query)
        try:
            try:
                with self._connection.transaction():
                    self._connection.execute(statement)
            except InvalidTableDefinition:  # it loses a column, or a column changes its type
                self._drop(view)
                self._connection.execute(statement)
        except UnkeptViewError as error:
            raise ViewsError(f"{error}; drop this view, and run the command again") from error
        except psycopg.Error as error:
            reason = error.diag.message_primary or type(error).__name__
            raise ViewsError(f"{self._name(view.schema)}.{view.name}: {reason}") from error
        self._created.add(view.name)
        self._connection.execute(
            SQL("COMMENT ON VIEW {} IS {}").format(place, Literal(view.meaning or None))
        )

    def _drop(self, view: Definition) -> None:
        for each in views_over(self._connection, self._name(view.schema), view.name):
            each.drop(self._connection)
            self._dropped.append(each)

    def _restore(self) -> Iterator[str]:
        """Create what was dropped again: rights of our views, and the views of others."""
        ours = {(self._name(each.schema), each.name) for each in self._definitions.values()}
        for each in reversed(self._dropped):
            if (each.schema, each.name) in ours:
                each.restore_rights(self._connection)
            else:
                self._restore_other(each)
                yield f"{each.schema}.{each.name}"

    def _restore_other(self, view: KeptView) -> None:
        try:
            view.restore(self._connection)
        except (UnkeptViewError, psycopg.Error) as error:
            known = isinstance(error, psycopg.Error) and error.diag.message_primary
            reason = known or type(error).__name__
            raise ViewsError(
                f"{view.schema}.{view.name} cannot be created again: {reason}; drop this view, run"
                " the command again, and create it anew"
            ) from error

    def _text(self, name: str) -> str:
        """Return the SQL of a name in a query."""
        if name == SALT:
            return Identifier(self._name(STAGING), SALT).as_string(self._connection)
        found = self._definitions.get(name)
        if found is None:
            return self._table(name).as_string(self._connection)
        if found.is_seed or found.name in self._created:
            return Identifier(self._name(found.schema), found.name).as_string(self._connection)
        return f"(\n{found.filled(self._text)}\n)"  # it is left out: nothing of it is loaded

    def _table(self, name: str) -> Composed:
        """Return a query of a table with all declared columns, loaded or not."""
        table = self._declared[name.removesuffix(PERSONAL)]
        types = self._types.get(table.name, {})
        columns = [
            _column(column, declared.type, types.get(column))
            for column, declared in table.columns.items()
            if column not in METADATA or column == LOADED_AT
            if name.endswith(PERSONAL) or not may_be_personal(table.name, column)
        ]
        source: Composable = SQL("WHERE false")
        if types:
            source = SQL("FROM {}").format(Identifier(self._schema, table.name))
        return SQL("(SELECT {} {})").format(SQL(", ").join(columns), source)

    def _name(self, schema: str) -> str:
        return f"{self._schema}_{schema}"

    def _analyze(self) -> None:
        """Collect statistics, which Postgres by itself does only minutes after a first load."""
        for (name,) in self._connection.execute(NEVER_ANALYZED, [self._schema]).fetchall():
            self._connection.execute(SQL("ANALYZE {}").format(Identifier(self._schema, name)))


def _column(name: str, kind: str, present: str | None) -> Composed:
    """Return a declared column as views read it; `present` is its type in the table."""
    column = Identifier(name)
    if present is None:
        return SQL("NULL::{} AS {}").format(SQL(kind), column)
    if kind == TIMES and present == "timestamp without time zone":
        return SQL("{0} AT TIME ZONE 'UTC' AS {0}").format(column)
    if kind == JSON:
        return SQL("nullif({0}, 'null'::jsonb) AS {0}").format(column)
    return Composed([column])


def _sql(text: str) -> SQL:
    """Return the package's own SQL, which contains nothing that a user wrote."""
    return SQL(text)
