"""`emag-ops report-runs`."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from tap_emag.errors import ConfigurationError, EmagError
from tap_emag.ops.confirm import report_runs
from tap_emag.ops.meltano.database import Runs
from tap_emag.ops.meltano.project import Place
from tap_emag.ops.options import state_folder

logger = logging.getLogger("emag-ops")


@click.command("report-runs")
@click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=state_folder,
    help="The taps' state_dir. [default: TAP_EMAG_STATE_DIR, or the user's own state folder]",
)
def command(*, state_dir: Path) -> None:
    """Report how runs ended, by webhook and metrics, once the loader has confirmed them."""
    place = Place.from_environment()
    try:
        for line in report_runs(state_dir, place, Runs(place.url)):
            click.echo(line)
    except OSError as error:
        problem = f"--state-dir: {state_dir} cannot be used ({error.strerror}); name the taps' own"
        raise ConfigurationError([problem]) from None


def report_if_possible(place: Place, runs: Runs) -> None:
    """Report runs as part of another command; log an error instead of raising it."""
    try:
        for line in report_runs(state_folder(), place, runs):
            logger.info(line)
    except (OSError, EmagError) as error:
        logger.warning("runs cannot be reported: %s", getattr(error, "strerror", None) or error)
