"""Tells which runs are stuck, books them as failed, and ends what is left of them.

A run is first booked as failed, and only then are its processes ended. The booking takes hold only
of a run that is still under way, so no process of a run that has just ended well is ever ended, and
of several clean-ups at once only one gets it. Were this process itself killed in between, the next
clean-up would find the processes as those of a run that failed long ago.
"""

from __future__ import annotations

import json
import logging
import platform
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

import psutil

from tap_emag.declared import SETTINGS
from tap_emag.ops import secrets_left
from tap_emag.ops.processes import Processes, end
from tap_emag.ops.runs import RUNNING
from tap_emag.ops.text import duration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tap_emag.ops.place import Place
    from tap_emag.ops.processes import Seen
    from tap_emag.ops.runs import Run, Runs

SILENCE: Final = timedelta(minutes=1)  # Meltano signs a run each second; longer means it is gone
FRESH: Final = timedelta(seconds=10)
SLACK: Final = timedelta(minutes=2)  # for a tap that ends by its own deadline, and its loader
REMEMBERED: Final = timedelta(days=7)
DEADLINE: Final = next(s.default for s in SETTINGS if s.name == "sync_timeout_seconds")
logger = logging.getLogger("emag-ops")


@dataclass(frozen=True)
class Cleaned:
    """A run whose processes were ended; `error` is what was booked, None if it had failed before.

    `elsewhere`: it may well run on another host, where its processes must be ended.
    """

    run: Run
    age: timedelta
    processes: tuple[str, ...]
    error: str | None = None
    survivors: tuple[str, ...] = ()
    elsewhere: bool = False


@dataclass(frozen=True)
class Spared:
    """A run that is older than the limit and was left alone, and why."""

    run: Run
    age: timedelta
    reason: str


@dataclass
class Report:
    """What a clean-up did, or, as a dry run, what it would do."""

    cleaned: list[Cleaned] = field(default_factory=list)
    spared: list[Spared] = field(default_factory=list)
    leftovers: list[Cleaned] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


def looks_stuck(run: Run, limit: timedelta, now: datetime) -> bool:
    """Tell whether a run is under way for too long, or its Meltano gives no sign any more."""
    silent = run.heartbeat is not None and now - run.heartbeat > SILENCE
    return run.state == RUNNING and (silent or now - run.started >= limit)


class Cleaner:
    """One clean-up of a project's runs on this host."""

    def __init__(
        self, place: Place, runs: Runs, limit: timedelta, *, force: bool, dry_run: bool
    ) -> None:
        """Prepare to fail runs that are older than the limit, or only to tell of them.

        `force` takes those as well whose tap was given more time.
        """
        self._place = place
        self._runs = runs
        self._limit = limit
        self._force = force
        self._dry_run = dry_run

    def clean(self, state_id: str | None = None) -> Report:
        """Clean up all runs, or those of one state id.

        Raises:
            SystemDatabaseError: The database does not answer.
        """
        report, now = Report(), datetime.now(timezone.utc)
        for run in self._runs.running(state_id):
            if now - run.started >= self._limit:
                self._consider(run, report)
        all_processes = Processes(self._place, self._runs)
        for run in self._runs.failed_between(now - REMEMBERED, now - self._limit):
            if state_id in {None, run.state_id}:
                self._end_leftovers(run, all_processes, report)
        files = secrets_left.left_behind(self._place, self._runs)
        report.files = files if self._dry_run else secrets_left.remove(files)
        return report

    def _consider(self, run: Run, report: Report) -> None:
        now = datetime.now(timezone.utc)
        all_processes = Processes(self._place, self._runs)
        processes, age = all_processes.of(run), now - run.started
        reason = (
            "this clean-up is a part of it"
            if all_processes.is_ours(run)
            else self._more_time(run, processes, now)
        )
        if reason:
            report.spared.append(Spared(run, age, reason))
            return
        found = tuple(map(str, processes))
        silent = now - (run.heartbeat or run.started)
        elsewhere = not processes and silent < FRESH
        error = self._error(age, found)
        if elsewhere:
            error += (
                f" Its last heartbeat was {duration(silent)} ago: if it runs on another host,"
                " end it there."
            )
        if self._dry_run:
            report.cleaned.append(Cleaned(run, age, found, error, elsewhere=elsewhere))
        elif not self._runs.fail(run, error, now):
            report.spared.append(Spared(run, age, "it has ended meanwhile"))
        else:
            self._note(run, error, now)
            survivors = self._end(run, processes)
            report.cleaned.append(Cleaned(run, age, found, error, survivors, elsewhere))

    def _end_leftovers(self, run: Run, all_processes: Processes, report: Report) -> None:
        """End what a run that failed long ago has left, unless its Meltano is at another run."""
        processes = [seen for seen in all_processes.of(run) if seen.alive]
        if not processes or all_processes.is_ours(run):
            return
        invocation = self._runs.of_invocation(run.run_id)
        if invocation[-1].id != run.id or any(each.state == RUNNING for each in invocation):
            return
        age = datetime.now(timezone.utc) - run.started
        survivors = () if self._dry_run else self._end(run, processes)
        found = tuple(map(str, processes))
        report.leftovers.append(Cleaned(run, age, found, survivors=survivors))

    def _end(self, run: Run, processes: Sequence[Seen]) -> tuple[str, ...]:
        survivors = end(processes)
        # Meltano may have started one more before it was ended itself.
        late = Processes(self._place, self._runs).of(run)
        known = {seen.pid for seen in survivors}
        survivors += end(seen for seen in late if seen.pid not in known)
        return tuple(map(str, survivors))

    def _more_time(self, run: Run, processes: Sequence[Seen], now: datetime) -> str | None:
        """Tell why a run may take longer: its tap was given more time than taps usually have."""
        alive = now - (run.heartbeat or run.started) < SILENCE
        given = next((seconds for seen in processes if (seconds := _own_deadline(seen))), None)
        if self._force or not alive or given is None:
            return None
        if now - run.started < timedelta(seconds=given) + SLACK:
            return f"its tap was started with sync_timeout_seconds={given % FOREVER:g}"
        return None

    def _error(self, age: timedelta, processes: Sequence[str]) -> str:
        text = (
            f"Stuck: still running {duration(age)} after it began (limit"
            f" {duration(self._limit)}). Booked as failed by emag-ops cleanup-stuck-runs;"
        )
        if processes:
            return f"{text} its processes on {platform.node()} were ended: {', '.join(processes)}."
        return f"{text} no process of it was found on {platform.node()}."

    def _note(self, run: Run, error: str, now: datetime) -> None:
        log = self._place.log_of(run)
        if log:
            with suppress(OSError), log.open("a", encoding="utf-8") as lines:
                lines.write(f"{now:%Y-%m-%dT%H:%M:%S.%fZ} [error    ] emag-ops {error}\n")


FOREVER: Final = timedelta(days=3650).total_seconds()


def _own_deadline(seen: Seen) -> float | None:
    """Return the seconds a tap was given, if more than usual; FOREVER if it has no deadline."""
    if not seen.is_tap or seen.config is None:
        return None
    with suppress(OSError, ValueError, AttributeError, psutil.Error):
        # A tap that was stopped by a signal cannot heed its own deadline.
        if seen.process.status() == psutil.STATUS_STOPPED:
            return None
        config = json.loads(seen.config.read_text(encoding="utf-8"))
        seconds = float(str(config.get("sync_timeout_seconds")))
        return FOREVER if seconds == 0 else seconds if seconds > DEADLINE else None
    return None
