"""`emag-ops prune-runs`."""

from __future__ import annotations

from datetime import timedelta

import click

from tap_emag.ops.meltano.database import Runs
from tap_emag.ops.meltano.old_runs import prune
from tap_emag.ops.meltano.pipelines import OwnPipelines
from tap_emag.ops.meltano.project import Place


@click.command("prune-runs")
@click.option(
    "--keep-days",
    type=click.IntRange(1, 3650),
    default=30,
    show_default=True,
    help="Runs that ended within so many days stay.",
)
@click.option("--state-id", help="Only runs of this state id, whatever pipeline it belongs to.")
@click.option("--dry-run", is_flag=True, help="Show how many there are, and delete none.")
def command(*, keep_days: int, state_id: str | None, dry_run: bool) -> None:
    """Delete the rows of old runs from Meltano's database; each contains a copy of its state.

    Only runs of this project's eMAG plugins. Of each state id, the newest run and the newest that
    ended well stay. States stay, too.
    """
    place = Place.from_environment()
    runs = Runs(place.url)
    pipelines = OwnPipelines.of_project(place.root)
    chosen = [state_id] if state_id else pipelines.own_of(runs.state_ids())
    number = prune(runs, chosen, timedelta(days=keep_days), dry_run=dry_run)
    word = "run" if number == 1 else "runs"
    verb = "Dry run: would delete" if dry_run else "Deleted"
    click.echo(f"{verb} {number} {word} that ended more than {keep_days} days ago.")
