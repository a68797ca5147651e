"""Counts request budgets as eMAG's gateway does: in real time, refusals included."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

BUDGETS: Final[Mapping[str, tuple[int, int]]] = {
    "orders": (12, 720),
    "other": (3, 180),
    "find_by_eans": (5, 200),
}
SECOND: Final = 1.0
MINUTE: Final = 60.0


class Budget:
    """One bucket: so many requests per second and per minute."""

    def __init__(self, bucket: str) -> None:
        """Count for one of `BUDGETS`."""
        self._a_second, self._a_minute = BUDGETS[bucket]
        self._times: deque[float] = deque()

    def spend(self, now: float, mode: str, a_minute: int | None = None) -> bool:
        """Count a request that arrived at `now` (seconds); False when it is one too many.

        `a_minute` replaces the documented limit of a minute.

        In `sliding` mode any second and any minute counts, in `fixed` mode those that begin
        with a whole number.
        """
        times, a_minute = self._times, a_minute or self._a_minute
        times.append(now)
        while times[0] <= now - MINUTE:
            times.popleft()
        if mode == "fixed":
            # Ends just after `now`, so that the request itself counts.
            second, minute = now // SECOND * SECOND, now // MINUTE * MINUTE
            within = sum(1 for each in times if each >= second)
            return (
                within <= self._a_second and sum(1 for each in times if each >= minute) <= a_minute
            )
        within = sum(1 for each in _newest(times, self._a_second + 1) if each > now - SECOND)
        return within <= self._a_second and len(times) <= a_minute


def busiest(times: list[float], width: float) -> int:
    """The most requests that any `width` seconds saw; `times` sorted."""
    return max(
        (place + 1 - bisect_left(times, now - width + 1e-9) for place, now in enumerate(times)),
        default=0,
    )


def _newest(times: deque[float], count: int) -> list[float]:
    return [times[-1 - place] for place in range(min(count, len(times)))]
