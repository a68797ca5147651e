"""When orders are placed and changed: busy evenings, quiet nights, growing months."""
# ruff: noqa: PLR2004 - shares and sizes of invented data need no names

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final

from emag_sandbox.shop.localtime import DAY
from emag_sandbox.shop.seeded_random import mix

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from emag_sandbox.shop.localtime import LocalTime

HOUR: Final = 3600
BUSY: Final = (
    8, 4, 2, 1, 1, 2, 6, 14, 26, 40, 50, 52, 46, 42, 42, 44, 46, 48, 52, 60, 66, 62, 44, 20,
)  # fmt: skip
WEEKEND: Final = 5
WEEKEND_SHARE: Final = 0.75
FIRST_ID: Final = 480_000_000
STEP: Final = 7
BEYOND_32_BITS: Final = 1 << 32
REPEATED_SHARE: Final = 500
# Seconds before the start in which nothing happened. A reader stops shortly before the present, so
# one that begins at once would otherwise miss a row now and then.
STILL: Final = 10


def dates(rng: Random, local: LocalTime, count: int, first: int, last: int) -> list[int]:
    """`count` instants between two, sorted, more of them in busy hours.

    When the range covers a night on which the clock is put back, some are in either half of the
    repeated hour.
    """
    opening = local.naive(first) // DAY
    days = range(opening, local.naive(last) // DAY + 1)
    heights = [
        (1 + (day - opening) / (len(days) + 1)) * (WEEKEND_SHARE if (day + 3) % 7 >= WEEKEND else 1)
        for day in days
    ]
    chosen = rng.choices(days, cum_weights=list(accumulate(heights)), k=count)
    hours = rng.choices(range(24), cum_weights=list(accumulate(BUSY)), k=count)
    moments = []
    for day, hour in zip(chosen, hours, strict=True):
        moment = day * DAY + hour * HOUR + int(rng.random() * HOUR)
        moment -= local.offset(moment - 2 * HOUR)
        if not first <= moment <= last:
            moment = first + int(rng.random() * (last - first))
        moments.append(moment)
    for back in local.repeats(first + DAY, last - DAY):
        for turn in range(min(count // 20, 8 + count // REPEATED_SHARE)):
            moments[int(rng.random() * count)] = (
                back - HOUR + turn % 2 * HOUR + int(rng.random() * HOUR)
            )
    return sorted(moments)


def last_change(rng: Random, backs: list[int], placed: int, now: int) -> int:
    """When an order placed at an instant was last changed: minutes to weeks later.

    `backs` are the instants at which the clock was put back: an order placed in a repeated hour is
    also changed in it.
    """
    for back in backs:
        if back - HOUR <= placed < back + HOUR:
            return min(now, placed + int(rng.random() * (back + HOUR - placed)))
    lot = rng.random()
    if lot < 0.25:
        wait = 60 + int(rng.random() * 6 * HOUR)
    elif lot < 0.85:
        wait = HOUR + int(rng.random() * 5 * DAY)
    else:
        wait = DAY + int(rng.random() * 45 * DAY)
    return placed + wait if placed + wait <= now else placed + int(rng.random() * (now - placed))


def status_at(rng: Random, age: int) -> int:
    """The status of an order some seconds old."""
    lot = rng.random()
    if lot < 0.08:
        return 0
    if age < 6 * HOUR:
        return 1 if lot < 0.6 else 2
    if age < 3 * DAY:
        return 2 if lot < 0.3 else 3 if lot < 0.6 else 4
    return 5 if lot > 0.97 else 3 if lot > 0.96 else 4


def order_id(seed: int, number: int) -> int:
    """The id of an order: growing with its number, a few of them beyond 32 bits."""
    luck = mix(seed, 31, number)
    plain = FIRST_ID + number * STEP + luck % STEP
    return plain + BEYOND_32_BITS if luck >> 8 & 63 == 0 else plain


def first_orders(
    rng: Random, local: LocalTime, seed: int, count: int, type2_share: float, first: int, now: int
) -> Iterator[tuple[int, int, int, int, int]]:
    """The orders that a sandbox starts with, as (id, type, status, date, modified).

    `first` and `now` are instants: the last change is STILL seconds before `now`, or at `first`.
    """
    before = (0, 3)
    last = max(first, now - STILL)
    backs = local.repeats(first, last)
    for number, placed in enumerate(dates(rng, local, count, first, last) if count else ()):
        kind = 2 if rng.random() < type2_share else 3
        id_ = order_id(seed, number)
        if kind == 2 and before[1] == 3 and rng.random() < 0.05:
            # Uniqueness of ids across types is promised nowhere, so a few are shared.
            id_ = before[0]
        before = (id_, kind)
        yield id_, kind, status_at(rng, now - placed), placed, last_change(rng, backs, placed, last)
