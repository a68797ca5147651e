"""Stores request budgets in Postgres, for taps on several hosts.

There is one row per account and bucket, locked while a slot is reserved, with the statements of the
state store. All times are the database's, so the clocks of the hosts need not agree. A second table
lists the accounts, so that any host can show the budgets of all.
"""

from __future__ import annotations

import platform
import threading
import weakref
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_emag.api.rate_limit_local import load, name_of, save
from tap_emag.api.rate_limiter import BUCKETS, Budget
from tap_emag.errors import BudgetStoreError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

    from tap_emag.api.rate_limit_local import Execute
    from tap_emag.settings.account import Account

CLOCK = "postgres"
RATE_LIMITS = "tap_emag_rate_limits"
ACCOUNTS = "tap_emag_accounts"
TABLES = {
    RATE_LIMITS: """
name text PRIMARY KEY, clock text, next_slot float8, held_until float8, pace float8,
departures bytea
""",
    ACCOUNTS: """
marketplace text, account_type text, budget text, share float8, host text,
PRIMARY KEY (marketplace, account_type)
""",
}
CREATING = "SELECT pg_advisory_xact_lock(hashtext('tap_emag'))"  # one process at a time
IS_THERE = "SELECT to_regclass(%s) IS NOT NULL"
LIST_ACCOUNT = """
INSERT INTO tap_emag_accounts VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (marketplace, account_type) DO UPDATE SET budget = excluded.budget,
  share = excluded.share, host = excluded.host
"""
FORGET = "DELETE FROM tap_emag_accounts WHERE marketplace = %s AND account_type = %s"
NOW = "SELECT extract(epoch FROM clock_timestamp())::float8"
LOCK = NOW + " FROM pg_advisory_xact_lock(hashtext(%s))"
# A process that loses its connection while it reserves a slot must not block all others.
PATIENCE = "SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '5s'"


class ListedAccount(NamedTuple):
    """An account of any host: the prefix of its budgets' names, the part that may be used.

    `host` is the name of the host of its latest run.
    """

    budget: str
    share: float
    host: str


class PostgresStore:
    """Budgets shared by all processes that use the same database and account."""

    def __init__(
        self, url: str, account: str, share: float, listed_as: Account | None = None
    ) -> None:
        """Keep the URL; a connection per bucket is made when it is first needed.

        Args:
            url: The address of the database.
            account: The budget identity, which all accounts with this budget have in common.
            share: Part of the budgets that may be used.
            listed_as: The account to list for `emag-ops limits`; None lists none.

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
        self._budget, self._listed_as = name_of(account, ""), listed_as
        self._connections: dict[str, psycopg.Connection] = {}
        weakref.finalize(self, _close, self._connections)

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
            _create(connection, RATE_LIMITS)
            if self._listed_as:
                self._list(connection, self._listed_as)
                self._listed_as = None
            self._connections[bucket] = connection
        return connection

    def _list(self, connection: psycopg.Connection, account: Account) -> None:
        """List the account; a role that may not create the table keeps budgets without it."""
        owner = account.marketplace, account.account_type
        with suppress(self._psycopg.errors.InsufficientPrivilege):
            _create(connection, ACCOUNTS)
            row = (*owner, self._budget, self._share, platform.node())
            connection.execute(LIST_ACCOUNT, row)


class Reader:
    """Reads budgets and accounts without a lock, and creates nothing."""

    def __init__(self, connection: psycopg.Connection) -> None:
        """Use a connection."""
        self._connection = connection
        self._there = {table: _is_there(connection, table) for table in TABLES}

    def budget(self, name: str, bucket: str, share: float) -> tuple[Budget, float]:
        """Return a budget by its name, with the present time."""
        budget = Budget(BUCKETS[bucket], share)
        if self._there[RATE_LIMITS]:
            budget = load(_dialect(self._connection), name, bucket, share, CLOCK)
        return budget, _first(self._connection.execute(NOW))

    def accounts(self) -> dict[tuple[str, str], ListedAccount]:
        """Return the accounts of all hosts, by marketplace and account type."""
        rows = self._connection.execute("TABLE tap_emag_accounts") if self._there[ACCOUNTS] else ()
        return {
            (marketplace, account_type): ListedAccount(budget, share, host)
            for marketplace, account_type, budget, share, host in rows
        }

    def forget(self, marketplace: str, account_type: str) -> bool:
        """Drop an account from the list; return whether it was there."""
        owner = marketplace, account_type
        return self._there[ACCOUNTS] and self._connection.execute(FORGET, owner).rowcount > 0


@contextmanager
def reading(url: str) -> Iterator[Reader]:
    """Open a store for reading.

    Raises:
        BudgetStoreError: The database does not answer.
    """
    import psycopg  # noqa: PLC0415 - an extra

    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
            yield Reader(connection)
    except psycopg.Error as error:
        raise BudgetStoreError(
            f"rate_limit_store: the database does not answer ({type(error).__name__})"
        ) from None


def _create(connection: psycopg.Connection, table: str) -> None:
    """Create a table if it is missing: even where it exists, CREATE TABLE needs the privilege."""
    if not _is_there(connection, table):
        with connection.transaction():
            connection.execute(CREATING)
            statement = f"CREATE TABLE IF NOT EXISTS {table} ({TABLES[table]})"
            connection.execute(statement.encode())


def _is_there(connection: psycopg.Connection, table: str) -> bool:
    row = connection.execute(IS_THERE, (table,)).fetchone()
    return bool(row and row[0])


def _close(connections: dict[str, psycopg.Connection]) -> None:
    for each in connections.values():
        each.close()


def _dialect(connection: psycopg.Connection) -> Execute:
    def execute(statement: str, values: Sequence[Any]) -> psycopg.Cursor:
        dialect = statement.replace("rate_limits", RATE_LIMITS, 1).replace("?", "%s")
        return connection.execute(dialect.encode(), values)

    return execute


def _first(cursor: psycopg.Cursor) -> float:
    row = cursor.fetchone()
    return float(row[0]) if row else 0.0
