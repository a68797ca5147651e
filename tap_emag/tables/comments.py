"""Writes `transform/comments.sql` from the tables' own declarations.

python -m tap_emag.tables.comments > transform/comments.sql
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tap_emag.tables.catalogue import _row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_emag.streams.base import EmagStream

INTRODUCTION = """\
-- What each table and column means, as comments that SQL clients show (psql: \\d+ orders).
-- `python -m tap_emag.tables.comments` writes this file; change the tables, not the file.
--
--   psql "$DATABASE_URL" -f transform/comments.sql
--
-- Another schema than emag goes into the next line. Tables and columns that are not there, because
-- they were not chosen or not loaded yet, are passed over. Run it again whenever you like.

SET search_path TO emag;

DO $comments$
DECLARE
  told record;
BEGIN
  FOR told IN
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
    IF told.attname IS NULL THEN
      EXECUTE format('COMMENT ON TABLE %s IS %L', told.place, told.meaning);
    ELSE
      EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', told.place, told.attname, told.meaning);
    END IF;
  END LOOP;
END
$comments$;
"""


def render(streams: Iterable[type[EmagStream]]) -> str:
    """Return the whole file."""
    lines = (line for stream in streams for line in _lines(stream))
    return INTRODUCTION + ",\n".join(lines) + CONCLUSION


def _lines(stream: type[EmagStream]) -> Iterator[str]:
    name = _quoted(stream.table.name)
    yield f"      ({name}, NULL, {_quoted(_row(stream))})"
    for column in stream.table.columns:
        yield f"      ({name}, {_quoted(column.name)}, {_quoted(column.description)})"


def _quoted(text: str) -> str:
    """Return a literal; one with a backslash is read alike, whatever the server's settings."""
    doubled = text.replace("'", "''")
    return "E'" + doubled.replace("\\", "\\\\") + "'" if "\\" in doubled else f"'{doubled}'"


def main() -> None:
    """Print the file."""
    # The tables know nothing of streams; this command alone looks at what is read.
    from tap_emag.tap import STREAMS  # noqa: PLC0415

    sys.stdout.write(render(STREAMS))


if __name__ == "__main__":
    main()
