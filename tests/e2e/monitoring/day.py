"""A day of runs of two accounts, counted by the real parts, and what is known of it beforehand.

Time is make-believe, all else is real: each run has its own `Recorder`, `Publisher` and `Totals`,
as a process has, and a scrape is what the store has at that moment. One run is killed, one account
is refused for an hour, and once the file with all sums is lost.

What is expected is booked beside that, number by number, without any part of the tap.
"""

from __future__ import annotations

import heapq
import itertools
import os
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from tap_emag.errors import CredentialsError, DeadlineError, ThrottledError, TransientError
from tap_emag.metrics import Publisher, Recorder, Totals
from tap_emag.metrics import definitions as f
from tap_emag.metrics.exporters import metrics_of
from tap_emag.ops.live_metrics import job_samples
from tap_emag.ops.meltano.database import FAIL, SUCCESS, Run
from tap_emag.settings.account import Account
from tap_emag.settings.settings import Settings
from tap_emag.state.store import StateStore
from tests.e2e.monitoring.plan import (
    BEGIN,
    DAY,
    HOUR,
    LOST,
    MINUTE,
    SCHEDULE,
    WARM_UP,
    moment_of,
    planned,
    state_id,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import IO

    from tests.e2e.monitoring.plan import Planned

SCRAPES, ADDITIONS = 120, 60  # seconds between two; the tap itself adds every 15 seconds
BUCKETS = {"orders": "orders", "products": "other", "returns": "other"}
ENDPOINTS = {"orders": "order/read", "products": "product_offer/read", "returns": "rma/read"}


@dataclass(frozen=True)
class Booked:
    """A number that reached the store `at` a moment; `what` tells of which kind, for whom."""

    at: float
    what: tuple[str, ...]
    number: float


@dataclass
class Process:
    """A run under way, and what is booked when it next adds its counts to the sums."""

    plan: Planned
    counts: Recorder
    publisher: Publisher
    store: Totals
    pending: list[tuple[tuple[str, ...], float]] = field(default_factory=list)
    over: bool = False


class Day:
    """Lives through the day, writing what Prometheus would have scraped."""

    def __init__(self, folder: Path, out: IO[str]) -> None:
        self.booked: list[Booked] = []
        self.plans: list[Planned] = []
        self.runs: list[Run] = []
        self._folder = folder
        self._out = out
        self._line = itertools.count()
        self._todo: list[tuple[float, int, int, Callable[[float], None]]] = []
        self._under_way: list[Process] = []

    def live(self) -> None:
        """Live through all of it."""
        for plan in planned():
            self.plans.append(plan)
            self._at(plan.begun, lambda _, plan=plan: self._begin(plan))  # type: ignore[misc]
        for scrape in range(-WARM_UP, DAY + 1, SCRAPES):
            self._at(scrape, self._scrape, rank=1)  # after whatever happens in the same second
        self._at(LOST, self._lose)
        while self._todo:
            moment, _, _, action = heapq.heappop(self._todo)
            if moment <= DAY:
                action(moment)
        for process in self._under_way:
            process.store.state.close()
        self._out.write("# EOF\n")

    def total(self, *what: str, after: float = 0, until: float = DAY) -> float:
        """Add up what was booked of a kind."""
        return sum(self.numbers(*what, after=after, until=until))

    def numbers(self, *what: str, after: float = 0, until: float = DAY) -> Iterator[float]:
        """Give what was booked of a kind, one by one."""
        for each in self.booked:
            if each.what[: len(what)] == what and after < each.at <= until:
                yield each.number

    def last_success(self, account_type: str, stream: str, moment: float) -> float | None:
        """Return when a stream was last read whole, as known at a moment."""
        since = LOST if moment >= LOST else -DAY
        ends = [
            plan.ended
            for plan in self.plans
            if (plan.account_type, plan.stream, plan.status) == (account_type, stream, "completed")
            and not plan.killed
            and since < plan.ended <= moment
        ]
        return max(ends, default=None)

    def _begin(self, plan: Planned) -> None:
        account = Account("emag_ro", plan.account_type)
        counts, store = Recorder(account), Totals(StateStore(self._folder))
        process = Process(plan, counts, Publisher(counts, settings(self._folder), store), store)
        refused = plan.status == "refused"
        counts.watch(lambda: refused, lambda: refused, lambda _: 10.8)
        self._under_way.append(process)
        process.publisher.sync_began(plan.stream)
        self._add(process, plan.begun)
        for page in plan.pages:
            self._at(page[0], lambda _, page=page: self._page(process, *page[1:]))  # type: ignore[misc]
        moment = plan.begun + ADDITIONS
        while moment < plan.ended:
            self._at(moment, lambda now: self._add(process, now))
            moment += ADDITIONS
        if plan.killed:
            self._at(plan.pages[-1][0] + 0.1, lambda now: self._kill(process, now))
        else:
            self._at(plan.ended, lambda now: self._end(process, now))

    def _page(self, process: Process, seconds: float, waited: float, rows: int) -> None:
        if process.over:
            return
        counts, plan = process.counts, process.plan
        bucket, endpoint = BUCKETS[plan.stream], ENDPOINTS[plan.stream]
        status = 429 if rows == 13 else 500 if rows == 14 else 200
        counts.waited(bucket, waited)
        counts.requested(endpoint, status, seconds)
        who = plan.account_type
        self._book(process, ("request", who, endpoint, str(status)), seconds)
        self._book(process, ("wait", who, bucket), waited)
        if status != 200:
            error = ThrottledError("") if status == 429 else TransientError("")
            counts.retried(endpoint, error)
            if status == 429:
                counts.refused(bucket)
            return
        for _ in range(rows):
            counts.wrote(plan.stream)
        self._book(process, ("rows", who, plan.stream), rows)
        action = "updated" if rows % 3 else "created"
        counts.count_rows(plan.stream, action, rows)
        self._book(process, ("met", who, plan.stream, action), rows)
        if plan.stream == "orders":
            counts.read_orders(3, rows)
            counts.late_orders(3, rows % 2)
        counts.found("orders", f"key_{rows % 3}")

    def _end(self, process: Process, now: float) -> None:
        counts, plan = process.counts, process.plan
        status = "failed" if plan.status == "refused" else plan.status
        counts.synced(plan.stream, "incremental", status, plan.seconds)
        self._book(process, (status, plan.account_type, plan.stream), plan.seconds)
        if plan.status == "completed":
            counts.succeeded(plan.stream, BEGIN + now)
            counts.set_bookmark_metric(plan.stream, BEGIN + now - 2 * MINUTE)
            if plan.stream == "products":
                counts.counted_products(4000)
        else:
            errors = {"refused": CredentialsError, "timed_out": DeadlineError}
            error = errors.get(plan.status, TransientError)("")
            counts.failed(plan.stream, error, timed_out=status == "timed_out")
            self._book(process, ("error", plan.account_type, type(error).__name__), 1)
        process.publisher.sync_ended(plan.stream)
        self._add(process, now)
        process.store.state.close()
        self._leave(process, SUCCESS if plan.status == "completed" else FAIL, now)

    def _kill(self, process: Process, now: float) -> None:
        """End it as SIGKILL does: nothing is added, and the system lets go of its lock."""
        assert process.pending, "there is something to lose"
        os.close(process.store.state.liveness._descriptor)
        self._leave(process, FAIL, now)
        Totals(StateStore(self._folder)).count(
            f.STUCK_RUNS.name, {"state_id": state_id(process.plan)}, 1
        )

    def _leave(self, process: Process, state: str, now: float) -> None:
        process.over = True
        self._under_way.remove(process)
        started, ended = (moment_of(each) for each in (process.plan.begun, now))
        run = Run(0, state_id(process.plan), "", state, started, ended, ended, None)
        self.runs.insert(0, run)

    def _book(self, process: Process, what: tuple[str, ...], number: float) -> None:
        process.pending.append((what, number))

    def _add(self, process: Process, now: float) -> None:
        if not process.over:
            process.publisher.add()
            self.booked += [Booked(now, what, number) for what, number in process.pending]
            process.pending.clear()

    def _lose(self, _: float) -> None:
        assert not self._under_way, "the loss falls between two runs and two scrapes"
        StateStore(self._folder).path.unlink()

    def _scrape(self, now: float) -> None:
        sums = Totals(StateStore(self._folder)).read()
        account = {"marketplace": "emag_ro", "account_type": "main", "operation_type": "orders"}
        for window, used, limit in (("second", 3, 12), ("minute", 90, 720)):
            bucket = tuple(sorted({**account, "window": window}.items()))
            sums.values[f.BUDGET_REQUESTS.name, bucket] = used
            sums.values[f.BUDGET_LIMIT.name, bucket] = limit
        lately = self.runs[:200]
        for who, stream, _, minutes in SCHEDULE:
            due = {"marketplace": "emag_ro", "account_type": who, "sync_type": stream}
            sums.values[f.SYNC_INTERVAL.name, tuple(sorted(due.items()))] = minutes * MINUTE
        successes = {
            r.state_id: r.ended for r in reversed(lately) if r.state == SUCCESS and r.ended
        }
        jobs = job_samples(lately, successes, timedelta(minutes=15), moment_of(now))
        sums.values.update(jobs)
        for name, job in jobs:
            if name == f.JOB_LAST_START.name:
                sums.values[f.JOB_INTERVAL.name, job] = HOUR
        for metric in metrics_of(sums):
            for sample in metric.samples:
                labels = {"job": "tap-emag", "instance": "host:8000", **sample.labels}
                pairs = ",".join(f'{name}="{value}"' for name, value in labels.items())
                self._out.write(f"{sample.name}{{{pairs}}} {sample.value!r} {BEGIN + now}\n")
        self._out.write(f'up{{job="tap-emag",instance="host:8000"}} 1 {BEGIN + now}\n')

    def _at(self, moment: float, action: Callable[[float], None], rank: int = 0) -> None:
        heapq.heappush(self._todo, (moment, rank, next(self._line), action))


def settings(folder: Path) -> Settings:
    given = {"username": "demo", "password": "demo", "state_dir": str(folder)}
    return Settings.from_config(given, moment_of(0))
