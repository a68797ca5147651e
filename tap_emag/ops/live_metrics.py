"""Collects live metrics at each scrape: request budgets, and runs in Meltano's database."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from prometheus_client.registry import Collector

from tap_emag.metrics import definitions as f
from tap_emag.metrics.exporters import metrics_of
from tap_emag.ops.intervals import job_intervals
from tap_emag.ops.meltano.database import FAIL, RUNNING, SUCCESS
from tap_emag.ops.meltano.pipelines import OwnPipelines
from tap_emag.ops.meltano.stuck_runs import looks_stuck
from tap_emag.ops.rate_limits import views

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from prometheus_client.core import Metric

    from tap_emag.metrics import Totals
    from tap_emag.metrics.definitions import Family
    from tap_emag.metrics.recorder import Sample
    from tap_emag.ops.meltano.database import Run, Runs

# A job without a run for this long counts as given up. Not a number of runs: where other jobs run
# every few minutes, a job that stopped would be dropped before an alert could fire.
REMEMBERED = timedelta(days=21)  # longer than two intervals of a weekly job


class LiveCollector(Collector):
    """The sums of a store, and the present numbers of budgets and runs."""

    def __init__(
        self,
        store: Totals,
        budgets: str | None,
        connect: Callable[[], Runs],
        longest: timedelta,
        root: Path | None = None,
    ) -> None:
        """Read a store, and the runs in the database that `connect` opens.

        The project in the folder `root` is read at each scrape, so that accounts may come and go;
        without it, all runs count.
        """
        self._store = store
        self._budgets = budgets
        self._connect = connect
        self._longest = longest
        self._root = root

    def describe(self) -> Sequence[Metric]:
        """Return nothing: the names are known only when the sums are read."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every family that has samples.

        Raises:
            EmagError: A database does not answer.
        """
        sums = self._store.read()
        for view in views(self._store.state, sums, self._budgets):
            account = {"marketplace": view.marketplace, "account_type": view.account_type}
            bucket = account | {"operation_type": view.bucket}
            windows = zip(
                ("second", "minute"), (view.last_second, view.last_minute), view.limits, strict=True
            )
            for window, used, limit in windows:
                sums.values[_sample(f.BUDGET_REQUESTS, bucket | {"window": window})] = used
                sums.values[_sample(f.BUDGET_LIMIT, bucket | {"window": window})] = limit
            sums.values[_sample(f.BUDGET_RATE, bucket)] = view.rate
            sums.values[_sample(f.BREAKER, account)] = float(view.breaker.due is not None)
            sums.values[_sample(f.BREAKER_REFUSED, account)] = float(view.breaker.refused)
        now = datetime.now(timezone.utc)
        runs = self._connect()
        own = OwnPipelines.of_project(self._root).own_of(runs.state_ids()) if self._root else None
        found = runs.since(now - REMEMBERED, own)
        sums.values.update(job_samples(found, runs.last_successes(), self._longest, now))
        if self._root:
            sums.values.update(job_intervals(self._root, {run.state_id for run in found}))
        yield from metrics_of(sums)


def job_samples(
    runs: Sequence[Run], successes: Mapping[str, datetime], longest: timedelta, now: datetime
) -> dict[Sample, float]:
    """Return the samples of jobs.

    Args:
        runs: The jobs' latest runs, newest first.
        successes: When the latest run that succeeded ended, by state id.
        longest: How long a run may take before it counts as stuck.
        now: The present moment.
    """
    jobs: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        jobs[run.state_id].append(run)
    samples: dict[Sample, float] = {}
    for state_id, found in jobs.items():
        job = {"state_id": state_id}
        stuck = sum(looks_stuck(run, longest, now) for run in found)
        samples[_sample(f.JOB_RUNNING, job)] = sum(run.state == RUNNING for run in found)
        samples[_sample(f.JOB_STUCK, job)] = stuck
        samples[_sample(f.JOB_LAST_START, job)] = found[0].started.timestamp()
        over = [run for run in found if run.state in {SUCCESS, FAIL} and run.ended]
        if over and over[0].ended:
            samples[_sample(f.JOB_LAST_FAILED, job)] = float(over[0].state == FAIL)
            took = over[0].ended - over[0].started
            samples[_sample(f.JOB_LAST_DURATION, job)] = took.total_seconds()
        if state_id in successes:
            samples[_sample(f.JOB_LAST_SUCCESS, job)] = successes[state_id].timestamp()
    return samples


def _sample(family: Family, labels: Mapping[str, str]) -> Sample:
    return family.name, tuple(sorted(labels.items()))
