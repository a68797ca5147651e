"""Finds the run in Meltano's database that this tap process belongs to.

Meltano does not pass its run id to plugins, but the address of its database and the plugin's name.
The query does without SQLAlchemy, whose import alone would take half a second of each run. A tap
that `meltano invoke` started has no run, even if one of the same plugin is under way.
"""

from __future__ import annotations

import importlib
import os
import re
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from tap_emag.meltano.caller import is_invoked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Meltano writes a heartbeat each second. A killed run stays recorded as running, without one. The
# heartbeat is by this host's clock, which may differ from the database's.
SQLITE: Final = """
SELECT job_name, run_id FROM runs WHERE state = 'RUNNING' AND substr(job_name, 1, length(?1)) = ?1
AND coalesce(last_heartbeat_at, started_at) > ?2
ORDER BY started_at DESC LIMIT 1
"""
POSTGRES: Final = """
SELECT job_name, run_id FROM runs WHERE state = 'RUNNING' AND starts_with(job_name, %s)
AND coalesce(last_heartbeat_at, started_at) > %s::timestamp
ORDER BY started_at DESC LIMIT 1
"""
PATIENCE: Final = 5  # seconds
SILENCE: Final = timedelta(seconds=30)


class RecordedRun(NamedTuple):
    """A run as Meltano records it."""

    state_id: str
    run_id: str


def own_run(
    environment: Mapping[str, str] = os.environ, now: datetime | None = None
) -> RecordedRun | None:
    """Return the run that Meltano recorded for this tap, as of `now` by this host's clock.

    Return None under `meltano invoke`, outside Meltano, and where the database does not answer.
    """
    plugin, uri = environment.get("MELTANO_EXTRACTOR_NAME"), environment.get("MELTANO_DATABASE_URI")
    if not plugin or not uri:
        return None
    prefix = f"{environment.get('MELTANO_ENVIRONMENT', '')}:{plugin}-to-"
    try:
        signed = (now or datetime.now(timezone.utc)) - SILENCE
        row = _asked(uri, prefix, f"{signed:%Y-%m-%d %H:%M:%S}")
    except Exception:  # noqa: BLE001 - a driver's own; then the tap makes an id for the run
        return None
    if row is None or is_invoked():
        return None
    return RecordedRun(row[0], str(UUID(str(row[1]))))


def _asked(uri: str, prefix: str, signed: str) -> Sequence[Any] | None:
    kind, _, rest = uri.partition(":")
    if kind.startswith("sqlite"):
        address = f"file:{rest.removeprefix('///')}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=PATIENCE)) as connection:
            row: Sequence[Any] | None = connection.execute(SQLITE, [prefix, signed]).fetchone()
            return row
    psycopg = importlib.import_module("psycopg")  # an extra, needed where Meltano uses Postgres
    address = re.sub(r"^postgres(ql)?(\+\w+)?:", "postgresql:", uri)
    with psycopg.connect(address, connect_timeout=PATIENCE, autocommit=True) as connection:
        found: Sequence[Any] | None = connection.execute(POSTGRES, [prefix, signed]).fetchone()
        return found
