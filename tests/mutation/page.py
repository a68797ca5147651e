"""What is known of mutants that survive, and the page that tells of a whole run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tests.mutation.tool import MODULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.mutation.tool import Outcome, Survivor

EXPLANATIONS = Path(__file__).with_name("survivors.yml")
INTRODUCTION = """\
# Mutation testing

How many defects in the central modules do the tests detect? `make mutants` changes these modules a
little, one change at a time (`<` into `<=`, `+` into `-`, an argument left out, a text replaced),
and runs their tests. A test has to fail for each of these mutants: it *kills* the mutant. Where the
change makes an endless loop, the mutant *hangs*. A mutant that survives is either a gap in the
tests, or it changes nothing; then it is explained below.

This command writes the page. It works in a copy of the checkout and takes some ten minutes on two
cores. It fails if a mutant survives that `tests/mutation/survivors.yml` does not explain. mutmut
makes the mutants; property tests draw the same examples each time.
"""
LEFT_OUT = """\
mutmut changes neither constants of a module nor decorated functions, such as properties. Changes
of those, and some that would do most harm, are made by `tests/mutation/test_mutants.py`, which is
part of `make test`.
"""


@dataclass(frozen=True)
class Explanation:
    """Why some mutants of a function cannot be noticed."""

    module: str
    function: str
    mutants: tuple[str, ...]
    why: str

    def explains(self, survivor: Survivor) -> bool:
        """Tell whether it speaks of this survivor."""
        place = (survivor.module, survivor.function)
        return place == (self.module, self.function) and survivor.text in self.mutants


def explanations() -> list[Explanation]:
    """Read what is known."""
    entries = yaml.safe_load(EXPLANATIONS.read_text(encoding="utf-8"))
    return [
        Explanation(entry["module"], entry["function"], tuple(entry["mutants"]), entry["why"])
        for entry in entries
    ]


def unexplained(survivors: Sequence[Survivor], known: Sequence[Explanation]) -> list[Survivor]:
    """Return the survivors that nothing explains."""
    return [one for one in survivors if not any(entry.explains(one) for entry in known)]


def obsolete(survivors: Sequence[Survivor], known: Sequence[Explanation]) -> list[str]:
    """Return what is explained and does not survive here, a line each; Pythons differ a little."""
    alive = {(one.module, one.function, one.text) for one in survivors}
    return [
        f"{entry.module}, {entry.function}: {text}"
        for entry in known
        for text in entry.mutants
        if (entry.module, entry.function, text) not in alive
    ]


def page(found: Outcome, known: Sequence[Explanation]) -> str:
    """Write the whole page."""
    open_ones = unexplained(found.survivors, known)
    parts = [INTRODUCTION, _table(found, open_ones), LEFT_OUT]
    if open_ones:
        parts.append("## Not explained\n")
    for one in open_ones:
        parts += [f"`{one.function}` in `{one.module}`:\n", _shown(one)]
    parts.append("## Survivors that change nothing\n")
    for entry in known:
        shown = [_shown(one) for one in found.survivors if entry.explains(one)]
        if shown:
            parts += [
                f"### `{entry.function}` in `{entry.module}`\n",
                f"{entry.why.strip()}\n",
                *shown,
            ]
    return "\n".join(parts)


def _table(found: Outcome, open_ones: Sequence[Survivor]) -> str:
    lines = [
        "| module | mutants | killed | hang | explained | not explained | score |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for module in MODULES:
        alive = sum(one.module == module for one in found.survivors)
        left = sum(one.module == module for one in open_ones)
        made, killed, hung = found.made[module], found.killed[module], found.hung[module]
        score = 100 * (killed + hung) / (made - alive + left)
        figures = [made, killed, hung, alive - left, left, f"{score:.1f} %"]
        lines.append(f"| `{module}` | " + " | ".join(map(str, figures)) + " |")
    note = "The score leaves out what is explained."
    return "\n".join([*lines, "", note, ""])


def _shown(one: Survivor) -> str:
    lines = [*(f"-{line}" for line in one.removed), *(f"+{line}" for line in one.added)]
    return "\n".join(["```diff", *lines, "```", ""])
