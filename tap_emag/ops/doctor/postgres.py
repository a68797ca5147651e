"""Checks the Postgres that the loader writes to, with the loader's own settings."""

from __future__ import annotations

import ipaddress
import re
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_emag.ops.doctor.report import Report

NEEDED: Final = ("host", "user", "password", "database")
OLDEST: Final = 140_000  # the oldest release that PostgreSQL's makers still maintain in 2026
WAIT: Final = 10  # seconds to connect
TRUE: Final = ("true", "1", "yes", "on")
# What libpq writes, and what it means. The text itself may name users and hosts.
REASONS: Final = (
    ("password authentication failed", "it refuses the password, or has no such user", "PASSWORD"),
    ("no password supplied", "it asks for a password", "PASSWORD"),
    ("no pg_hba.conf entry", "its pg_hba.conf refuses this machine, user or database", ""),
    ("permission denied for database", "the user may not connect to the database", ""),
    ('role ".*" does not exist', "it has no such user", "USER"),
    ('database ".*" does not exist', "it has no such database", "DATABASE"),
    ("refused", "nothing listens at this host and port", "HOST and PORT"),
    ("could not translate host name|failed to resolve", "the host's name is not known", "HOST"),
    ("certificate", "its certificate is not trusted", "SSL_CERTIFICATE_AUTHORITY"),
    ("does not support ssl", "it does not encrypt", "SSL_ENABLE"),
    ("timeout", f"it did not answer within {WAIT} s", "HOST and PORT"),
    ("no such file", "nothing listens at this socket", "HOST and PORT"),
    ("too many", "it has no free connection", ""),
)
RIGHTS: Final = """
SELECT
  to_regnamespace(%(schema)s) IS NOT NULL,
  has_database_privilege(current_database(), 'CREATE'),
  coalesce(has_schema_privilege(to_regnamespace(%(schema)s)::oid, 'USAGE')
    AND has_schema_privilege(to_regnamespace(%(schema)s)::oid, 'CREATE'), false),
  (SELECT count(*) FROM pg_tables WHERE schemaname = %(schema)s),
  (SELECT count(*) FROM pg_tables
    WHERE schemaname = %(schema)s AND NOT pg_has_role(tableowner, 'USAGE'))
"""


def check_postgres(report: Report, config: Mapping[str, Any]) -> None:
    """Check login, version, encryption and rights.

    Args:
        report: Takes the lines.
        config: The loader's settings, as Meltano prints them.
    """
    missing = [name for name in NEEDED if not config.get(name)]
    if not config.get("sqlalchemy_url") and missing:
        variables = ", ".join(f"TARGET_POSTGRES_{name.upper()}" for name in missing)
        report.fault("Postgres: login", f"not set: {variables}", "write them into `.env`")
        return
    try:
        given = _connection(config)
    except (ArgumentError, psycopg.ProgrammingError, ValueError):
        report.fault(
            "Postgres: login",
            "the address cannot be read",
            "TARGET_POSTGRES_SQLALCHEMY_URL=postgresql+psycopg://user:password@host/database",
        )
        return
    report.discretion.secrets(
        [str(given.get(name) or "") for name in ("user", "password", "dbname")]
    )
    try:
        with psycopg.connect(**given, connect_timeout=WAIT, autocommit=True) as connection:
            report.ok("Postgres: login", "accepted")
            _check_server(report, connection, str(given.get("host") or ""))
            _check_rights(report, connection, str(config.get("default_target_schema") or ""))
    except psycopg.Error as error:
        text, name = _reason(error)
        remedy = f"check TARGET_POSTGRES_{name}" if name else "ask who runs the server"
        report.fault("Postgres: login", text, remedy)


def _connection(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of psycopg for the loader's settings."""
    if config.get("sqlalchemy_url"):
        url = make_url(str(config["sqlalchemy_url"])).set(drivername="postgresql")
        return dict(conninfo_to_dict(url.render_as_string(hide_password=False)))
    given = {
        "host": config["host"],
        "port": int(config.get("port") or 5432),
        "user": config["user"],
        "password": config["password"],
        "dbname": config["database"],
    }
    if str(config.get("ssl_enable")).lower() in TRUE:
        given["sslmode"] = config.get("ssl_mode") or "verify-full"
        authority = config.get("ssl_certificate_authority")
        with suppress(OSError, ValueError):
            if authority and Path(str(authority)).is_file():
                given["sslrootcert"] = str(authority)
    return given


def _check_server(report: Report, connection: psycopg.Connection, host: str) -> None:
    number = connection.info.server_version
    text = f"{number // 10_000}.{number % 10_000}"
    if number < OLDEST:
        report.warn("Postgres: version", text, "upgrade the server: this release has ended")
    else:
        report.ok("Postgres: version", text)
    if connection.pgconn.ssl_in_use:
        report.ok("Postgres: encryption", "the connection is encrypted")
    elif _is_here(host):
        report.ok("Postgres: encryption", "none, and the server is on this machine")
    else:
        report.warn(
            "Postgres: encryption",
            "none: names and addresses of customers pass the network in the open",
            "TARGET_POSTGRES_SSL_ENABLE=true, or ?sslmode=require in the address",
        )


def _check_rights(report: Report, connection: psycopg.Connection, schema: str) -> None:
    check = "Postgres: rights"
    row = connection.execute(RIGHTS, {"schema": schema}).fetchone()
    if row is None:
        return
    exists, may_create_schema, may_use, tables, foreign = row
    if not exists and not may_create_schema:
        report.fault(
            check,
            "the schema does not exist, and the user may not create it",
            "GRANT CREATE ON DATABASE … TO …, or create the schema for it"
            " (deploy/postgres/warehouse.sql)",
        )
    elif exists and not may_use:
        report.fault(
            check,
            "the user may not create tables in the schema",
            "GRANT USAGE, CREATE ON SCHEMA … TO …",
        )
    elif foreign:
        report.fault(
            check,
            f"{foreign} of {tables} tables in the schema belong to another user",
            "ALTER TABLE … OWNER TO …: the loader adds columns to its tables",
        )
    elif not exists:
        report.ok(check, "the schema does not exist yet; the user may create it")
    else:
        report.ok(check, f"the user may create tables in the schema, which has {tables}")


def _reason(error: psycopg.Error) -> tuple[str, str]:
    """Return why a login failed, and the setting to check."""
    text = str(error).lower()
    for sign, meaning, name in REASONS:
        if re.search(sign, text):
            return meaning, name
    return f"it failed ({type(error).__name__})", ""


def _is_here(host: str) -> bool:
    """Return whether a host is this machine: a socket, or a loopback address."""
    if not host or host.startswith("/"):
        return True
    with suppress(OSError, ValueError):
        found = {str(each[4][0]) for each in socket.getaddrinfo(host, None)}
        return all(ipaddress.ip_address(each).is_loopback for each in found)
    return False
