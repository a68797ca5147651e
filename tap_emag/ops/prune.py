"""`emag-ops prune-runs`."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import click

from tap_emag.ops.place import Place
from tap_emag.ops.runs import Runs


@click.command("prune-runs")
@click.option(
    "--keep-days",
    type=click.IntRange(1, 3650),
    default=30,
    show_default=True,
    help="Runs that ended within so many days stay.",
)
@click.option("--dry-run", is_flag=True, help="Tell how many there are, and delete none.")
def command(*, keep_days: int, dry_run: bool) -> None:
    """Delete the rows of old runs from Meltano's database, where each holds a copy of its state.

    Of each state id, the newest run and the newest that ended well stay. States stay, too.
    """
    place = Place.from_environment()
    before = datetime.now(timezone.utc) - timedelta(days=keep_days)
    number = Runs(place.url).prune(before, dry_run=dry_run)
    runs = "run" if number == 1 else "runs"
    verb = "Dry run: would delete" if dry_run else "Deleted"
    click.echo(f"{verb} {number} {runs} that ended more than {keep_days} days ago.")
