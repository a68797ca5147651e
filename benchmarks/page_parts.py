"""Parts of a page that a command writes: each between two lines that stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def part(page: str, begin: str, end: str) -> str:
    """Return the part of a page with its two lines, empty where it has none."""
    first, last = page.find(begin), page.find(end)
    return f"{page[first:last]}{end}\n" if 0 <= first < last else ""


def put(page: Path, begin: str, end: str, text: str) -> None:
    """Write a part, with its two lines, into a page in place of the old one, or at its end."""
    written = page.read_text(encoding="utf-8")
    old = part(written, begin, end)
    page.write_text(written.replace(old, text) if old else f"{written}\n{text}", encoding="utf-8")
