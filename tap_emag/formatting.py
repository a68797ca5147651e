"""Formats tables, durations and moments for people."""

from __future__ import annotations

from datetime import timezone
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta

UNITS: Final = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))  # in seconds


def duration(span: timedelta | None) -> str:
    """Write a duration with its two largest units, such as `2 h 5 min`; "" for none."""
    if span is None:
        return ""
    seconds = max(0, round(span.total_seconds()))
    for (unit, size), (smaller, part) in pairwise(UNITS):
        if seconds >= size:
            rest = seconds % size // part
            return f"{seconds // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{seconds} s"


def utc(moment: datetime) -> str:
    """Write a moment in UTC, such as `2026-11-24 19:06:08 UTC`."""
    return f"{moment.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table; columns of numbers are aligned to the right."""
    rows = [head, *body]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    right = [
        any(row[column] for row in body)
        and all(
            row[column].replace(",", "").replace(".", "").isdecimal() for row in body if row[column]
        )
        for column in range(len(head))
    ]
    for row in (head, ["-" * width for width in widths], *body):
        cells = (
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, right, strict=True)
        )
        yield "  ".join(cells).rstrip()
