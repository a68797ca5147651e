"""The address and login of a PostgreSQL server, started here or external."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self


class PostgresError(Exception):
    """Postgres could not be started, stopped or reached; the message names the next step."""


class Postgres:
    """An address: where a database is and who may log in."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        user: str,
        password: str,
        database: str,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.database = database
        self.options = dict(options or {})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.user}@{self.host}:{self.port}/{self.database})"

    @property
    def dsn(self) -> str:
        """The address as one URL, password included; psql and psycopg take it."""
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        options = dict(self.options)
        place = f"{self.host}:{self.port}"
        if self.host.startswith("/"):  # a socket's folder cannot replace a host name
            options["host"], place = self.host, f":{self.port}"
        query = f"?{urlencode(options)}" if options else ""
        return f"postgresql://{login}@{place}/{quote(self.database, safe='')}{query}"

    def environment(self) -> dict[str, str]:
        """Return the variables with which Meltano's target-postgres loads into this database."""
        if self.options or self.host.startswith("/"):
            url = self.dsn.replace("postgresql://", "postgresql+psycopg://", 1)
            return {"TARGET_POSTGRES_SQLALCHEMY_URL": url}
        return {
            "TARGET_POSTGRES_HOST": self.host,
            "TARGET_POSTGRES_PORT": str(self.port),
            "TARGET_POSTGRES_USER": self.user,
            "TARGET_POSTGRES_PASSWORD": self.password,
            "TARGET_POSTGRES_DATABASE": self.database,
        }

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """Open a connection that commits each statement and keeps its clock in UTC."""
        return psycopg.connect(
            self.dsn, autocommit=True, connect_timeout=10, options="-c timezone=UTC"
        )

    def at(self, database: str) -> Postgres:
        """Return the address of another database on the same server."""
        return Postgres(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            database=database,
            options=self.options,
        )

    def create_database(self, name: str) -> Postgres:
        """Make an empty database; one of the same name goes first."""
        self.drop_database(name)
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.at(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, and end its connections."""
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        with self.connect() as connection:
            connection.execute(statement.format(sql.Identifier(name)))


class ExternalPostgres(Postgres):
    """An external server; entering and leaving the context changes nothing there."""

    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None) -> Self | None:
        """Read `DATABASE_URL`, or else `TARGET_POSTGRES_*`; None if neither names a server.

        Raises:
            PostgresError: The address is incomplete or cannot be read.
        """
        env = os.environ if environment is None else environment
        url = env.get("DATABASE_URL") or env.get("TARGET_POSTGRES_SQLALCHEMY_URL")
        if url:
            return cls._from_url(url)
        if not env.get("TARGET_POSTGRES_HOST"):
            return None
        names = [f"TARGET_POSTGRES_{part}" for part in ("USER", "PASSWORD", "DATABASE")]
        missing = [name for name in names if not env.get(name)]
        if missing:
            raise PostgresError(f"TARGET_POSTGRES_HOST is set; set {', '.join(missing)} too")
        user, password, database = (env[name] for name in names)
        return cls(
            host=env["TARGET_POSTGRES_HOST"],
            port=int(env.get("TARGET_POSTGRES_PORT") or 5432),
            user=user,
            password=password,
            database=database,
        )

    @classmethod
    def _from_url(cls, url: str) -> Self:
        scheme, _, rest = url.partition("://")
        try:
            parts = conninfo_to_dict(f"{scheme.partition('+')[0]}://{rest}")
        except psycopg.ProgrammingError:
            # Without the cause: its message repeats the address, and with it the password.
            message = "DATABASE_URL cannot be read; write postgresql://user:password@host/database"
            raise PostgresError(message) from None
        known = {"host", "port", "user", "password", "dbname"}
        return cls(
            host=str(parts.get("host") or "127.0.0.1"),
            port=int(parts.get("port") or 5432),
            user=str(parts.get("user") or "postgres"),
            password=str(parts.get("password") or ""),
            database=str(parts.get("dbname") or parts.get("user") or "postgres"),
            options={name: str(value) for name, value in parts.items() if name not in known},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None
