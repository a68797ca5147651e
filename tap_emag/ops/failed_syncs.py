"""Corrects `syncs` where the loader has failed.

The loader stores several tables at once. Where it fails at one of them, the rows of `syncs` may be
stored already: they have what the tap did, and then also need what became of it.
"""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg.sql import SQL, Identifier

from tap_emag.ops.meltano.plugin_config import PluginConfig
from tap_emag.ops.warehouse import LOADER, WAIT, parameters_of
from tap_emag.postgres_errors import login_problem

if TYPE_CHECKING:
    from pathlib import Path

    from tap_emag.reporting.report import RunReport

NOT_STORED: Final = SQL("""
UPDATE {} SET state = 'failed', complete = false, error = %(error)s
WHERE marketplace = %(marketplace)s AND account_type = %(account_type)s AND run_id = %(run)s
  AND started BETWEEN %(begun)s AND %(over)s AND state = 'completed'
""")
logger = logging.getLogger("emag-ops")


def mark_as_failed(root: Path, report: RunReport) -> None:
    """Mark the syncs of a run whose loader failed; log an error instead of raising it.

    Args:
        root: The Meltano project's folder.
        report: What the run did; its error is that of the loader.
    """
    config = PluginConfig(root, "loaders", os.environ).config(LOADER)
    if not config or login_problem(config):
        return  # another loader, or a login that only Meltano knows: it takes seconds to ask
    try:
        place = Identifier(str(config.get("default_target_schema")), "syncs")
        given = {
            "error": report.error,
            "marketplace": report.marketplace,
            "account_type": report.account_type,
            "run": report.run_id,
            # A job's runs have one id; one begins when the one before has ended.
            "begun": report.started - timedelta(seconds=1),
            "over": report.started + timedelta(seconds=report.seconds),
        }
        with psycopg.connect(**parameters_of(config), connect_timeout=WAIT) as connection:
            connection.execute("SET lock_timeout TO '5s'")
            connection.execute(NOT_STORED.format(place), given)
    except psycopg.errors.UndefinedTable:
        return  # no plugin selects the stream
    except (psycopg.Error, ValueError) as error:
        logger.warning("syncs of run %s: not corrected (%s)", report.run_id, type(error).__name__)
