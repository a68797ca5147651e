"""`emag-ops list-runs`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

import click

from tap_emag.ops import progress
from tap_emag.ops.place import Place
from tap_emag.ops.runs import FAIL, RUNNING, Runs
from tap_emag.ops.stuck import looks_stuck
from tap_emag.ops.text import duration, table
from tap_emag.ops.timeout import timeout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta

    from tap_emag.ops.runs import Run

HEAD: Final = (
    "run",
    "state id",
    "account",
    "state",
    "started (UTC)",
    "heartbeat",
    "took",
    "rows",
    "behind",
)


@click.command("list-runs")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Newest runs only."
)
@click.option("--state-id", help="Only runs of this state id.")
@click.option("--running", is_flag=True, help="Only runs that are booked as under way.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON, for scripts.")
def command(*, limit: int, state_id: str | None, running: bool, as_json: bool) -> None:
    """Show runs, newest first, and which of them look stuck."""
    longest = timeout(None, force=True)
    place = Place.from_environment()
    lister = Lister(place, Runs(place.url), longest, datetime.now(timezone.utc))
    listed = lister.list(limit, state_id, running=running)
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
class Listed:
    """A run with what is told of it; `behind` is how old its state's oldest bookmark is now."""

    run: Run
    account: str | None
    stuck: bool
    heartbeat_age: timedelta | None
    took: timedelta
    rows: Mapping[str, int] | None
    oldest: tuple[str, datetime] | None
    behind: timedelta | None
    error: str | None


class Lister:
    """Gathers what can be known of runs."""

    def __init__(self, place: Place, runs: Runs, longest: timedelta, now: datetime) -> None:
        """Look at them as of a moment; a run that is longer under way than that looks stuck."""
        self._place = place
        self._runs = runs
        self._longest = longest
        self._now = now

    def list(self, limit: int, state_id: str | None = None, *, running: bool) -> list[Listed]:
        """Return the newest runs, newest first.

        Raises:
            SystemDatabaseError: The database does not answer.
        """
        found = self._runs.newest(limit, state_id, running=running)
        states = self._runs.states({run.state_id for run in found})
        return [self._listed(run, states.get(run.state_id, {})) for run in found]

    def _listed(self, run: Run, state: Mapping[str, Any]) -> Listed:
        oldest = progress.oldest_bookmark(state)
        under_way = run.state == RUNNING
        return Listed(
            run=run,
            account=", ".join(progress.accounts(state)) or None,
            stuck=looks_stuck(run, self._longest, self._now),
            heartbeat_age=self._now - run.heartbeat if under_way and run.heartbeat else None,
            took=(run.ended or self._now) - run.started,
            rows=progress.rows(self._place.log_of(run), run.extractor),
            oldest=oldest,
            behind=self._now - oldest[1] if oldest else None,
            error=self._runs.payload(run).get("error") if run.state == FAIL else None,
        )


def _cells(listed: Listed) -> tuple[str, ...]:
    run = listed.run
    heartbeat = listed.heartbeat_age
    return (
        str(run.id),
        run.state_id,
        listed.account or f"({run.extractor})",
        f"{run.state} (stuck?)" if listed.stuck else run.state,
        f"{run.started:%Y-%m-%d %H:%M:%S}",
        f"{duration(heartbeat)} ago" if heartbeat is not None else "",
        duration(listed.took),
        f"{sum(listed.rows.values()):,}" if listed.rows is not None else "",
        duration(listed.behind),
    )


def _remarks(listed: list[Listed]) -> Iterator[str]:
    for each in listed:
        if each.error:
            yield f"run {each.run.id}: {each.error.strip()}"
    if any(each.stuck for each in listed):
        yield "Runs that are stuck: emag-ops cleanup-stuck-runs --dry-run tells what would be done."


def _document(listed: Listed) -> dict[str, Any]:
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
        "bookmark_lag_seconds": _seconds(listed.behind),
        "trigger": run.trigger,
        "error": listed.error,
    }


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else round(span.total_seconds(), 3)
