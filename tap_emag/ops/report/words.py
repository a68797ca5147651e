"""The words of the page in each language: `assets/en.toml` and `assets/ro.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

LANGUAGES: Final = {"en": "English", "ro": "Română"}
FOLDER: Final = Path(__file__).with_name("assets")


def words(language: str) -> dict[str, dict[str, Any]]:
    """Return all words of one language: of the page, columns, values in rows, and questions."""
    return tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
