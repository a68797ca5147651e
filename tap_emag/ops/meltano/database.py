"""Reads Meltano's own tables `runs` and `state`, without importing Meltano.

A test compares this module with the installed Meltano: its columns, its words for states, and a
database that it has made.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from tap_emag.errors import EmagError
from tap_emag.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from sqlalchemy.engine import URL, Connection, Engine

IDLE, RUNNING, SUCCESS, FAIL = "IDLE", "RUNNING", "SUCCESS", "FAIL"
EDIT: Final = "STATE_EDIT"  # a state that was written by hand, not a run
WORDS: Final = frozenset({IDLE, RUNNING, SUCCESS, FAIL, "DEAD", EDIT})

RUNS: Final = sa.Table(
    "runs",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("job_name", sa.String),
    sa.Column("run_id", sa.Uuid),
    sa.Column("state", sa.String),
    sa.Column("started_at", sa.DateTime),  # these three in UTC, without a zone
    sa.Column("last_heartbeat_at", sa.DateTime),
    sa.Column("ended_at", sa.DateTime),
    sa.Column("payload", sa.String),  # a JSON object: singer_state, error
    sa.Column("payload_flags", sa.Integer),
    sa.Column("trigger", sa.String),
)
STATE: Final = sa.Table(
    "state",
    sa.MetaData(),
    sa.Column("state_id", sa.String, primary_key=True),
    sa.Column("partial_state", sa.String),
    sa.Column("completed_state", sa.String),
    sa.Column("updated_at", sa.DateTime),
)
PATIENCE: Final = 30  # seconds to wait for other writers
WITHOUT_PAYLOAD: Final = [column for column in RUNS.columns if column.name != "payload"]


class SystemDatabaseError(EmagError):
    """Meltano's database does not answer, or its tables are unknown."""

    exit_code = 1


@dataclass(frozen=True)
class Run:
    """A row of `runs`; moments are aware, in UTC. `heartbeat` is Meltano's own, not the tap's."""

    id: int
    state_id: str
    run_id: str
    state: str
    started: datetime
    heartbeat: datetime | None
    ended: datetime | None
    trigger: str | None

    @property
    def extractor(self) -> str:
        """The extractor in the state id, which is environment:extractor-to-loader:suffix."""
        return self.state_id.partition(":")[2].partition("-to-")[0]

    @property
    def last_sign(self) -> datetime:
        """The last moment at which the run's Meltano is known to have been alive."""
        signs = [moment for moment in (self.heartbeat, self.ended) if moment]
        # Others may have set the end of the row; only Meltano sets its heartbeat.
        return min(signs) if signs else self.started


class Runs:
    """Reads Meltano's database; its only change is to mark a run as failed."""

    def __init__(self, url: URL) -> None:
        """Connect.

        Raises:
            SystemDatabaseError: It does not answer, or its tables are unknown.
        """
        self._url = url
        self._redactor = Redactor([url.password or ""])
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
            raise SystemDatabaseError(
                f"there is no database {url.database}; Meltano makes it with its first run, or set"
                " MELTANO_DATABASE_URI to the one it uses"
            )
        sqlite = url.get_backend_name() == "sqlite"
        arguments = {"timeout": PATIENCE} if sqlite else {"connect_timeout": 10}
        self._engine: Engine = sa.create_engine(
            url, poolclass=NullPool, connect_args=arguments, hide_parameters=True
        )
        self._check()

    @cached_property
    def ahead(self) -> timedelta:
        """How far this host's clock is ahead of the database's; 0 if it is not, or on one host."""
        if self._engine.dialect.name != "postgresql":
            return timedelta(0)
        with self.connect() as connection:
            there = connection.scalar(sa.select(sa.func.clock_timestamp()))
        return max(timedelta(0), datetime.now(timezone.utc) - there) if there else timedelta(0)

    def state_ids(self) -> list[str]:
        """Return the state ids of all runs, of all pipelines."""
        with self.connect() as connection:
            return list(connection.scalars(sa.select(RUNS.c.job_name).distinct()))

    def newest(
        self, limit: int, state_ids: Collection[str] | None = None, *, running: bool = False
    ) -> list[Run]:
        """Return the latest runs, newest first; of some state ids, or only running ones."""
        query = self._select(state_ids).limit(limit)
        query = query.order_by(RUNS.c.started_at.desc(), RUNS.c.id.desc())
        return self._runs(query.where(RUNS.c.state == RUNNING) if running else query)

    def since(self, moment: datetime, state_ids: Collection[str] | None = None) -> list[Run]:
        """Return the runs that began since then or are running, newest first."""
        begun = sa.or_(RUNS.c.started_at >= naive(moment), RUNS.c.state == RUNNING)
        order = (RUNS.c.started_at.desc(), RUNS.c.id.desc())
        return self._runs(self._select(state_ids).where(begun).order_by(*order))

    def last_successes(self) -> dict[str, datetime]:
        """Return when the latest successful run ended, by state id."""
        latest = sa.func.max(RUNS.c.ended_at)
        good = sa.and_(RUNS.c.state == SUCCESS, RUNS.c.ended_at.is_not(None))
        query = sa.select(RUNS.c.job_name, latest).where(good).group_by(RUNS.c.job_name)
        with self.connect() as connection:
            return {
                name: ended.replace(tzinfo=timezone.utc)
                for name, ended in connection.execute(query)
            }

    def running(self, state_ids: Collection[str] | None = None) -> list[Run]:
        """Return the runs that Meltano lists as running, oldest first."""
        query = self._select(state_ids).where(RUNS.c.state == RUNNING)
        return self._runs(query.order_by(RUNS.c.started_at))

    def failed_between(
        self, first: datetime, last: datetime, state_ids: Collection[str] | None = None
    ) -> list[Run]:
        """Return the runs that failed in this span."""
        ended = RUNS.c.ended_at.between(naive(first), naive(last))
        return self._runs(self._select(state_ids).where(RUNS.c.state == FAIL, ended))

    def of_invocation(self, run_id: str) -> list[Run]:
        """Return all runs of one call of `meltano run`; they share its run id."""
        runs = self._runs(self._select().where(RUNS.c.run_id == UUID(run_id)))
        return sorted(runs, key=lambda run: run.id)

    def around(self, moment: datetime, margin: timedelta) -> list[Run]:
        """Return the runs that were running at a moment, give or take a margin."""
        begun = RUNS.c.started_at <= naive(moment + margin)
        not_over = sa.or_(
            RUNS.c.state == RUNNING,
            RUNS.c.ended_at.is_(None),
            RUNS.c.ended_at >= naive(moment - margin),
        )
        return self._runs(self._select().where(begun, not_over))

    def payload(self, run: Run) -> dict[str, Any]:
        """Return the payload that Meltano keeps of a run: its `singer_state`, and the `error`."""
        with self.connect() as connection:
            text = connection.scalar(sa.select(RUNS.c.payload).where(RUNS.c.id == run.id))
        return _object(text)

    def fail(self, run: Run, error: str, now: datetime) -> bool:
        """Mark a run as failed, unless it has ended; return whether this call did so.

        From then on Meltano itself can no longer mark it as a success.
        """
        row = sa.and_(RUNS.c.id == run.id, RUNS.c.state == RUNNING)
        with self.connect() as connection:
            if self._engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            # From here on no other process can write the row, so its payload is not lost.
            query = sa.select(RUNS.c.payload).where(row).with_for_update()
            found = connection.execute(query).first()
            if found is None:
                return False
            payload = json.dumps({**_object(found.payload), "error": error})
            values = {"state": FAIL, "ended_at": naive(now), "payload": payload}
            done = connection.execute(sa.update(RUNS).where(row).values(values))
            return bool(done.rowcount == 1)

    def states(self, state_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the Singer state that each state id's next run begins with."""
        query = sa.select(STATE).where(STATE.c.state_id.in_(list(state_ids)))
        with self.connect() as connection:
            rows = connection.execute(query).all()
        known = {}
        for row in rows:
            complete, partial = _object(row.completed_state), _object(row.partial_state)
            # A failed run's state is added to the state of the last successful one.
            singer = {**complete.get("singer_state", {}), **partial.get("singer_state", {})}
            known[str(row.state_id)] = singer
        return known

    @staticmethod
    def _select(state_ids: Collection[str] | None = None) -> sa.Select[Any]:
        query = sa.select(*WITHOUT_PAYLOAD).where(RUNS.c.state != EDIT)
        return query if state_ids is None else query.where(RUNS.c.job_name.in_(list(state_ids)))

    def _runs(self, query: sa.Select[Any]) -> list[Run]:
        with self.connect() as connection:
            return [_run(row) for row in connection.execute(query)]

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Open a transaction.

        Raises:
            SystemDatabaseError: The database does not answer.
        """
        try:
            with self._engine.begin() as connection:
                if self._engine.dialect.name == "postgresql":
                    connection.execute(sa.text(f"SET LOCAL lock_timeout = '{PATIENCE}s'"))
                yield connection
        except sa.exc.SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
            address = self._url.render_as_string(hide_password=True)
            raise SystemDatabaseError(
                f"Meltano's database {address} does not answer: {self._redactor.clean(reason)};"
                " check MELTANO_DATABASE_URI"
            ) from None

    def _check(self) -> None:
        with self.connect() as connection:
            look = sa.inspect(connection)
            for table in (RUNS, STATE):
                if not look.has_table(table.name):
                    raise SystemDatabaseError(
                        f"Meltano's database has no table `{table.name}`; run any pipeline once, or"
                        " set MELTANO_DATABASE_URI to the database that Meltano uses"
                    )
                there = {column["name"] for column in look.get_columns(table.name)}
                missing = sorted({column.name for column in table.columns} - there)
                if missing:
                    raise SystemDatabaseError(
                        f"Meltano's table `{table.name}` has no {' and no '.join(missing)}: this"
                        " version of emag-ops knows the tables of Meltano 4"
                    )


def _run(row: sa.Row[Any]) -> Run:
    return Run(
        id=row.id,
        state_id=row.job_name,
        run_id=str(row.run_id),
        state=row.state,
        started=row.started_at.replace(tzinfo=timezone.utc),
        heartbeat=aware(row.last_heartbeat_at),
        ended=aware(row.ended_at),
        trigger=row.trigger,
    )


def _object(text: str | None) -> dict[str, Any]:
    value = json.loads(text) if text else {}
    return value if isinstance(value, dict) else {}


def aware(moment: datetime | None) -> datetime | None:
    """Return a moment as Meltano writes it with its zone."""
    return moment and moment.replace(tzinfo=timezone.utc)


def naive(moment: datetime) -> datetime:
    """Return a moment as Meltano writes it."""
    return moment.astimezone(timezone.utc).replace(tzinfo=None)
