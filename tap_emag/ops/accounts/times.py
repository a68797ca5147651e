"""Spreads the schedules of many accounts over the minutes, none on the full hour, as eMAG asks.

The minute follows from the names of account and job: another account changes no times of this one.
"""

from __future__ import annotations

import re
import zlib
from datetime import datetime, timezone
from typing import Final

from cronsim import CronSim, CronSimError

from tap_emag.settings.kinds import InvalidError

NEVER: Final = "never"
INTERVALS: Final = (
    *("5m", "10m", "15m", "20m", "30m"),
    *("1h", "2h", "3h", "4h", "6h", "8h", "12h"),
    *("1d", "7d"),
)
FIELDS: Final = 5
HINT: Final = (
    f'write one of {", ".join(INTERVALS)}, never, or a cron expression in UTC such as "7 * * * *"'
)
NIGHT: Final = 3  # the hour of what runs once a day, in UTC
OF_THE_FIRST: Final = 2  # the minute of `orders` in meltano.yml
HOURS: Final = {"orders-nightly": 2, "orders-weekly": 2}
ANY_TIME: Final = datetime(2026, 1, 1, tzinfo=timezone.utc)  # fields depend on none


def cron(given: object, account: str, job: str) -> str | None:
    """Return the cron expression of an interval, or the given expression; None for `never`.

    Raises:
        InvalidError: It is neither, or due on the full hour.
    """
    text = " ".join(str(given).split())  # without line breaks
    if text == NEVER:
        return None
    if text in INTERVALS:
        return _spread(text, zlib.crc32(f"{account}-{job}".encode()), HOURS.get(job, NIGHT))
    if len(text.split()) != FIELDS:
        raise InvalidError(f"{given!r} is not an interval; {HINT}")
    _check(text)
    return text


def _spread(interval: str, seed: int, hour: int) -> str:
    number, unit = int(interval[:-1]), interval[-1]
    if unit == "m":
        free = [each for each in range(1, number) if each != OF_THE_FIRST]
        return f"{free[seed % len(free)]}-59/{number} * * * *"
    minute = 1 + seed % 59
    if unit == "h":
        first = seed // 59 % number
        return f"{minute} {'*' if number == 1 else f'{first}-23/{number}'} * * *"
    return f"{minute} {hour} * * {'*' if number == 1 else '0'}"


def _check(text: str) -> None:
    try:
        read = CronSim(text, ANY_TIME)
    except CronSimError as error:
        raise InvalidError(f"{text!r} cannot be read ({error}); {HINT}") from None
    if 0 in read.minutes:
        raise InvalidError(
            f"{text!r} is due on the full hour, when eMAG asks for no requests; write other minutes"
        )
    _, _, days, _, weekdays = text.split()
    # Neither of these can be a systemd timer.
    if days != "*" and weekdays != "*":
        raise InvalidError(f"{text!r} has days of the month and of the week; write * for one")
    if re.search(r"[L#]", text.upper()):
        raise InvalidError(f"{text!r} has a last or n-th day; write days by their numbers")
