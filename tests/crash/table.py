"""What became of many kills, as a table."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from emag_sandbox.demo.results import text_table
from tests.crash.moments import PAIRS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.crash.loop import Loop, Round

HEAD = (
    *("phase", "victim", "kills", "too late", "hung", "median s", "runs cleaned up"),
    *("processes ended", "files removed", "state moved", "state kept", "rows loaded"),
)


def table(loop: Loop, system: str) -> str:
    """Lay out all rounds by phase and victim, with their sums."""
    rows = []
    for phase, victim in PAIRS:
        found = [
            each
            for each in loop.rounds
            if (each.moment.phase, each.moment.victim) == (phase, victim)
        ]
        rows.append((phase.value, victim.value, *_figures(found)))
    rows.append(("all", "", *_figures(loop.rounds)))
    head = f"Meltano's database in {system}: {loop.kills} kills in {len(loop.rounds)} runs"
    foot = (
        f"  {len(loop.quiet)} quiet runs, {sum(loop.quiet):.0f} s in all;"
        f" {len(loop.history.told):,} versions of offers told, {loop.twice} of them twice"
    )
    return f"\n{head}\n{text_table(HEAD, rows)}\n{foot}"


def _figures(rounds: Sequence[Round]) -> tuple[object, ...]:
    killed = [each for each in rounds if each.killed]
    return (
        len(killed),
        len(rounds) - len(killed),
        sum(each.hung for each in rounds),
        round(median([each.seconds for each in rounds])) if rounds else None,
        sum(each.cleaned for each in rounds),
        sum(each.ended for each in rounds),
        sum(each.files for each in rounds),
        sum(each.state_moved for each in killed),
        sum(not each.state_moved for each in killed),
        sum(each.rows for each in rounds),
    )
