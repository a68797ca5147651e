"""Generates `transform/comments.sql` from the tables' own declarations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_emag.tap import STREAMS
from tools.tables_page import row_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_emag.streams.base import EmagStream

INTRODUCTION = """\
-- What each table and column means, as comments that SQL clients show (psql: \\d+ orders).
-- `make generate` writes this file from the tables' declarations.
--
--   psql "$DATABASE_URL" -f transform/comments.sql
--
-- Another schema than emag goes into the next line. Tables and columns that are not there, because
-- they were not chosen or not loaded yet, are passed over. Run it again whenever you like.

SET search_path TO emag;

DO $comments$
DECLARE
  meant record;
BEGIN
  FOR meant IN
    SELECT kind.oid::regclass AS place, what.meaning, named.attname
    FROM (VALUES
"""
CONCLUSION = """
    ) AS what(name, attribute, meaning)
    JOIN pg_class AS kind
      ON  kind.relname = what.name
      AND kind.relkind IN ('r', 'p')
      AND kind.relnamespace = current_schema()::regnamespace
    LEFT JOIN pg_attribute AS named
      ON  named.attrelid = kind.oid
      AND named.attname = what.attribute
      AND NOT named.attisdropped
    WHERE what.attribute IS NULL OR named.attname IS NOT NULL
  LOOP
    IF meant.attname IS NULL THEN
      EXECUTE format('COMMENT ON TABLE %s IS %L', meant.place, meant.meaning);
    ELSE
      EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', meant.place, meant.attname, meant.meaning);
    END IF;
  END LOOP;
END
$comments$;
"""


def files() -> dict[str, str | None]:
    """Return the file."""
    lines = (line for stream in STREAMS for line in _lines(stream))
    return {"transform/comments.sql": INTRODUCTION + ",\n".join(lines) + CONCLUSION}


def _lines(stream: type[EmagStream]) -> Iterator[str]:
    name = _quoted(stream.table.name)
    yield f"      ({name}, NULL, {_quoted(row_text(stream))})"
    for column in stream.table.columns:
        yield f"      ({name}, {_quoted(column.name)}, {_quoted(column.meaning)})"


def _quoted(text: str) -> str:
    """Return a literal; one with a backslash is read alike, whatever the server's settings."""
    doubled = text.replace("'", "''")
    return "E'" + doubled.replace("\\", "\\\\") + "'" if "\\" in doubled else f"'{doubled}'"
