"""Reads and writes files of the project, also the generated part of one written by hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[1]


def differing(texts: Mapping[str, str | None]) -> list[str]:
    """Return the paths of files that have another text; None marks a file that has to go."""
    return [path for path, text in texts.items() if _present(path) != text]


def write(texts: Mapping[str, str | None]) -> None:
    """Write the files that differ, and remove those that have to go."""
    for path in differing(texts):
        text = texts[path]
        if text is None:
            (ROOT / path).unlink()
        else:
            (ROOT / path).write_text(text, encoding="utf-8")


def with_part(path: str, part: str, body: str) -> str:
    """Return a file of the project with `body` between its two markers.

    The markers are comments, `generated: NAME` and `end of NAME`, of whatever the file's form is.

    Args:
        path: The file, from the project's folder.
        part: The name in the markers.
        body: Lines, each with its end.

    Raises:
        ValueError: The file has no such markers, or several.
    """
    text = (ROOT / path).read_text(encoding="utf-8")
    return replaced(text, path, part, body)


def replaced(text: str, path: str, part: str, body: str) -> str:
    """Likewise, for a text."""
    marked = re.compile(
        rf"(?ms)^(?P<begin>[^\n]*generated: {part}\b[^\n]*\n).*?(?P<end>^[^\n]*end of {part}\b)"
    )
    new, found = marked.subn(lambda match: f"{match['begin']}{body}{match['end']}", text)
    if found != 1:
        raise ValueError(
            f"{path}: has {found} parts between `generated: {part}` and `end of {part}`; write the"
            " two markers once, as comments"
        )
    return new


def _present(path: str) -> str | None:
    file = ROOT / path
    return file.read_text(encoding="utf-8") if file.exists() else None
