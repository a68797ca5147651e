"""When a run is killed, and what of it: drawn from a seed, spread over the whole life of a run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

REQUESTS = 14  # of a run: the moments among them are spread over so many


class Phase(Enum):
    """Where in its life a run is killed; each begins at something that can be seen from outside."""

    STARTING = "starting"  # from the command on: Meltano alone
    PREPARING = "preparing"  # from the first file with a password on: discovery, tap and target
    READING = "reading"  # from one of the tap's requests on; the target loads meanwhile
    DRAINING = "draining"  # from the tap's end on: the target loads what it still has
    BOOKING = "booking"  # from Meltano's first word of a state on: it is kept, the run is booked


class Victim(Enum):
    """What is killed; POWER is everything at once, as when a machine loses it."""

    TAP = "tap"
    TARGET = "target"
    MELTANO = "Meltano"
    POSTGRES = "Postgres"
    BACKEND = "a backend of Postgres"
    POWER = "everything"


VICTIMS = {
    Phase.STARTING: (Victim.MELTANO, Victim.POSTGRES, Victim.POWER),
    Phase.PREPARING: tuple(victim for victim in Victim if victim is not Victim.BACKEND),
    Phase.READING: tuple(Victim),
    Phase.DRAINING: tuple(victim for victim in Victim if victim is not Victim.TAP),
    Phase.BOOKING: (Victim.MELTANO, Victim.TARGET, Victim.POSTGRES, Victim.POWER),
}
DELAYS = {  # seconds behind a phase's beginning, at most
    Phase.STARTING: 2.0,
    Phase.PREPARING: 2.0,
    Phase.READING: 0.4,
    Phase.DRAINING: 0.8,
    Phase.BOOKING: 0.3,
}
PAIRS = [(phase, victim) for phase, victims in VICTIMS.items() for victim in victims]


@dataclass(frozen=True)
class Moment:
    """A kill to come.

    `requests`: how many the tap has sent before it, while READING. `delay`: seconds behind the
    phase's beginning. `at_once`: whether what was killed of Postgres comes back, and the clean-up
    begins, without waiting for what else of the run ends by itself.
    """

    phase: Phase
    victim: Victim
    requests: int
    delay: float
    at_once: bool


def moments(chance: random.Random) -> Iterator[Moment]:
    """Yield kills without end: every pair of phase and victim comes before any comes again."""
    for turn in count():
        pairs = chance.sample(PAIRS, len(PAIRS))
        if turn == 0:
            # The first run makes Meltano's database: before, there is none to be cleaned up.
            pairs.sort(key=lambda pair: pair != (Phase.READING, Victim.TAP))
        for phase, victim in pairs:
            yield Moment(
                phase,
                victim,
                chance.randint(1, REQUESTS),
                # Files, rows and states are written right behind a phase's beginning.
                DELAYS[phase] * chance.random() ** 3,
                # A server that is back before anybody asks for it was hardly killed.
                chance.random() < 1 / 2 and phase is not Phase.STARTING,
            )
