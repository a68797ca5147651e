"""Measures how busy other programs kept the machine, which distorts a benchmark's figures."""

from __future__ import annotations

import os
import resource
import time

import psutil


class Others:
    """Counts from when it is made."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._busy = _busy() - _ours()

    def share(self) -> float:
        """Return what other programs have taken of all cores since, 0 to 1."""
        seconds = (time.monotonic() - self._begun) * (os.cpu_count() or 1)
        return min(1.0, max(0.0, (_busy() - _ours() - self._busy) / seconds))


def _busy() -> float:
    times = psutil.cpu_times()
    # `steal` is what other guests of the same host have taken: not here either.
    return float(times.user + times.system + getattr(times, "nice", 0) + getattr(times, "steal", 0))


def _ours() -> float:
    """Return the processor time of this process and of those it has seen end."""
    parts = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, parts))
