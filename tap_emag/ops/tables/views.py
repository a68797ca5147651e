"""Keeps views over columns whose type changes.

Postgres refuses to change the type of a column that a view reads. So each view that depends on such
a column, in whatever schema and of whatever owner, is dropped and created again in the same
transaction, with its owner, rights, comments, options and indexes. It goes on to show UTC without a
zone: an expression such as `date AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Bucharest'` in it would
otherwise shift times without a word. To this end its query reads each table through a subquery of
the table's name, which converts the times back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from psycopg.sql import SQL, Composed, Identifier, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg
    from psycopg.sql import Composable

    from tap_emag.ops.tables.changes import TableChange

# What create statements need of each view in `found`.
DETAILS: Final = """
SELECT
  view.oid, space.nspname, view.relname, view.relkind, pg_get_userbyid(view.relowner),
  view.relispopulated, view.reloptions, pg_get_viewdef(view.oid),
  EXISTS (SELECT FROM pg_trigger WHERE tgrelid = view.oid)
    OR EXISTS (SELECT FROM pg_rewrite WHERE ev_class = view.oid AND rulename <> '_RETURN')
FROM (SELECT oid, max(depth) AS depth FROM dependents GROUP BY oid) AS found
JOIN pg_class AS view ON view.oid = found.oid
JOIN pg_namespace AS space ON space.oid = view.relnamespace
ORDER BY found.depth DESC, view.oid
"""
# The views that read the columns, and those that read these views, deepest first.
DEPENDENTS: Final = """
WITH RECURSIVE changing AS (
  SELECT * FROM unnest(%(tables)s::oid[], %(numbers)s::int[]) AS c(relation, number)
), dependents AS (
  SELECT rule.ev_class AS oid, 1 AS depth
  FROM changing
  JOIN pg_depend AS link
    ON  link.refclassid = 'pg_class'::regclass
    AND link.refobjid = changing.relation
    AND link.refobjsubid = changing.number
    AND link.classid = 'pg_rewrite'::regclass
  JOIN pg_rewrite AS rule ON rule.oid = link.objid
  UNION
  SELECT rule.ev_class, dependents.depth + 1
  FROM dependents
  JOIN pg_depend AS link
    ON  link.refclassid = 'pg_class'::regclass
    AND link.refobjid = dependents.oid
    AND link.classid = 'pg_rewrite'::regclass
  JOIN pg_rewrite AS rule ON rule.oid = link.objid AND rule.ev_class <> dependents.oid
)
"""
# A view, and the views that read it.
READERS: Final = """
WITH RECURSIVE dependents AS (
  SELECT kind.oid, 0 AS depth FROM pg_class AS kind
  WHERE kind.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND kind.relname = %(name)s
  UNION
  SELECT rule.ev_class, dependents.depth + 1
  FROM dependents
  JOIN pg_depend AS link
    ON  link.refclassid = 'pg_class'::regclass
    AND link.refobjid = dependents.oid
    AND link.classid = 'pg_rewrite'::regclass
  JOIN pg_rewrite AS rule ON rule.oid = link.objid AND rule.ev_class <> dependents.oid
)
"""
# The columns of a table that a view reads.
READ: Final = """
SELECT DISTINCT part.attname
FROM pg_rewrite AS rule
JOIN pg_depend AS link ON link.classid = 'pg_rewrite'::regclass AND link.objid = rule.oid
JOIN pg_attribute AS part ON part.attrelid = link.refobjid AND part.attnum = link.refobjsubid
WHERE rule.ev_class = %(view)s AND link.refobjid = %(table)s
  AND link.refclassid = 'pg_class'::regclass AND part.attnum > 0
"""
ALL: Final = """
SELECT attname FROM pg_attribute
WHERE attrelid = %(table)s AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
TYPES: Final = """
SELECT array_agg(attname || ' ' || format_type(atttypid, atttypmod) ORDER BY attnum)
FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped
"""
COMMENTS: Final = """
SELECT part.attname, what.description
FROM pg_description AS what
LEFT JOIN pg_attribute AS part ON part.attrelid = what.objoid AND part.attnum = what.objsubid
  AND what.objsubid > 0
WHERE what.objoid = %s AND what.classoid = 'pg_class'::regclass
"""
RIGHTS: Final = """
SELECT NULL AS attname, given.grantee, given.privilege_type, given.is_grantable
FROM pg_class, aclexplode(relacl) AS given
WHERE oid = %(view)s AND given.grantee <> relowner
UNION ALL
SELECT attname, given.grantee, given.privilege_type, given.is_grantable
FROM pg_attribute, aclexplode(attacl) AS given
WHERE attrelid = %(view)s
"""
# A view's oid, and the roles besides its owner that have rights.
NEW: Final = """
SELECT oid, ARRAY(
  SELECT DISTINCT grantee FROM aclexplode(relacl) WHERE grantee <> relowner
)
FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(%s)) AND relname = %s
"""
INDEXES: Final = "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s"
WHOLE_ROW: Final = re.compile(r"\.\*")


class UnkeptViewError(Exception):
    """A view cannot be created again as it was; the message names it, and the reason."""


@dataclass(frozen=True)
class KeptView:
    """A view that depends on changing columns, with all that has to be created again."""

    oid: int
    schema: str
    name: str
    materialized: bool
    owner: str
    filled: bool
    options: list[str]
    query: Composed
    types: list[str]
    after: list[Composed]
    rights: list[Composed]

    @property
    def place(self) -> Identifier:
        """Its name, with its schema."""
        return Identifier(self.schema, self.name)

    @property
    def kind(self) -> SQL:
        """The word for it in statements."""
        return SQL("MATERIALIZED VIEW") if self.materialized else SQL("VIEW")

    def drop(self, connection: psycopg.Connection[Any]) -> None:
        """Drop it."""
        connection.execute(SQL("DROP {} {}").format(self.kind, self.place))

    def restore(self, connection: psycopg.Connection[Any]) -> None:
        """Create it again.

        Raises:
            UnkeptViewError: It shows its columns with other types than before.
        """
        connection.execute(self._create())
        found = connection.execute(NEW, [self.schema, self.name]).fetchone()
        if _types(connection, found[0] if found else None) != self.types:
            raise UnkeptViewError(
                f"{self.schema}.{self.name}: its columns would change their types"
            )
        for statement in self.after:
            connection.execute(statement)
        self.restore_rights(connection)

    def restore_rights(self, connection: psycopg.Connection[Any]) -> None:
        """Give it its owner and its rights again, instead of the schema's default rights."""
        found = connection.execute(NEW, [self.schema, self.name]).fetchone()
        for role in found[1] if found else ():
            connection.execute(
                SQL("REVOKE ALL ON {} FROM {}").format(self.place, _role(connection, role))
            )
        for statement in self.rights:
            connection.execute(statement)

    def _create(self) -> Composed:
        options = SQL(" WITH ({})").format(SQL(", ".join(self.options)))
        return SQL("CREATE {} {}{} AS\n{}{}").format(
            self.kind,
            self.place,
            options if self.options else SQL(""),
            self.query,
            SQL("" if self.filled or not self.materialized else "\nWITH NO DATA"),
        )


def kept_views(
    connection: psycopg.Connection[Any], schema: str, changes: Sequence[TableChange]
) -> list[KeptView]:
    """Return the views that depend on changing columns, those first that have to be dropped first.

    Args:
        connection: A transaction, in which the schema alone is searched for names.
        schema: The schema of the tables.
        changes: The tables, with the columns that get another type.

    Raises:
        UnkeptViewError: One cannot be created again as it was.
    """
    pairs = [(change.oid, number) for change in changes for number in change.numbers]
    given = {"tables": [oid for oid, _ in pairs], "numbers": [number for _, number in pairs]}
    rows = connection.execute(DEPENDENTS + DETAILS, given).fetchall()
    return [_kept(connection, schema, changes, row) for row in rows]


def views_over(connection: psycopg.Connection[Any], schema: str, name: str) -> list[KeptView]:
    """Return a view after all that read it, those first that have to be dropped first.

    Args:
        connection: A transaction that searches no schema for names.
        schema: The view's schema.
        name: The view's name.

    Raises:
        UnkeptViewError: One cannot be created again as it was.
    """
    given = {"schema": schema, "name": name}
    rows = connection.execute(READERS + DETAILS, given).fetchall()
    return [_kept(connection, schema, [], row) for row in rows]


def _kept(
    connection: psycopg.Connection[Any],
    schema: str,
    changes: Sequence[TableChange],
    row: Sequence[Any],
) -> KeptView:
    oid, space, name, kind, owner, filled, options, query, has_rules = row
    if has_rules:
        raise UnkeptViewError(f"{space}.{name}: a trigger or a rule of its own depends on it")
    text = query.rstrip().rstrip(";")
    read = []
    for change in changes:
        columns = _columns(connection, oid, change, text)
        if columns and re.search(rf'{re.escape(schema)}"?\."?{re.escape(change.name)}\b', text):
            raise UnkeptViewError(f"{space}.{name}: it gives the name {change.name} to a query")
        if columns:
            read.append(_as_before(schema, change, columns))
    place, word = Identifier(space, name), SQL("MATERIALIZED VIEW" if kind == "m" else "VIEW")
    return KeptView(
        oid=oid,
        schema=space,
        name=name,
        materialized=kind == "m",
        owner=owner,
        filled=filled,
        options=list(options or ()),
        query=_through(read, text),
        types=_types(connection, oid),
        after=[*_attached(connection, oid, place, word)],
        rights=[*_rights(connection, oid, place, word, owner)],
    )


def _columns(
    connection: psycopg.Connection[Any], view: int, change: TableChange, text: str
) -> list[str]:
    """Return the columns of a table that a view reads; all of them where it reads complete rows."""
    given = {"view": view, "table": change.oid}
    found = [str(name) for (name,) in connection.execute(READ, given)]
    if found and WHOLE_ROW.search(text):
        return [str(name) for (name,) in connection.execute(ALL, given)]
    return found


def _as_before(schema: str, change: TableChange, columns: Sequence[str]) -> Composed:
    """Return a named subquery in which a table has its times as before."""
    shown: list[Composable] = [
        SQL("{0} AT TIME ZONE 'UTC' AS {0}").format(Identifier(each))
        if each in change.without_zone
        else Identifier(each)
        for each in columns
    ]
    return SQL("{} AS NOT MATERIALIZED (\n  SELECT {}\n  FROM {}\n)").format(
        Identifier(change.name), SQL(", ").join(shown), Identifier(schema, change.name)
    )


def _through(read: Sequence[Composed], text: str) -> Composed:
    query = SQL(text)
    if not read:
        return Composed([query])
    return SQL("WITH {}\nSELECT * FROM (\n{}\n) AS kept").format(SQL(", ").join(read), query)


def _attached(
    connection: psycopg.Connection[Any], oid: int, place: Identifier, word: SQL
) -> Iterator[Composed]:
    """Yield the statements for indexes and comments of a view."""
    for (definition,) in connection.execute(INDEXES, [oid]):
        yield Composed([SQL(definition)])
    for column, text in connection.execute(COMMENTS, [oid]):
        if column is None:
            yield SQL("COMMENT ON {} {} IS {}").format(word, place, Literal(text))
        else:
            what = SQL("COMMENT ON COLUMN {}.{} IS {}")
            yield what.format(place, Identifier(column), Literal(text))


def _rights(
    connection: psycopg.Connection[Any], oid: int, place: Identifier, word: SQL, owner: str
) -> Iterator[Composed]:
    """Yield the statements for owner and rights of a view."""
    for column, grantee, privilege, grantable in connection.execute(RIGHTS, {"view": oid}):
        yield SQL("GRANT {}{} ON {} TO {}{}").format(
            SQL(privilege),
            SQL(" ({})").format(Identifier(column)) if column else SQL(""),
            place,
            _role(connection, grantee),
            SQL(" WITH GRANT OPTION" if grantable else ""),
        )
    yield SQL("ALTER {} {} OWNER TO {}").format(word, place, Identifier(owner))


def _types(connection: psycopg.Connection[Any], oid: int | None) -> list[str]:
    """Return the columns of a view with their types."""
    found = connection.execute(TYPES, [oid]).fetchone()
    return list(found[0] or ()) if found else []


def _role(connection: psycopg.Connection[Any], oid: int) -> Composable:
    """Return a role's name in statements; 0 is PUBLIC."""
    found = connection.execute("SELECT pg_get_userbyid(%s)", [oid]).fetchone()
    return Identifier(found[0]) if oid and found else SQL("PUBLIC")
