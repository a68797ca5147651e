"""`emag-ops create-views`."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Final

import click
import psycopg

from tap_emag.ops.loader_settings import connect, loader_config, schema_of
from tap_emag.ops.meltano.project import Place
from tap_emag.ops.tables.declared import declared_tables
from tap_emag.ops.views.compiled import definitions
from tap_emag.ops.views.install import Installation, ViewsError
from tap_emag.ops.warehouse import LOADER, reason_of

if TYPE_CHECKING:
    from tap_emag.ops.views.install import Outcome

FAILED: Final = 1
logger = logging.getLogger("emag-ops")


@click.command("create-views")
@click.option("--loader", default=LOADER, show_default=True, help="Loader whose tables these are.")
def command(*, loader: str) -> int:
    """Create the marts as plain views, for databases without dbt.

    A second call takes up new tables and columns. Views of others that read them stay. Nothing is
    changed where one view cannot be created.
    """
    try:
        outcome = _created(loader)
    except ViewsError as error:
        logger.critical(str(error))
        return FAILED
    logger.info("views created: %d", len(outcome.created))
    if outcome.left_out:
        logger.info("left out, as nothing of theirs is loaded: %s", ", ".join(outcome.left_out))
    if outcome.restored:
        logger.info("views that were created again as they were: %s", ", ".join(outcome.restored))
    return 0


def _created(loader: str) -> Outcome:
    """Create the views in the loader's database.

    Raises:
        ConfigurationError: The project or its loader cannot be used.
        ViewsError: A view cannot be created.
    """
    config = loader_config(Place.from_environment().root, loader, os.environ)
    schema = schema_of(config)
    try:
        with connect(config, loader) as connection:
            return Installation(connection, schema, declared_tables([]), definitions()).run()
    except psycopg.Error as error:
        text, remedy = reason_of(error, config)
        raise ViewsError(f"Postgres: {text}; {remedy}") from None
