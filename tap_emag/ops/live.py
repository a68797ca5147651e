"""What is known only while somebody looks: budgets now, and runs in Meltano's database."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from prometheus_client.registry import Collector

from tap_emag.metrics import families as f
from tap_emag.metrics.outlets import metrics_of
from tap_emag.ops.budget_view import views
from tap_emag.ops.runs import FAIL, RUNNING, SUCCESS
from tap_emag.ops.stuck import looks_stuck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from prometheus_client.core import Metric

    from tap_emag.metrics import Store
    from tap_emag.metrics.counts import Sample
    from tap_emag.metrics.families import Family
    from tap_emag.ops.runs import Run, Runs

# A job that has not begun for so long is taken for given up. Not a number of runs: where some jobs
# run every few minutes, one that stopped would be forgotten before anybody could be told.
REMEMBERED = timedelta(days=7)


class LiveCollector(Collector):
    """The sums of a store, and beside them what budgets and runs look like at this moment."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        budgets: str | None,
        connect: Callable[[], Runs],
        longest: timedelta,
    ) -> None:
        """Look into a folder, and into the database that `connect` opens."""
        self._store = store
        self._folder = folder
        self._budgets = budgets
        self._connect = connect
        self._longest = longest

    def describe(self) -> Sequence[Metric]:
        """Return nothing: names are looked at when the sums are read."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Give every family that has samples.

        Raises:
            EmagError: A database does not answer.
        """
        sums = self._store.read()
        for view in views(self._folder, sums, self._budgets):
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
        now = datetime.now(timezone.utc)
        runs = self._connect()
        found = runs.since(now - REMEMBERED)
        sums.values.update(job_samples(found, runs.last_successes(), self._longest, now))
        yield from metrics_of(sums)


def job_samples(
    runs: Sequence[Run], successes: Mapping[str, datetime], longest: timedelta, now: datetime
) -> dict[Sample, float]:
    """Return the samples that tell of jobs.

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
