"""What the clock on the marketplace's wall shows, worked out without the tap."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import datetime

WALL = ZoneInfo("Europe/Bucharest")
QUARTER = timedelta(minutes=15)
BEHIND = timedelta(seconds=5)  # a run reads up to two seconds ago; the rest is for rounding
STEPS = 36  # of five minutes: three hours, in which any change of the clock shows


def wall(moment: datetime) -> datetime:
    """What the marketplace's clock shows, naive."""
    return moment.astimezone(WALL).replace(tzinfo=None, fold=0)


def latest_shown(now: datetime) -> datetime:
    """The latest time that the wall has shown in the hours up to some seconds ago."""
    past = now - BEHIND - timedelta(seconds=1)
    return max(wall(past - place * QUARTER / 3) for place in range(STEPS))


def claimable(now: datetime) -> datetime:
    """The wall time before which a run that begins at `now` has to read every order.

    What may be shown again is left for later, and a repeated hour is read as a whole.
    """
    begun = now - BEHIND
    reached = min(wall(begun + place * QUARTER / 3) for place in range(STEPS))
    offsets = {reached.replace(tzinfo=WALL, fold=fold).utcoffset() for fold in (0, 1)}
    if len(offsets) > 1:
        return reached.replace(minute=0, second=0, microsecond=0) - timedelta(seconds=2)
    return reached
