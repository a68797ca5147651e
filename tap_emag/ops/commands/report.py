"""`emag-ops report`."""

from __future__ import annotations

import logging
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import psycopg

from tap_emag.errors import ConfigurationError
from tap_emag.ops.loader_settings import connect, loader_config
from tap_emag.ops.meltano.project import Place
from tap_emag.ops.report.answers import ask, questions
from tap_emag.ops.report.page import page
from tap_emag.ops.report.words import LANGUAGES
from tap_emag.ops.warehouse import LOADER, reason_of

if TYPE_CHECKING:
    from tap_emag.ops.report.answers import Answer

FAILED: Final = 1
FILE: Final = Path("output") / "emag-report.html"  # in the project
ENV: Final = "EMAG_OPS_REPORT"
logger = logging.getLogger("emag-ops")


@click.command("report")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar=f"{ENV}_OUTPUT",
    help=f"File to write. [default: {FILE} in the project]",
)
@click.option(
    "--schema",
    envvar=f"{ENV}_SCHEMA",
    help="Schema of the marts. [default: the loader's schema and _marts, such as emag_marts]",
)
@click.option(
    "--language",
    type=click.Choice(list(LANGUAGES)),
    envvar=f"{ENV}_LANGUAGE",
    default="en",
    show_default=True,
    help="Language in which the page opens; it can be changed there.",
)
@click.option("--loader", default=LOADER, show_default=True, help="Loader of the tables.")
def command(*, output: Path | None, schema: str | None, language: str, loader: str) -> int:
    """Write the answers to twelve questions of sellers as charts and tables into one HTML file.

    The file makes no request to the network. It contains turnover and order numbers, and no data
    of customers.
    """
    place = Place.from_environment()
    config = loader_config(place.root, loader, os.environ)
    schema = schema or f"{config.get('default_target_schema') or 'emag'}_marts"
    try:
        with connect(config, loader) as connection:
            answers = [ask(connection, schema, question) for question in questions()]
    except psycopg.Error as error:
        logger.critical("Postgres: %s; %s", *reason_of(error, config))
        return FAILED
    if all(answer.missing for answer in answers):
        problem = (
            f"--schema: there are no marts in {schema!r}; run `meltano run dbt:build`,"
            " or `meltano invoke emag-ops create-views`"
        )
        raise ConfigurationError([problem])
    path = (output or place.root / FILE).resolve()
    _write(path, page(answers, now=datetime.now(timezone.utc), language=language))
    _log(answers)
    logger.info("report: %s", path)
    return 0


def _write(path: Path, text: str) -> None:
    """Write the file, which only its owner may read: it shows the turnover.

    Raises:
        ConfigurationError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        problem = f"--output: {path} cannot be written ({error.strerror}); name another file"
        raise ConfigurationError([problem]) from None


def _log(answers: list[Answer]) -> None:
    for answer in answers:
        if answer.missing:
            logger.warning("%s is left out: no %s", answer.question.name, answer.missing)
    slowest = max(answers, key=lambda answer: answer.seconds)
    logger.info(
        "%s questions answered, the slowest (%s) in %.2f seconds",
        sum(not answer.missing for answer in answers),
        slowest.question.name,
        slowest.seconds,
    )
