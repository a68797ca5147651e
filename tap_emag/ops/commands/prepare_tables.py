"""`emag-ops prepare-tables`."""

from __future__ import annotations

import logging
import os
from typing import Final

import click
import psycopg
from sqlalchemy.exc import ArgumentError

from tap_emag.errors import ConfigurationError
from tap_emag.ops.loader_settings import loader_config
from tap_emag.ops.meltano.project import Place
from tap_emag.ops.tables.declared import declared_tables, selections
from tap_emag.ops.tables.prepare import Outcome, Preparation
from tap_emag.ops.warehouse import (
    LOADER,
    WAIT,
    adds_metadata,
    parameters_of,
    reason_of,
)

FAILED: Final = 1
logger = logging.getLogger("emag-ops")


@click.command("prepare-tables")
@click.option("--loader", default=LOADER, show_default=True, help="Loader whose tables these are.")
@click.option(
    "--keep-going",
    is_flag=True,
    help="End with 0 in any case, so that a job goes on: the loader needs none of this.",
)
def command(*, loader: str, keep_going: bool) -> int:
    """Create the loader's tables as the tap declares them, and migrate older ones.

    Times get a time zone, missing JSON becomes NULL; columns get comments, and indexes what is
    joined and filtered. Views stay. A second call changes nothing.
    """
    try:
        outcome = _prepared(loader)
    except ConfigurationError as error:
        if not keep_going:
            raise
        outcome = Outcome(problems=error.problems)
    for line in outcome.done:
        logger.info(line)
    for line in outcome.problems:
        logger.warning("tables are not prepared: %s", line)
    return FAILED if outcome.problems and not keep_going else 0


def _prepared(loader: str) -> Outcome:
    """Prepare the tables of the project's plugins.

    Raises:
        ConfigurationError: The project or its loader cannot be used.
    """
    place = Place.from_environment()
    config = loader_config(place.root, loader, os.environ)
    schema = str(config.get("default_target_schema") or "")
    if not schema:
        raise ConfigurationError(["TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA: is not set; write emag"])
    try:
        given = parameters_of(config)
    except (ArgumentError, psycopg.ProgrammingError, ValueError):
        raise ConfigurationError([f"{loader}: its address cannot be read"]) from None
    found = selections(place.root, os.environ)
    declared = declared_tables(found, metadata=adds_metadata(config))
    try:
        with psycopg.connect(**given, connect_timeout=WAIT, autocommit=True) as connection:
            return Preparation(connection, schema, declared).run()
    except psycopg.Error as error:
        text, remedy = reason_of(error, config)
        return Outcome(problems=[f"Postgres: {text}; {remedy}"])
