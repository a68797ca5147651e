"""Decides whether a run that Meltano lists as running is stuck.

- Its Meltano runs on this host: it is stuck when it takes longer than the limit, or than its tap's
  deadline if that is longer. Where the tap has no deadline, it is stuck when it has not moved for
  longer than the tap itself allows. Its age is that of its processes, which a jump of the clock
  does not change.
- Its log is on this host, its Meltano is not, and its heartbeat stays the same: it was killed.
- Otherwise it runs on another host. It is skipped while its heartbeat changes, and for five minutes
  after that, as Meltano does itself.
"""

from __future__ import annotations

import json
import math
import platform
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final, NamedTuple

import psutil

from tap_emag.formatting import duration
from tap_emag.meltano.own_config import last_movement, read_unnoticed
from tap_emag.ops.meltano import heartbeats
from tap_emag.ops.meltano.processes import CLOCK
from tap_emag.settings.settings import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tap_emag.ops.meltano.database import Run
    from tap_emag.ops.meltano.heartbeats import Watched
    from tap_emag.ops.meltano.processes import RunProcess
    from tap_emag.ops.meltano.project import Place

SILENCE: Final = timedelta(minutes=1)  # without a heartbeat, which comes each second: it hangs
ELSEWHERE: Final = timedelta(minutes=5)  # Meltano's own limit
FRESH: Final = timedelta(seconds=10)
SLACK: Final = timedelta(minutes=2)  # for a tap that ends by its own deadline, and its loader
DEADLINE: Final = 600.0  # seconds, as schedules give them to a tap; the limit allows for it
MARKED: Final = "Marked as failed by emag-ops cleanup-stuck-runs;"


@dataclass(frozen=True)
class Verdict:
    """The `error` to mark a stuck run as failed with, or why a run is `left_alone`.

    `elsewhere`: it may run on another host, where its processes must be ended.
    """

    age: timedelta
    error: str = ""
    left_alone: str = ""
    elsewhere: bool = False


class Judge:
    """Decides which runs of a project are stuck, as seen from this host."""

    def __init__(self, place: Place, limit: timedelta, ahead: timedelta, *, force: bool) -> None:
        """Set the limit of a run's age, and how far this host's clock is ahead of the database's.

        `force` includes runs whose tap has a longer deadline, or that run on another host.
        """
        self._place = place
        self._limit = limit
        self._ahead = ahead
        self._force = force

    def patience(self, run: Run, processes: Sequence[RunProcess]) -> float | None:
        """Return for how many seconds to watch a heartbeat; None where it does not matter."""
        old, silence = self.age(run, processes) >= self._limit, self._silence(run)
        if self._force and old:
            seen = processes or self._place.log_of(run)
            return None if seen else heartbeats.SHORT
        if _meltanos(processes):
            return heartbeats.SHORT if old and silence >= SILENCE else None
        if self._place.log_of(run):
            rest = heartbeats.LONG - max(0.0, silence.total_seconds())
            return max(heartbeats.SHORT, rest)
        return heartbeats.LONG if silence >= ELSEWHERE else None

    def verdict(
        self, run: Run, processes: Sequence[RunProcess], watched: Watched
    ) -> Verdict | None:
        """Return the verdict on a run after the watch; None for a run within its limit."""
        age, silence = self.age(run, processes), self._silence(run)
        old = age >= self._limit
        if old and self._force:
            lost = not processes and (run.id in watched.signed or silence < FRESH)
            return Verdict(age, self._error(age, silence, processes, lost=lost), elsewhere=lost)
        if _meltanos(processes):
            if not old:
                return None
            signed = run.id in watched.signed or silence < SILENCE
            more = self._more_time(run, processes, age) if signed else ""
            return Verdict(age, "" if more else self._error(age, silence, processes), more)
        if run.id in watched.silent:
            return Verdict(age, self._error(age, silence, processes, gone=True))
        if old:
            return Verdict(
                age,
                left_alone="its Meltano signs it, on another host or as another user; if it hangs,"
                " clean up there, or with --force",
            )
        return None

    def age(self, run: Run, processes: Sequence[RunProcess]) -> timedelta:
        """Return how long a run has been running, by its processes if they are visible."""
        now, none = datetime.now(timezone.utc), timedelta(0)
        by_clock = max(none, now - self._ahead - run.started)
        plugins = [now - seen.created for seen in processes if seen.config]
        if plugins:
            return max(none, *plugins)
        # A Meltano may have made other runs before.
        return min([by_clock, *(max(none, now - seen.created) for seen in _meltanos(processes))])

    def _silence(self, run: Run) -> timedelta:
        return datetime.now(timezone.utc) - self._ahead - (run.heartbeat or run.started)

    def _more_time(self, run: Run, processes: Sequence[RunProcess], age: timedelta) -> str:
        """Return why a run may take longer: its tap has a longer deadline, or moves; else ""."""
        taps = [seen for seen in processes if seen.is_tap]
        # A tap that a signal has stopped cannot end at its own deadline.
        living = (seen.config for seen in taps if not _is_stopped(seen))
        for config in living if taps else self._configs_of(run):
            given = _time_given(config) if config else None
            if given is None:
                continue
            if given.deadline > DEADLINE and age < timedelta(seconds=given.deadline) + SLACK:
                return f"its tap was started with sync_timeout_seconds={given.deadline:g}"
            if given.deadline == 0 and given.quiet < given.longest_quiet:
                moved = duration(timedelta(seconds=given.quiet))
                return f"its tap has no sync_timeout_seconds, and moved {moved} ago"
        return ""

    def _configs_of(self, run: Run) -> Iterator[Path]:
        """Find the configuration of a tap that has ended, while its loader stores the last rows."""
        folder = self._place.system / "run" / run.extractor
        for path in folder.glob("tap.*.config.json"):
            with suppress(OSError):
                written = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
                if written >= run.started - CLOCK:
                    yield path

    def _error(
        self,
        age: timedelta,
        silence: timedelta,
        processes: Sequence[RunProcess],
        *,
        gone: bool = False,
        lost: bool = False,
    ) -> str:
        host = platform.node()
        if gone:
            why = f", but its Meltano is gone (last heartbeat {duration(silence)} ago)."
        else:
            why = f" (limit {duration(self._limit)})."
        text = f"Stuck: still running {duration(age)} after it began{why} {MARKED}"
        if processes:
            return f"{text} its processes on {host} were ended: {', '.join(map(str, processes))}."
        text += f" no process of it was found on {host}."
        if lost:
            text += (
                f" Its last heartbeat was {duration(silence)} ago: if it runs on another host,"
                " end it there."
            )
        return text


def _meltanos(processes: Sequence[RunProcess]) -> list[RunProcess]:
    return [seen for seen in processes if seen.is_meltano]


def _is_stopped(seen: RunProcess) -> bool:
    with suppress(psutil.Error):
        return bool(seen.process.status() == psutil.STATUS_STOPPED)
    return False


class TimeGiven(NamedTuple):
    """Seconds: a tap's deadline, how long it has not moved, and how long that may be."""

    deadline: float
    quiet: float
    longest_quiet: float


def _time_given(config: Path) -> TimeGiven | None:
    """Return the time that a tap was given, by its configuration; None if that is unknown."""
    with suppress(OSError, ValueError, AttributeError):
        quiet = max(0.0, time.time() - last_movement(config))
        given = json.loads(read_unnoticed(config)).items()
        values = DEFAULTS | {name: value for name, value in given if value not in (None, "")}
        deadline = float(str(values.get("sync_timeout_seconds", 0)))
        stall = float(str(values["stall_timeout_seconds"]))
        return TimeGiven(deadline, quiet, stall + SLACK.total_seconds() if stall else math.inf)
    return None
