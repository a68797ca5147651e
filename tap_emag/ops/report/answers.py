"""The questions and their answers: each is a file of SQL on the marts."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER: Final = Path(__file__).with_name("questions")
NOT_THERE: Final = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn)


@dataclass(frozen=True)
class Question:
    """A question in English, and the query that answers it.

    Attributes:
        name: Of its file, such as 01_revenue.
        title: The comment in its first line.
        query: The rest of the file.
    """

    name: str
    title: str
    query: str


@dataclass(frozen=True)
class Answer:
    """What the marts answer.

    Attributes:
        question: What was asked.
        columns: Names of the columns.
        rows: All rows; none if `missing`.
        seconds: Time until the last row had come.
        missing: The table or column that is not there, so that there is no answer.
    """

    question: Question
    columns: tuple[str, ...] = ()
    rows: Sequence[tuple[Any, ...]] = ()
    seconds: float = 0.0
    missing: str | None = None

    def dicts(self) -> list[dict[str, Any]]:
        """Return the rows with the names of their columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def questions() -> list[Question]:
    """Return all questions, in the order of the page."""
    return [_question(path) for path in sorted(FOLDER.glob("*.sql"))]


def _question(path: Path) -> Question:
    title, _, query = path.read_text(encoding="utf-8").partition("\n")
    return Question(path.stem, title.removeprefix("-- "), query.strip())


def ask(connection: psycopg.Connection[tuple[Any, ...]], schema: str, question: Question) -> Answer:
    """Ask one question of the marts in a schema, which may lack some of them.

    Raises:
        psycopg.Error: Postgres cannot answer for another reason.
    """
    begin = time.monotonic()
    try:
        with connection.transaction():
            path = sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(schema))
            connection.execute(path)
            cursor = connection.execute(question.query.encode())
            rows = cursor.fetchall()
    except NOT_THERE as error:
        message = str(error).partition("\n")[0]
        name = re.search(r'"(.+?)"', message)
        return Answer(question, missing=name[1] if name else message)
    columns = tuple(column.name for column in cursor.description or ())
    return Answer(question, columns, rows, time.monotonic() - begin)
