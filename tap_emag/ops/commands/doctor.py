"""`emag-ops doctor`."""

from __future__ import annotations

import json
import logging
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tap_emag.errors import ConfigurationError
from tap_emag.ops.doctor.accounts import check_accounts
from tap_emag.ops.doctor.examination import Examination
from tap_emag.ops.doctor.meltano import Meltano, check_meltano
from tap_emag.ops.doctor.postgres import check_postgres
from tap_emag.ops.doctor.report import Printer, Report, explained, summary
from tap_emag.ops.meltano.pipelines import OwnPipelines
from tap_emag.ops.meltano.project import Place
from tap_emag.ops.tables.declared import selections
from tap_emag.ops.warehouse import LOADER

if TYPE_CHECKING:
    from collections.abc import Iterator

PLUGIN: Final = "tap-emag"
EXTRACTOR: Final = "MELTANO_EXTRACTOR_NAME"


@click.command("doctor")
@click.option(
    "--plugin", default=PLUGIN, show_default=True, help="Extractor whose account is checked."
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The tap's settings in a JSON file, for use without Meltano.",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON, for scripts.")
def command(*, plugin: str, config: Path | None, as_json: bool) -> int:
    """Check settings, eMAG, Postgres, Meltano and this machine; end with 4 if one has a fault.

    Sends at most 30 requests, within the account's request budget. The output contains no
    credentials, names, addresses or ids: paste it into an issue.
    """
    report = Report(_nothing if as_json else Printer(click.echo))
    with _quiet():
        requests = _of_file(report, config) if config else _of_project(report, plugin)
    if as_json:
        document = {"checks": report.document(), "counts": report.counts, "requests": requests}
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo()
        for line in summary(report, requests):
            click.echo(line)
    return report.exit_code


def _of_file(report: Report, path: Path) -> int:
    """Check the settings of a file, and eMAG; return the number of requests."""
    return Examination(report, _read(path)).run()


def _of_project(report: Report, plugin: str) -> int:
    """Check a Meltano project, and the account of one of its plugins.

    Raises:
        ConfigurationError: There is no project, no Meltano, or no such plugin.
    """
    place = Place.from_environment()
    pipelines = OwnPipelines.of_project(place.root)
    if plugin not in pipelines.extractors:
        known = ", ".join(sorted(pipelines.extractors)) or "none"
        problem = f"--plugin: {plugin!r} is not an eMAG plugin of this project; it has {known}"
        raise ConfigurationError([problem])
    report.discretion.word(str(place.root), "the project's folder")
    meltano = Meltano(place.root)
    config = meltano.config_of(plugin)
    version = meltano.version()
    with _as_run_by_meltano(plugin):
        requests = Examination(report, config, place, version).run()
    report.begin("Postgres")
    if LOADER in pipelines.loaders:
        found = selections(place.root, os.environ)
        try:
            check_postgres(report, meltano.config_of(LOADER), found)
        except ConfigurationError as error:  # such as a port that Meltano cannot convert
            report.fault("Postgres: settings", *explained(error))
    else:
        report.skip("Postgres: login", f"the project has no loader named {LOADER}")
    report.begin("Meltano")
    check_meltano(report, place, pipelines)
    check_accounts(report, place.root)
    return requests


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError([f"--config: cannot be read ({error.strerror})"]) from None
    except ValueError:
        raise ConfigurationError(["--config: is not a JSON object"]) from None
    if not isinstance(found, dict):
        raise ConfigurationError(["--config: is not a JSON object"])
    return found


@contextmanager
def _as_run_by_meltano(plugin: str) -> Iterator[None]:
    """Let messages name the variables of this plugin's account."""
    before = os.environ.get(EXTRACTOR)
    os.environ[EXTRACTOR] = plugin
    try:
        yield
    finally:
        os.environ.pop(EXTRACTOR)
        if before is not None:
            os.environ[EXTRACTOR] = before


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep log lines of the tap's packages out of the report: they name addresses and folders."""
    logger = logging.getLogger("tap-emag")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


def _nothing(_: object) -> None:
    """Show no line before the end."""
