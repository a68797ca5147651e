"""`emag-ops list-runs`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

import click

from tap_emag.formatting import duration, table
from tap_emag.ops.meltano import run_facts as progress
from tap_emag.ops.meltano.database import FAIL, RUNNING, Runs
from tap_emag.ops.meltano.failure_reason import reason
from tap_emag.ops.meltano.pipelines import OwnPipelines
from tap_emag.ops.meltano.project import Place
from tap_emag.ops.meltano.stuck_runs import looks_stuck
from tap_emag.ops.options import timeout
from tap_emag.quoting import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import timedelta

    from tap_emag.ops.meltano.database import Run

HEAD: Final = (
    "run",
    "state id",
    "account",
    "state",
    "started (UTC)",
    "heartbeat",
    "took",
    "rows",
    "lag",
)


@click.command("list-runs")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Newest runs only."
)
@click.option("--state-id", help="Only runs of this state id, whatever pipeline it belongs to.")
@click.option("--all", "everybody", is_flag=True, help="Runs of all pipelines in the database.")
@click.option("--running", is_flag=True, help="Only runs that Meltano lists as running.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON, for scripts.")
def command(
    *, limit: int, state_id: str | None, everybody: bool, running: bool, as_json: bool
) -> None:
    """Show the runs of this project's eMAG plugins, newest first, and which of them look stuck."""
    longest = timeout(None, force=True)
    place = Place.from_environment()
    runs = Runs(place.url)
    chosen = [state_id] if state_id else None
    if not (everybody or state_id):
        chosen = OwnPipelines.of_project(place.root).own_of(runs.state_ids())
    lister = RunLister(place, runs, longest, datetime.now(timezone.utc))
    listed = lister.list(limit, chosen, running=running)
    if as_json:
        click.echo(json.dumps([_document(each) for each in listed], indent=2))
    elif listed:
        for line in table(HEAD, [_cells(each) for each in listed]):
            click.echo(line)
        for line in _remarks(listed):
            click.echo(line)
    else:
        click.echo("There are no such runs.")


@dataclass(frozen=True)
class RunSummary:
    """One line of the list; `lag` is the age of the oldest bookmark in the run's state."""

    run: Run
    account: str | None
    stuck: bool
    heartbeat_age: timedelta | None
    took: timedelta
    rows: Mapping[str, int] | None
    oldest: tuple[str, datetime] | None
    lag: timedelta | None
    error: str | None


class RunLister:
    """Collects the facts of runs from Meltano's database, states and logs."""

    def __init__(self, place: Place, runs: Runs, longest: timedelta, now: datetime) -> None:
        """List runs as of `now`; a run that takes longer than `longest` looks stuck."""
        self._place = place
        self._runs = runs
        self._longest = longest
        self._now = now

    def list(
        self, limit: int, state_ids: Collection[str] | None = None, *, running: bool
    ) -> list[RunSummary]:
        """Return the newest runs, newest first; of some state ids, or of all.

        Raises:
            SystemDatabaseError: The database does not answer.
        """
        found = self._runs.newest(limit, state_ids, running=running)
        states = self._runs.states({run.state_id for run in found})
        return [self._listed(run, states.get(run.state_id, {})) for run in found]

    def _listed(self, run: Run, state: Mapping[str, Any]) -> RunSummary:
        oldest = progress.oldest_bookmark(state)
        under_way = run.state == RUNNING
        return RunSummary(
            run=run,
            account=", ".join(progress.accounts(state)) or None,
            stuck=looks_stuck(run, self._longest, self._now),
            heartbeat_age=self._now - run.heartbeat if under_way and run.heartbeat else None,
            took=(run.ended or self._now) - run.started,
            rows=progress.rows(self._place.log_of(run), run.extractor),
            oldest=oldest,
            lag=self._now - oldest[1] if oldest else None,
            error=self._error(run) if run.state == FAIL else None,
        )

    def _error(self, run: Run) -> str:
        return reason(self._place, run, self._runs.payload(run).get("error"))


def _cells(listed: RunSummary) -> tuple[str, ...]:
    run = listed.run
    heartbeat = listed.heartbeat_age
    return (
        str(run.id),
        printable(run.state_id),
        listed.account or f"({run.extractor})",
        f"{run.state} (stuck?)" if listed.stuck else run.state,
        f"{run.started:%Y-%m-%d %H:%M:%S}",
        f"{duration(heartbeat)} ago" if heartbeat is not None else "",
        duration(listed.took),
        f"{sum(listed.rows.values()):,}" if listed.rows is not None else "",
        duration(listed.lag),
    )


def _remarks(listed: list[RunSummary]) -> Iterator[str]:
    for each in listed:
        if each.error:
            yield f"run {each.run.id}: {each.error}"
    if any(each.stuck for each in listed):
        yield "Runs that are stuck: emag-ops cleanup-stuck-runs --dry-run shows what would be done."


def _document(listed: RunSummary) -> dict[str, Any]:
    run, oldest = listed.run, listed.oldest
    return {
        "id": run.id,
        "state_id": run.state_id,
        "run_id": run.run_id,
        "account": listed.account,
        "extractor": run.extractor,
        "state": run.state,
        "stuck": listed.stuck,
        "started_at": run.started.isoformat(),
        "ended_at": run.ended and run.ended.isoformat(),
        "last_heartbeat_at": run.heartbeat and run.heartbeat.isoformat(),
        "heartbeat_age_seconds": _seconds(listed.heartbeat_age),
        "duration_seconds": _seconds(listed.took),
        "rows": sum(listed.rows.values()) if listed.rows is not None else None,
        "rows_by_stream": listed.rows,
        "oldest_bookmark": oldest and {"stream": oldest[0], "value": oldest[1].isoformat()},
        "bookmark_lag_seconds": _seconds(listed.lag),
        "trigger": run.trigger,
        "error": listed.error,
    }


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else round(span.total_seconds(), 3)
