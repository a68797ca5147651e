"""Writes questions and answers into `docs/questions.md`: `make questions` calls it with a sandbox.

`make generate` does not: an answer takes a database with marts.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_emag.ops.report.answers import Answer

PAGE: Final = Path(__file__).parents[1] / "docs" / "questions.md"
BETWEEN: Final = re.compile(r"(?s)(<!-- questions begin -->\n).*(<!-- questions end -->)")
SHOWN: Final = 6


def page(text: str, answers: Iterable[Answer]) -> str:
    """Return the page with these questions and answers between its markers."""
    body = "\n".join(line for answer in answers for line in _part(answer))
    return BETWEEN.sub(lambda found: f"{found[1]}{body}\n{found[2]}", text)


def _part(answer: Answer) -> Iterator[str]:
    yield f"\n## {answer.question.title}\n\n```sql\n{answer.question.query};\n```\n"
    yield f"| {' | '.join(f'`{name}`' for name in answer.columns)} |"
    numeric = (
        all(_is_number(row[place]) for row in answer.rows) for place in range(len(answer.columns))
    )
    yield f"| {' | '.join('---:' if right else '---' for right in numeric)} |"
    for row in answer.rows[:SHOWN]:
        yield f"| {' | '.join(_cell(value) for value in row)} |"
    shown = min(SHOWN, len(answer.rows))
    yield f"\n{shown} of {len(answer.rows):,} rows."


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, (int, Decimal)) and not isinstance(value, bool))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return "(a time)"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
