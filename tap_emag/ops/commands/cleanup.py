"""`emag-ops cleanup-stuck-runs`."""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import click

from tap_emag.formatting import duration
from tap_emag.metrics import Totals
from tap_emag.metrics.definitions import STUCK_RUNS
from tap_emag.ops.commands.report_runs import report_if_possible
from tap_emag.ops.meltano.database import Runs
from tap_emag.ops.meltano.project import Place
from tap_emag.ops.meltano.stuck_runs import Cleaner
from tap_emag.ops.options import state_folder, timeout
from tap_emag.state.store import StateStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from tap_emag.ops.meltano.stuck_runs import Cleaned, Report, SkippedRun

NOT_ALL_ENDED: Final = 3
logger = logging.getLogger("emag-ops")


@click.command("cleanup-stuck-runs")
@click.option(
    "--timeout-minutes",
    metavar="MINUTES",
    help="How long a run may take, 5 to 60. By default EMAG_OPS_TIMEOUT_MINUTES, or 15.",
)
@click.option("--state-id", help="Only runs of this state id, whatever pipeline it belongs to.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON, for scripts.")
@click.option(
    "--force",
    is_flag=True,
    help="Allow 0 to 10080 minutes, and take runs too that were given more time or run elsewhere.",
)
def command(
    *, timeout_minutes: str | None, state_id: str | None, dry_run: bool, as_json: bool, force: bool
) -> int:
    """Mark stuck runs of this project's eMAG plugins as failed, and end their processes.

    Stuck: running for too long, or their Meltano was killed.
    """
    limit = timeout(timeout_minutes, force=force)
    place = Place.from_environment()
    runs = Runs(place.url)
    cleaner = Cleaner(place, runs, limit, force=force, dry_run=dry_run)
    report = cleaner.clean(state_id)
    with suppress(ModuleNotFoundError):  # cronsim, where `meltano install` is still to come
        from tap_emag.ops.accounts.project import warn_if_outdated  # noqa: PLC0415

        warn_if_outdated(place.root, os.environ)
    if not dry_run:
        for cleaned in report.cleaned:
            record_cleaned(1, cleaned.run.state_id)
        report_if_possible(place, runs)
    if as_json:
        click.echo(json.dumps(_document(report, limit, dry_run=dry_run), indent=2))
    else:
        for line in _lines(report, dry_run=dry_run):
            click.echo(line)
    return NOT_ALL_ENDED if any(cleaned.survivors for cleaned in report.cleaned) else 0


def record_cleaned(number: int, state_id: str) -> None:
    """Count stuck runs for metrics; an error here does not fail the clean-up."""
    try:
        Totals(StateStore(state_folder())).count(STUCK_RUNS.name, {"state_id": state_id}, number)
    except OSError as error:
        logger.warning("the run is not counted in the metrics: %s", error.strerror)


def _lines(report: Report, *, dry_run: bool) -> Iterator[str]:
    for cleaned in report.cleaned:
        yield f"{cleaned.run.state_id} (run {cleaned.run.id}): {cleaned.error}"
    for left in report.leftovers:
        verb = "would end" if dry_run else "ended"
        yield (
            f"{left.run.state_id} (run {left.run.id}) had failed, but not all of it was gone:"
            f" {verb} {', '.join(left.processes)}"
        )
    for each in (*report.cleaned, *report.leftovers):
        if each.survivors:
            yield f"{each.run.state_id}: could not be ended: {', '.join(each.survivors)}"
    for spared in report.spared:
        yield (
            f"{spared.run.state_id} (run {spared.run.id}): left alone after {duration(spared.age)},"
            f" {spared.reason}"
        )
    for path in report.files:
        yield f"{'Would remove' if dry_run else 'Removed'} {path}, which contained passwords"
    number = len(report.cleaned)
    runs = "stuck run" if number == 1 else "stuck runs"
    yield f"{f'Dry run: would clean up {number}' if dry_run else f'Cleaned up {number}'} {runs}."


def _document(report: Report, limit: timedelta, *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "timeout_minutes": limit.total_seconds() / 60,
        "cleaned": [_run(each) for each in report.cleaned],
        "leftovers": [_run(each) for each in report.leftovers],
        "left_alone": [{**_row(each), "reason": each.reason} for each in report.spared],
        "removed_files": [str(path) for path in report.files],
    }


def _run(cleaned: Cleaned) -> dict[str, Any]:
    return {
        **_row(cleaned),
        "error": cleaned.error,
        "processes": list(cleaned.processes),
        "still_alive": list(cleaned.survivors),
        "on_another_host": cleaned.elsewhere,
    }


def _row(each: Cleaned | SkippedRun) -> dict[str, Any]:
    return {
        "id": each.run.id,
        "state_id": each.run.state_id,
        "run_id": each.run.run_id,
        "started_at": each.run.started.isoformat(),
        "age_seconds": round(each.age.total_seconds(), 3),
    }
