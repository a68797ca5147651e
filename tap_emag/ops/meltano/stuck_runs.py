"""Marks stuck runs as failed, and ends their processes.

A run is first marked as failed, and only then are its processes ended. Only a run that is still
running can be marked. So the clean-up never ends a process of a run that has just succeeded, and of
several clean-ups at once only one gets the run. If this process is killed in between, the next
clean-up finds the processes as those of a run that failed long ago.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from tap_emag.ops.meltano import leftover_configs as secrets_left
from tap_emag.ops.meltano.database import RUNNING
from tap_emag.ops.meltano.heartbeats import watch
from tap_emag.ops.meltano.pipelines import OwnPipelines
from tap_emag.ops.meltano.processes import Processes, end
from tap_emag.ops.meltano.verdicts import SILENCE, Judge

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from tap_emag.ops.meltano.database import Run, Runs
    from tap_emag.ops.meltano.heartbeats import Watched
    from tap_emag.ops.meltano.processes import RunProcess
    from tap_emag.ops.meltano.project import Place

REMEMBERED: Final = timedelta(days=7)


@dataclass(frozen=True)
class Cleaned:
    """A run whose processes were ended; `error` is the recorded reason, None if it failed before.

    `elsewhere`: it may run on another host, where its processes must be ended.
    """

    run: Run
    age: timedelta
    processes: tuple[str, ...]
    error: str | None = None
    survivors: tuple[str, ...] = ()
    elsewhere: bool = False


@dataclass(frozen=True)
class SkippedRun:
    """A run that is older than the limit but was skipped, and why."""

    run: Run
    age: timedelta
    reason: str


@dataclass
class Report:
    """The result of a clean-up, or of a dry run."""

    cleaned: list[Cleaned] = field(default_factory=list)
    spared: list[SkippedRun] = field(default_factory=list)
    leftovers: list[Cleaned] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


def looks_stuck(run: Run, limit: timedelta, now: datetime) -> bool:
    """Return whether a run takes too long, or its Meltano no longer updates its heartbeat."""
    silent = run.heartbeat is not None and now - run.heartbeat > SILENCE
    return run.state == RUNNING and (silent or now - run.started >= limit)


class Cleaner:
    """One clean-up of a project's runs on this host."""

    def __init__(
        self, place: Place, runs: Runs, limit: timedelta, *, force: bool, dry_run: bool
    ) -> None:
        """Prepare to fail runs that are older than the limit, or only to list them.

        `force` includes runs whose tap has a longer deadline, or that run on another host.

        Raises:
            ConfigurationError: The project's file cannot be read.
            SystemDatabaseError: The database does not answer.
        """
        self._place = place
        self._runs = runs
        self._limit = limit
        self._dry_run = dry_run
        self._pipelines = OwnPipelines.of_project(place.root)
        self._judge = Judge(place, limit, runs.ahead, force=force)

    def clean(self, state_id: str | None = None) -> Report:
        """Clean up the runs of this project's eMAG plugins, or those of one state id.

        Raises:
            SystemDatabaseError: The database does not answer.
        """

        def own(name: str) -> bool:
            return name == state_id or self._pipelines.own(name)

        report, now = Report(), datetime.now(timezone.utc)
        state_ids = [state_id] if state_id else self._pipelines.own_of(self._runs.state_ids())
        watched = self._watch(state_ids)
        for run in watched.runs.values():
            if run.state_id in state_ids:
                self._consider(run, watched, report)
        everybody = Processes(self._place, self._runs)
        failed = self._runs.failed_between(now - REMEMBERED, now - self._limit, state_ids)
        for run in failed:
            self._end_leftovers(run, everybody, report)
        files = secrets_left.left_behind(self._place, self._runs, own)
        report.files = files if self._dry_run else secrets_left.remove(files)
        return report

    def _watch(self, state_ids: Collection[str]) -> Watched:
        """Watch the heartbeats of the runs that may be stuck; mostly there are none."""
        everybody, patience = Processes(self._place, self._runs), {}
        for run in self._runs.running(state_ids):
            seconds = self._judge.patience(run, self._processes_of(run, everybody))
            if seconds is not None and not everybody.is_ours(run):
                patience[run.id] = seconds
        return watch(self._runs, patience)

    def _consider(self, run: Run, watched: Watched, report: Report) -> None:
        everybody = Processes(self._place, self._runs)
        processes = self._processes_of(run, everybody)
        if everybody.is_ours(run):
            age = self._judge.age(run, processes)
            if age >= self._limit:
                report.spared.append(SkippedRun(run, age, "this clean-up is a part of it"))
            return
        verdict = self._judge.verdict(run, processes, watched)
        if verdict is None:
            return
        age, error, now = verdict.age, verdict.error, datetime.now(timezone.utc)
        found = tuple(map(str, processes))
        if verdict.left_alone:
            report.spared.append(SkippedRun(run, age, verdict.left_alone))
        elif self._dry_run:
            report.cleaned.append(Cleaned(run, age, found, error, elsewhere=verdict.elsewhere))
        elif not self._runs.fail(run, error, now):
            report.spared.append(SkippedRun(run, age, "it has ended meanwhile"))
        else:
            self._note(run, error, now)
            survivors = self._end(run, processes)
            report.cleaned.append(Cleaned(run, age, found, error, survivors, verdict.elsewhere))

    def _processes_of(self, run: Run, everybody: Processes) -> list[RunProcess]:
        """Return a run's processes; none when its Meltano is at a later run of the same call."""
        found = everybody.of(run)
        if any(seen.is_meltano for seen in found):
            later = (one for one in self._runs.of_invocation(run.run_id) if one.id > run.id)
            if any(one.state == RUNNING for one in later):
                return []
        return found

    def _end_leftovers(self, run: Run, everybody: Processes, report: Report) -> None:
        """End the processes of a run that failed long ago, unless its Meltano is at another run."""
        processes = [seen for seen in everybody.of(run) if seen.alive]
        if not processes or everybody.is_ours(run):
            return
        now = datetime.now(timezone.utc)
        if now - min(seen.created for seen in processes) < self._limit:
            return  # it cannot have failed that long ago: a clock has jumped
        invocation = self._runs.of_invocation(run.run_id)
        if invocation[-1].id != run.id or any(each.state == RUNNING for each in invocation):
            return
        survivors = () if self._dry_run else self._end(run, processes)
        found = tuple(map(str, processes))
        report.leftovers.append(Cleaned(run, now - run.started, found, survivors=survivors))

    def _end(self, run: Run, processes: Sequence[RunProcess]) -> tuple[str, ...]:
        survivors = end(processes)
        if processes:
            # Meltano may have started one more before it was ended itself.
            late = Processes(self._place, self._runs).of(run)
            known = {seen.pid for seen in survivors}
            survivors += end(seen for seen in late if seen.pid not in known)
        return tuple(map(str, survivors))

    def _note(self, run: Run, error: str, now: datetime) -> None:
        log = self._place.log_of(run)
        if log:
            with suppress(OSError), log.open("a", encoding="utf-8") as lines:
                lines.write(f"{now:%Y-%m-%dT%H:%M:%S.%fZ} [error    ] emag-ops {error}\n")
