"""`transform/comments.sql` puts what each table and column means into a database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from tap_emag.tap import STREAMS
from tools.column_comments import _quoted

if TYPE_CHECKING:
    from typing import LiteralString

    from emag_sandbox.postgres.server import Postgres

FILE = Path(__file__).resolve().parents[2] / "transform" / "comments.sql"
COMMENTS = """
    SELECT relname, attname, description
    FROM pg_description
    JOIN pg_class ON pg_class.oid = objoid AND classoid = 'pg_class'::regclass
    LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid AND attnum > 0
    WHERE relnamespace = 'emag'::regnamespace
"""


def apply(database: Postgres) -> dict[tuple[str, str | None], str]:
    with database.connect() as connection:
        text = FILE.read_text(encoding="utf-8")
        connection.execute(cast("LiteralString", text))  # type: ignore[redundant-cast]
    with database.connect() as connection:
        return {(table, name): text for table, name, text in connection.execute(COMMENTS)}


def test_every_column_of_every_table_is_in_the_file() -> None:
    text = FILE.read_text(encoding="utf-8")
    for stream in STREAMS:
        assert f"('{stream.table.name}', NULL, '" in text
        for column in stream.table.columns:
            assert f"('{stream.table.name}', '{column.name}', " in text


def test_tables_and_columns_that_are_there_get_their_comments(database: Postgres) -> None:
    with database.connect() as connection:
        connection.execute("CREATE SCHEMA emag")
        connection.execute("CREATE SCHEMA other")
        connection.execute('CREATE TABLE emag.orders (id bigint, status bigint, "odd one" text)')
        connection.execute("CREATE TABLE emag.returns (customer_phone text, date timestamp)")
        connection.execute("CREATE TABLE emag.mine (id bigint)")
        connection.execute("CREATE VIEW emag.products AS SELECT 1 AS id")
        connection.execute("CREATE TABLE other.order_lines (id bigint)")
        connection.execute("ALTER TABLE emag.returns DROP COLUMN date")
    described = {
        (stream.table.name, column.name): column.meaning
        for stream in STREAMS
        for column in stream.table.columns
    }
    places = (("orders", "id"), ("orders", "status"), ("returns", "customer_phone"))
    expected: dict[tuple[str, str | None], str] = {
        **{place: described[place] for place in places},
        ("orders", None): "An order, as it is now.",
        ("returns", None): "A return, as it is now.",
    }
    assert apply(database) == expected
    assert apply(database) == expected


def test_nothing_happens_where_nothing_is_loaded(database: Postgres) -> None:
    with database.connect() as connection:
        connection.execute(
            cast("LiteralString", FILE.read_text(encoding="utf-8"))  # type: ignore[redundant-cast]
        )


@pytest.mark.parametrize(
    "text", ["plain", "it's", "a\\b", "\\'", "100 %", "$comments", "é\n“”", ""]
)
@pytest.mark.parametrize("standard", ["on", "off"])
def test_any_text_is_quoted(postgres: Postgres, text: str, standard: str) -> None:
    with postgres.connect() as connection:
        connection.execute("SET escape_string_warning TO off")
        connection.execute(
            cast("LiteralString", f"SET standard_conforming_strings TO {standard}")  # type: ignore[redundant-cast]
        )
        query = cast("LiteralString", f"SELECT {_quoted(text)}")  # type: ignore[redundant-cast]
        assert connection.execute(query).fetchone() == (text,)
