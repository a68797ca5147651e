"""Finds the run in Meltano's database that this tap process belongs to.

Meltano does not pass its run id to plugins, but the address of its database and the plugin's name.
A tap that `meltano invoke` started has no run, even if one of the same plugin is under way.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from tap_emag.meltano.caller import is_invoked
from tap_emag.meltano.system_database import query

if TYPE_CHECKING:
    from collections.abc import Mapping

# Meltano writes a heartbeat each second. A killed run stays recorded as running, without one. The
# heartbeat is by this host's clock, which may differ from the database's.
RUNNING: Final = """
SELECT job_name, run_id FROM runs WHERE state = 'RUNNING'
AND substr(job_name, 1, length(:prefix)) = :prefix
AND coalesce(last_heartbeat_at, started_at) > :signed
ORDER BY started_at DESC LIMIT 1
"""
SILENCE: Final = timedelta(seconds=30)


class RecordedRun(NamedTuple):
    """A run as Meltano records it."""

    state_id: str
    run_id: str


def is_started_by_meltano(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether Meltano has started this tap, for whichever of its commands."""
    return bool(environment.get("MELTANO_EXTRACTOR_NAME"))


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
        rows = query(uri, RUNNING, prefix=prefix, signed=f"{signed:%Y-%m-%d %H:%M:%S}")
    except Exception:  # noqa: BLE001 - a driver's own; then the tap makes an id for the run
        return None
    if not rows or is_invoked():
        return None
    [(state_id, run_id)] = rows
    return RecordedRun(state_id, str(UUID(str(run_id))))
