"""Request budgets in Postgres, for taps on several hosts that share one account.

One row per account and bucket, locked while a slot is booked. All times are the database's, so the
clocks of the hosts need not agree.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tap_emag.budgets import file_name, pack, unpack
from tap_emag.errors import ConfigurationError, TransientError
from tap_emag.limits import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from tap_emag.limits import Budget

CLOCK = b"postgres".ljust(16)
TABLE = """
CREATE TABLE IF NOT EXISTS tap_emag_budgets (name text PRIMARY KEY, content bytea NOT NULL)
"""
INSERT = "INSERT INTO tap_emag_budgets VALUES (%s, '') ON CONFLICT DO NOTHING"
LOCK = "SELECT content FROM tap_emag_budgets WHERE name = %s FOR UPDATE"
READ = "SELECT content FROM tap_emag_budgets WHERE name = %s"
NOW = "SELECT extract(epoch FROM clock_timestamp())::float8"
UPDATE = "UPDATE tap_emag_budgets SET content = %s WHERE name = %s"
# A process that is cut off in the middle of a booking must not hold up all others.
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
        self._names = {bucket: file_name(account, bucket) for bucket in BUCKETS}
        self._locks = {bucket: threading.Lock() for bucket in BUCKETS}
        self._connections: dict[str, psycopg.Connection] = {}

    @contextmanager
    def open(self, bucket: str) -> Iterator[tuple[Budget, float]]:
        """Lock the bucket's row; read the budget, and write it back when the caller is done.

        Raises:
            TransientError: The database does not answer.
        """
        with self._locks[bucket]:
            try:
                connection, name = self._connected(bucket), self._names[bucket]
                with connection.transaction():
                    row = connection.execute(LOCK, (name,)).fetchone()
                    now = connection.execute(NOW).fetchone()
                    budget = unpack(bytes(row[0]) if row else b"", bucket, self._share, CLOCK)
                    yield budget, float(now[0]) if now else 0.0
                    connection.execute(UPDATE, (pack(budget, CLOCK), name))
            except self._psycopg.Error as error:
                self._connections.pop(bucket, None)
                # The message may name host and user of the database, so the kind has to do.
                raise TransientError(
                    f"rate_limit_store: the database does not answer ({type(error).__name__})"
                ) from None

    def _connected(self, bucket: str) -> psycopg.Connection:
        connection = self._connections.get(bucket)
        if connection is None or connection.closed:
            connection = self._psycopg.connect(self._url, autocommit=True, connect_timeout=10)
            connection.execute(PATIENCE)
            connection.execute(TABLE)
            connection.execute(INSERT, (self._names[bucket],))
            self._connections[bucket] = connection
        return connection


def peek(url: str, name: str, bucket: str, share: float) -> tuple[Budget, float]:
    """Read a budget by its name and give it with the present time; nothing is locked or made.

    Raises:
        TransientError: The database does not answer.
    """
    import psycopg  # noqa: PLC0415 - an extra

    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
            there = connection.execute("SELECT to_regclass('tap_emag_budgets')").fetchone()
            row = None
            if there and there[0]:
                row = connection.execute(READ, (name,)).fetchone()
            now = connection.execute(NOW).fetchone()
    except psycopg.Error as error:
        raise TransientError(
            f"rate_limit_store: the database does not answer ({type(error).__name__})"
        ) from None
    budget = unpack(bytes(row[0]) if row else b"", bucket, share, CLOCK)
    return budget, float(now[0]) if now else 0.0
