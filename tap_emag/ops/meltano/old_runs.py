"""Deletes the rows of old runs from Meltano's database."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tap_emag.ops.meltano.database import RUNNING, RUNS, SUCCESS, aware, naive

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import timedelta

    from tap_emag.ops.meltano.database import Runs


def prune(runs: Runs, state_ids: Collection[str], age: timedelta, *, dry_run: bool) -> int:
    """Delete runs of some state ids that ended long ago, and return how many; or only count them.

    Of each state id the newest run stays, and the newest that ended well. Meltano 4 reads none of
    them: the next run's state is in the table `state`.

    Raises:
        SystemDatabaseError: The database does not answer.
    """
    newest = sa.select(sa.func.max(RUNS.c.id)).group_by(RUNS.c.job_name)
    successes = newest.where(RUNS.c.state == SUCCESS)
    with runs.connect() as connection:
        old = sa.and_(
            RUNS.c.job_name.in_(list(state_ids)),
            RUNS.c.state != RUNNING,
            sa.func.coalesce(RUNS.c.ended_at, RUNS.c.started_at)
            < naive(_present(connection, runs) - age),
            RUNS.c.id.not_in(newest),
            RUNS.c.id.not_in(successes),
        )
        if dry_run:
            query = sa.select(sa.func.count()).select_from(RUNS).where(old)
            return int(connection.scalar(query) or 0)
        return int(connection.execute(sa.delete(RUNS).where(old)).rowcount)


def _present(connection: sa.Connection, runs: Runs) -> datetime:
    """Return the earliest of three clocks, so that a wrong one does not make a run old.

    These are this host's, the database's, and the newest heartbeat of any Meltano.
    """
    signs = sa.func.max(sa.func.coalesce(RUNS.c.last_heartbeat_at, RUNS.c.started_at))
    newest = aware(connection.scalar(sa.select(signs)))
    now = datetime.now(timezone.utc) - runs.ahead
    return min(now, newest) if newest else now
