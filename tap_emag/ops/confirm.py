"""Completes the reports of runs, when Meltano has recorded how they ended.

A run succeeded when the loader has confirmed it. Where only the extractor failed, the loader stored
all rows that it got: streams that were read to their end are confirmed, but the run failed.
"""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from tap_emag.errors import TargetGoneError
from tap_emag.metrics import Recorder, Totals
from tap_emag.metrics.definitions import LAST_SUCCESS
from tap_emag.metrics.exporters import push, write_textfile
from tap_emag.ops.intervals import stream_intervals
from tap_emag.ops.meltano.database import FAIL, SUCCESS
from tap_emag.ops.meltano.failure_reason import EXTRACTOR_ALONE, loader_failed, reason
from tap_emag.reporting.unconfirmed import KILLED, UnconfirmedReports
from tap_emag.settings.account import Account
from tap_emag.state.store import StateStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_emag.ops.meltano.database import Run, Runs
    from tap_emag.ops.meltano.project import Place
    from tap_emag.reporting.report import RunReport
    from tap_emag.reporting.unconfirmed import Unconfirmed

# Errors of a tap that cannot know why it ended: it was killed, or the loader ended first.
UNEXPLAINED = frozenset({KILLED, TargetGoneError.__name__})
NEXT_STEPS = (
    (
        "The first sync is loaded. Next: views and queries, docs/get-started.md step 5; a schedule,"
        " docs/running.md step 6."
    ),
    (
        "`meltano invoke emag-ops list-runs` shows how runs ended, `meltano invoke emag-ops doctor`"
        " checks account, database and machine."
    ),
)
FORGOTTEN = timedelta(days=7)  # after this, a run that is missing from Meltano's database
logger = logging.getLogger("emag-ops")


class LoaderFailedError(Exception):
    """The loader failed: rows that the tap has written may not be loaded."""


def report_runs(state_dir: Path, place: Place, runs: Runs) -> Iterator[str]:
    """Complete the report of each ended run of this project; yield a line for each.

    The intervals of all streams are stored first, so that a changed schedule counts at once.
    After the first run that is loaded, two lines more name the next steps.

    A webhook that failed once gets less time for the other reports, which may be many.

    Args:
        state_dir: The taps' folder of reports and metrics.
        place: The Meltano project.
        runs: Its database.

    Raises:
        OSError: The folder cannot be used.
        SystemDatabaseError: The database does not answer.
        ConfigurationError: meltano.yml cannot be read.
    """
    store, now = StateStore(state_dir), datetime.now(timezone.utc)
    reports, first = UnconfirmedReports(store), False
    failing: set[str] = set()
    intervals = stream_intervals(place.root, os.environ)
    with store, reports.taken(place.root) as entries:
        with Totals(store).changing() as changes:
            changes.set(intervals)
        for name, entry in entries:
            run = _run_of(entry, runs)
            if run is None and now - entry.report.started > FORGOTTEN:
                reports.remove(name)
                yield f"{entry.state_id}: Meltano knows nothing of run {entry.report.run_id}"
            if run is None or run.state not in {SUCCESS, FAIL}:
                continue
            completed, loaded = _completed(entry, run, place, runs)
            if completed.report.error is None and not entry.backfill:
                first = first or _is_first(Totals(store))
            _count(Totals(store), completed, loaded=loaded)
            if not loaded:
                _mark_as_failed(place.root, completed.report)
            _hand_out(Totals(store), completed)
            if not completed.sent:
                webhook = completed.outlets.webhook_url
                if webhook and not _send(completed, hurried=webhook in failing):
                    failing.add(webhook)
            reports.remove(name)
            yield f"{run.state_id}: {_outcome(completed)}"
    if first:
        yield from NEXT_STEPS


def _send(entry: Unconfirmed, *, hurried: bool) -> bool:
    from tap_emag.reporting import webhook  # noqa: PLC0415 - a large import, where there is one

    patience = webhook.HURRIED if hurried else webhook.PATIENCE
    return webhook.send(entry.outlets, entry.report, patience)


def _mark_as_failed(root: Path, report: RunReport) -> None:
    from tap_emag.ops.failed_syncs import mark_as_failed  # noqa: PLC0415 - with psycopg, rarely

    mark_as_failed(root, report)


def _outcome(entry: Unconfirmed) -> str:
    """Return how a run ended; of one that failed also when it began, which may be long ago."""
    if entry.report.message is None:
        return "loaded"
    return f"the run of {entry.report.started:%Y-%m-%d %H:%M:%S} UTC failed: {entry.report.message}"


def _is_first(store: Totals) -> bool:
    """Return whether no run before has loaded a stream to its end."""
    return not any(name == LAST_SUCCESS.name for name, _ in store.read().values)


def _run_of(entry: Unconfirmed, runs: Runs) -> Run | None:
    found = runs.of_invocation(entry.report.run_id)
    return next((run for run in reversed(found) if run.state_id == entry.state_id), None)


def _completed(entry: Unconfirmed, run: Run, place: Place, runs: Runs) -> tuple[Unconfirmed, bool]:
    """Return the report of the ended run, and whether the rows are loaded."""
    seconds = ((run.ended or run.started) - entry.report.started).total_seconds()
    report = replace(entry.report, seconds=max(entry.report.seconds, seconds))
    if run.state == SUCCESS:
        return replace(entry, report=report), True
    error = runs.payload(run).get("error")
    loaded = error == EXTRACTOR_ALONE
    if report.error is None or (report.error in UNEXPLAINED and not loaded):
        # Meltano kills a tap whose loader has failed.
        by_other = report.error == KILLED and not loader_failed(error)
        failed = KILLED if by_other else LoaderFailedError.__name__
        message = reason(place, run, error)
        report = replace(report, status="failed", exit_code=1, error=failed, message=message)
    return replace(entry, report=report), loaded


def _count(store: Totals, entry: Unconfirmed, *, loaded: bool) -> None:
    """Add the streams that were read to their end to the metrics."""
    report = entry.report
    counts = Recorder(Account(report.marketplace, report.account_type))
    for stream in report.streams:
        if stream.error is not None:
            continue  # the tap has counted it
        mode = "full" if stream.full else "incremental"
        counts.synced(stream.stream, mode, "completed" if loaded else "failed", stream.seconds)
        if not loaded:
            counts.failed(stream.stream, LoaderFailedError(), timed_out=False)
        elif not entry.backfill:
            ended = report.started + timedelta(seconds=report.seconds)
            counts.succeeded(stream.stream, ended.timestamp())
            if stream.bookmark is not None:
                counts.set_bookmark_metric(stream.stream, stream.bookmark.timestamp())
    counted, gauges = counts.now()
    with store.changing() as changes:
        changes.count(counted)
        changes.set(gauges)


def _hand_out(store: Totals, entry: Unconfirmed) -> None:
    """Export the metrics as the tap does; log an error instead of raising it."""
    outlets = entry.outlets
    try:
        if outlets.metrics_textfile:
            write_textfile(outlets.metrics_textfile, store)
        if outlets.pushgateway_url:
            push(outlets.pushgateway_url, store)
    except OSError as error:
        logger.warning("metrics cannot be written or sent: %s", error.strerror or error)
