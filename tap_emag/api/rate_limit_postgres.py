"""Stores request budgets in Postgres, for taps on several hosts.

There is one row per account and bucket, locked while a slot is reserved, with the statements of the
state store. All times are the database's, so the clocks of the hosts need not agree.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tap_emag.api.rate_limit_local import load, name_of, save
from tap_emag.api.rate_limiter import BUCKETS, Budget
from tap_emag.errors import BudgetStoreError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

    from tap_emag.api.rate_limit_local import Execute

CLOCK = "postgres"
RATE_LIMITS = "tap_emag_rate_limits"
TABLE = f"""
CREATE TABLE IF NOT EXISTS {RATE_LIMITS} (
  name text PRIMARY KEY, clock text, next_slot float8, held_until float8, pace float8,
  departures bytea)
"""
NOW = "SELECT extract(epoch FROM clock_timestamp())::float8"
LOCK = NOW + " FROM pg_advisory_xact_lock(hashtext(%s))"
# A process that loses its connection while it reserves a slot must not block all others.
PATIENCE = "SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '5s'"


class PostgresStore:
    """Budgets shared by all processes that use the same database and account."""

    def __init__(self, url: str, account: str, share: float) -> None:
        """Keep the URL; a connection per bucket is made when it is first needed.

        Raises:
            ConfigurationError: The package for Postgres is not installed.
        """
        try:
            import psycopg  # noqa: PLC0415 - an extra
        except ImportError:
            raise ConfigurationError(
                ["rate_limit_store: needs a package for Postgres; pip install 'tap-emag[postgres]'"]
            ) from None
        self._psycopg = psycopg
        self._url = url
        self._share = share
        self._names = {bucket: name_of(account, bucket) for bucket in BUCKETS}
        self._locks = {bucket: threading.Lock() for bucket in BUCKETS}
        self._connections: dict[str, psycopg.Connection] = {}

    @contextmanager
    def open(self, bucket: str) -> Iterator[tuple[Budget, float]]:
        """Lock the bucket's row; read the budget, and write it back when the caller is done.

        Raises:
            BudgetStoreError: The database does not answer.
        """
        with self._locks[bucket]:
            try:
                connection, name = self._connected(bucket), self._names[bucket]
                execute = _dialect(connection)
                with connection.transaction():
                    now = _first(connection.execute(LOCK, (name,)))
                    budget = load(execute, name, bucket, self._share, CLOCK)
                    yield budget, now
                    save(execute, name, budget, CLOCK)
            except self._psycopg.Error as error:
                self._connections.pop(bucket, None)
                # The message may name host and user of the database, so the kind has to do.
                raise BudgetStoreError(
                    f"rate_limit_store: the database does not answer ({type(error).__name__})"
                ) from None

    def _connected(self, bucket: str) -> psycopg.Connection:
        connection = self._connections.get(bucket)
        if connection is None or connection.closed:
            connection = self._psycopg.connect(self._url, autocommit=True, connect_timeout=10)
            connection.execute(PATIENCE)
            connection.execute(TABLE)
            self._connections[bucket] = connection
        return connection


def peek(url: str, name: str, bucket: str, share: float) -> tuple[Budget, float]:
    """Return a budget by its name with the present time, without a lock; create nothing.

    Raises:
        BudgetStoreError: The database does not answer.
    """
    import psycopg  # noqa: PLC0415 - an extra

    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
            there = connection.execute("SELECT to_regclass(%s)", (RATE_LIMITS,)).fetchone()
            budget = Budget(BUCKETS[bucket], share)
            if there and there[0]:
                budget = load(_dialect(connection), name, bucket, share, CLOCK)
            return budget, _first(connection.execute(NOW))
    except psycopg.Error as error:
        raise BudgetStoreError(
            f"rate_limit_store: the database does not answer ({type(error).__name__})"
        ) from None


def _dialect(connection: psycopg.Connection) -> Execute:
    def execute(statement: str, values: Sequence[Any]) -> psycopg.Cursor:
        dialect = statement.replace("rate_limits", RATE_LIMITS, 1).replace("?", "%s")
        return connection.execute(dialect.encode(), values)

    return execute


def _first(cursor: psycopg.Cursor) -> float:
    row = cursor.fetchone()
    return float(row[0]) if row else 0.0
