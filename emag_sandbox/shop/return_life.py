"""How returns go on: from opened to one of the three ends, over days of the clock."""
# ruff: noqa: PLR2004 - shares and sizes of invented data need no names

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final, NamedTuple

from emag_sandbox.shop.calm import CALM, calm
from emag_sandbox.shop.localtime import DAY
from emag_sandbox.shop.seeded_random import mix

if TYPE_CHECKING:
    from collections.abc import Sequence

HOUR: Final = 3600
INCOMPLETE, NEW, APPROVED, REFUSED, CANCELLED, RECEIVED, FINALIZED = range(1, 8)
ENDS: Final = frozenset((REFUSED, CANCELLED, FINALIZED))
# What may follow a status, the usual first.
NEXT: Final = {
    INCOMPLETE: (NEW, CANCELLED),
    NEW: (APPROVED, CANCELLED),
    APPROVED: (RECEIVED, CANCELLED),
    RECEIVED: (FINALIZED, REFUSED),
}
LONGEST: Final = {INCOMPLETE: DAY, NEW: 2 * DAY, APPROVED: 8 * DAY, RECEIVED: 6 * DAY}
STUCK: Final = 0.03


class Event(NamedTuple):
    """A status, and the instant at which it begins."""

    status: int
    instant: int


def life(seed: int, number: int, opened: int, start: int) -> tuple[Event, ...]:
    """What happens to a return by itself from its opening on; `start` is that of the world."""
    first = INCOMPLETE if mix(seed, 103, number) % 10 == 0 else NEW
    event = Event(first, opened)
    return (event, *_rest(event, Random(mix(seed, 104, number)), start))


def moved_on(
    events: Sequence[Event], instant: int, seed: int, number: int, turn: int, start: int
) -> tuple[Event, ...]:
    """What happens to a return whose next step is taken at an instant; ends stay ends."""
    past = reached(events, instant)
    status = past[-1].status
    if status in ENDS:
        return tuple(events)
    rng = Random(mix(seed, 105, number, turn))
    planned = events[len(past)].status if len(past) < len(events) else NEXT[status][0]
    event = Event(planned, instant)
    return (*past, event, *_rest(event, rng, start))


def ended(events: Sequence[Event], instant: int) -> tuple[Event, ...]:
    """What happened to a return that is taken to its usual end at an instant."""
    past = list(reached(events, instant))
    while past[-1].status not in ENDS:
        past.append(Event(NEXT[past[-1].status][0], instant))
    return tuple(past)


def reached(events: Sequence[Event], now: int) -> tuple[Event, ...]:
    """The events until an instant, the first in any case."""
    return (events[0], *(event for event in events[1:] if event.instant <= now))


def _rest(event: Event, rng: Random, start: int) -> list[Event]:
    rest = []
    status, instant = event
    while status not in ENDS and rng.random() > STUCK:
        instant += HOUR + int(rng.random() * LONGEST[status])
        instant += CALM * calm(instant, start)
        status = NEXT[status][rng.random() > 0.94]
        rest.append(Event(status, instant))
    return rest
