"""Reads the database after a run, and formats it for a terminal."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from typing import LiteralString

    import psycopg

    from emag_sandbox.postgres.server import Postgres

QUESTIONS = Path(__file__).with_name("questions.sql")
SCHEMA = "emag"
MARTS = "emag_marts"


class Results:
    """Reads what the pipeline has loaded."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    def counts(self, since: datetime | None = None) -> dict[str, int]:
        """Count each table's rows, or only those that were loaded since a moment."""
        with self._connect() as connection:
            return {table: _count(connection, table, since) for table in _tables(connection)}

    def code_lists(self) -> set[str]:
        """Return the names of the tables that explain codes: those with a code and its label."""
        query = (
            "SELECT table_name FROM information_schema.columns WHERE table_schema = %s"
            " AND column_name IN ('code', 'label') GROUP BY 1 HAVING count(*) = 2"
        )
        with self._connect() as connection:
            return {str(name) for (name,) in connection.execute(query, [SCHEMA])}

    def answers(self) -> Iterator[tuple[str, str]]:
        """Yield title and table of each question in `questions.sql`."""
        text = QUESTIONS.read_text(encoding="utf-8")
        parts = re.split(r"(?m)^-- title: (.+)$", text)[1:]
        with self._connect() as connection:
            connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(MARTS)))
            for title, query in zip(parts[::2], parts[1::2], strict=True):
                cursor = connection.execute(_trusted(query))
                names = [column.name for column in cursor.description or ()]
                yield title, text_table(names, cursor.fetchall())

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        connection = self._postgres.connect()
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(SCHEMA)))
        connection.execute("SET TimeZone TO 'UTC'")  # for times that the loader stored by itself
        return connection


def text_table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return rows as a table with aligned columns, numbers to the right."""
    if not rows:
        return "  (no rows)"
    cells = [[_cell(value) for value in row] for row in rows]
    columns = list(zip(names, *cells, strict=True))
    widths = [max(map(len, column)) for column in columns]
    numeric = [
        all(value is None or isinstance(value, int | float | Decimal) for value in column)
        for column in zip(*rows, strict=True)
    ]
    lines = [list(names), ["-" * width for width in widths], *cells]
    return "\n".join("  " + _line(line, widths, numeric) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    parts = zip(cells, widths, numeric, strict=True)
    padded = (cell.rjust(width) if right else cell.ljust(width) for cell, width, right in parts)
    return "  ".join(padded).rstrip()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def _tables(connection: psycopg.Connection[tuple[Any, ...]]) -> list[str]:
    query = "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename"
    return [str(name) for (name,) in connection.execute(query, [SCHEMA])]


def _count(
    connection: psycopg.Connection[tuple[Any, ...]], table: str, since: datetime | None
) -> int:
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
    if since is not None:
        query += sql.SQL(" WHERE _sdc_batched_at >= {}").format(since)
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _trusted(text: str) -> LiteralString:
    """Mark a file of our own as trusted: psycopg accepts only literal statements."""
    return cast("LiteralString", text)  # type: ignore[redundant-cast]
