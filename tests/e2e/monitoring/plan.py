"""Which syncs a day has: when they begin, how long they take, what comes of them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BEGIN = datetime(2026, 3, 2, tzinfo=timezone.utc).timestamp()
MINUTE, HOUR, DAY = 60, 3600, 86400
WARM_UP = 3 * HOUR  # before the day, so that every counter is there when it begins
REFUSED = (10 * HOUR, 11 * HOUR)  # of fbe
KILLED = 5 * HOUR + 21 * MINUTE  # offers of main
LOST = 15 * HOUR + MINUTE + 30
BOUNDS = {"orders": (3, 55), "products": (200, 800), "returns": (20, 140)}  # seconds of a sync
# account_type, stream, first minute, minutes between
SCHEDULE = (
    ("main", "orders", 2, 5),
    ("fbe", "orders", 4, 5),
    ("main", "products", 21, 60),
    ("fbe", "products", 51, 60),
    ("main", "returns", 13, 60),
)


@dataclass
class Planned:
    """A sync to come: everything in it is settled before it begins."""

    account_type: str
    stream: str
    begun: float
    seconds: float
    status: str
    pages: list[tuple[float, float, float, int]]  # when, how long, waited, rows
    killed: bool = False

    @property
    def ended(self) -> float:
        return self.begun + self.seconds


def planned() -> Iterator[Planned]:
    """Give all syncs, always the same."""
    dice = random.Random(11)
    for account_type, stream, first, every in SCHEDULE:
        for begun in range(-WARM_UP + first * MINUTE, DAY, every * MINUTE):
            yield _planned(dice, account_type, stream, begun)


def _planned(dice: random.Random, account_type: str, stream: str, begun: float) -> Planned:
    low, high = BOUNDS[stream]
    seconds = round(dice.uniform(low, high), 2)
    status = dice.choices(["completed", "failed", "timed_out"], [94, 4, 2])[0]
    if account_type == "fbe" and REFUSED[0] <= begun < REFUSED[1]:
        return Planned(account_type, stream, begun, 2.0, "refused", [])
    pages = []
    for number in range(dice.randint(1, 12)):
        when = begun + (number + 0.5) * seconds / 13
        waited = dice.choice([0.0, 0.0, 0.3, 4.0])
        pages.append((when, round(dice.lognormvariate(-0.7, 0.8), 3), waited, dice.randint(1, 100)))
    killed = account_type == "main" and stream == "products" and begun == KILLED
    return Planned(account_type, stream, begun, seconds, status, pages, killed)


def state_id(plan: Planned) -> str:
    kind = "offers" if plan.stream == "products" else plan.stream
    account = "" if plan.account_type == "main" else f"-{plan.account_type}"
    return f"prod:tap-emag{account}-{kind}-to-target-postgres"


def moment_of(seconds: float) -> datetime:
    return datetime.fromtimestamp(BEGIN + seconds, tz=timezone.utc)
