"""Watches whether Meltano still updates the heartbeats of runs, without trusting any clock.

Meltano writes a run's heartbeat each second, with the time of its own host. That clock may differ
from this one, and either may jump. A heartbeat that changes during the watch proves that Meltano is
alive; one that does not change for several seconds proves the opposite.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_emag.ops.meltano.database import Run, Runs

LONG = 10.0  # seconds without a heartbeat that prove a Meltano dead
SHORT = 3.0  # seconds to watch at least
LOOK = 0.2


@dataclass(frozen=True)
class Watched:
    """The runs that are still running after the watch, by id, and those with a heartbeat."""

    runs: Mapping[int, Run]
    signed: frozenset[int]
    silent: frozenset[int]


def watch(runs: Runs, patience: Mapping[int, float]) -> Watched:
    """Watch the heartbeats of some runs, each for so many seconds at most.

    Returns as soon as each of them had a heartbeat, has ended, or was watched long enough.

    Raises:
        SystemDatabaseError: The database does not answer.
    """
    begun = time.monotonic()
    first = latest = _by_id(runs.running())
    waiting, signed = set(patience) & set(first), set[int]()
    while waiting:
        time.sleep(LOOK)
        seconds = time.monotonic() - begun
        latest = _by_id(runs.running())
        signed |= {
            one for one in waiting & set(latest) if latest[one].heartbeat != first[one].heartbeat
        }
        waiting = {
            one for one in waiting & set(latest) if one not in signed and seconds < patience[one]
        }
    return Watched(latest, frozenset(signed), frozenset(set(patience) & set(latest) - signed))


def _by_id(found: Iterable[Run]) -> dict[int, Run]:
    return {run.id: run for run in found}
