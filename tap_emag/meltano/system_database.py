"""Queries Meltano's own database, in SQLite or Postgres.

It does without SQLAlchemy, whose import alone would take half a second of each run.
"""

from __future__ import annotations

import importlib
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENCE: Final = 5  # seconds


def query(uri: str, statement: str, **values: str) -> Sequence[Sequence[Any]]:
    """Return the rows of a statement in which values are named, such as `:name`.

    Raises:
        Exception: The driver's own, if the database does not answer.
    """
    kind, _, rest = uri.partition(":")
    if kind.startswith("sqlite"):
        path, _, _ = rest.removeprefix("///").partition("?")  # options of Meltano's driver follow
        address = f"file:{quote(path)}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=PATIENCE)) as connection:
            return connection.execute(statement, values).fetchall()
    psycopg = importlib.import_module("psycopg")  # an extra, needed where Meltano uses Postgres
    address = re.sub(r"^postgres(ql)?(\+\w+)?:", "postgresql:", uri)
    with psycopg.connect(address, connect_timeout=PATIENCE, autocommit=True) as connection:
        named = re.sub(r":(\w+)", r"%(\1)s", statement)
        rows: Sequence[Sequence[Any]] = connection.execute(named, values).fetchall()
        return rows
