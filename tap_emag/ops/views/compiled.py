"""Reads and writes `compiled.sql`: the views, each with the tables that it is about.

In a view's text `{name}` means a table of the loader, a seed, or another view.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FILE: Final = "compiled.sql"
HEAD: Final = "-- `make generate` writes this file from the dbt models in transform/.\n"
STAGING, MARTS = "staging", "marts"
PERSONAL: Final = "__personal"  # ends the name of a table with all of its columns
_HEADING: Final = re.compile(r"^-- (view|seed) (\w+)\.(\w+) of \(([^)]*)\): (.*)$", re.MULTILINE)
_NAME: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Definition:
    """A view, or a seed: a small table that comes with its rows.

    Attributes:
        name: Its name.
        schema: `STAGING` or `MARTS`.
        text: A view's query; a seed's columns, then its rows.
        of: Tables of the loader; the view is left out where none of them is there.
        meaning: One line.
        is_seed: Whether it is a seed.
    """

    name: str
    schema: str
    text: str
    of: tuple[str, ...] = ()
    meaning: str = ""
    is_seed: bool = False

    @property
    def reads(self) -> set[str]:
        """The names of what it reads."""
        return set(_NAME.findall(self.text))

    def filled(self, name: Callable[[str], str]) -> str:
        """Return the text with the SQL that `name` returns for each name."""
        return _NAME.sub(lambda found: name(found[1]), self.text)


def text_of(definitions: Iterable[Definition]) -> str:
    """Return the file's text."""
    return HEAD + "".join(
        f"\n-- {'seed' if each.is_seed else 'view'} {each.schema}.{each.name}"
        f" of ({', '.join(each.of)}): {each.meaning}\n{each.text}\n"
        for each in definitions
    )


def definitions(text: str | None = None) -> list[Definition]:
    """Return all definitions, each after those that it reads; by default those of the package."""
    text = text or files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    _, *parts = _HEADING.split(text)
    groups = zip(*(parts[number::6] for number in range(6)), strict=True)
    return [
        Definition(
            name,
            schema,
            body.strip(),
            tuple(re.findall(r"\w+", of)),
            meaning,
            is_seed=kind == "seed",
        )
        for kind, schema, name, of, meaning, body in groups
    ]
