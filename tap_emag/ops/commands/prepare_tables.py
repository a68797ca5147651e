"""`emag-ops prepare-tables`."""

from __future__ import annotations

import logging
import os
from typing import Final

import click
import psycopg

from tap_emag.errors import ConfigurationError
from tap_emag.ops.loader_settings import connect, loader_config, schema_of
from tap_emag.ops.meltano.project import root_of
from tap_emag.ops.tables.declared import declared_tables, selections
from tap_emag.ops.tables.prepare import Outcome, Preparation
from tap_emag.ops.warehouse import LOADER, adds_metadata, reason_of

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
    root = root_of()
    config = loader_config(root, loader, os.environ)
    schema = schema_of(config)
    found = selections(root, os.environ)
    declared = declared_tables(found, metadata=adds_metadata(config))
    try:
        with connect(config, loader) as connection:
            return Preparation(connection, schema, declared).run()
    except psycopg.Error as error:
        text, remedy = reason_of(error, config)
        return Outcome(problems=[f"Postgres: {text}; {remedy}"])
