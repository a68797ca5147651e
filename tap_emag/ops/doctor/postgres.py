"""Checks the Postgres that the loader writes to, with the loader's own settings."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import psycopg

from tap_emag.ops.tables.declared import declared_tables
from tap_emag.ops.tables.prepare import Preparation
from tap_emag.ops.warehouse import WAIT, adds_metadata, parameters_of, reason_of
from tap_emag.postgres_errors import login_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_emag.ops.doctor.report import Report
    from tap_emag.ops.tables.declared import Selection

OLDEST: Final = 140_000  # the oldest release that PostgreSQL's makers still maintain in 2026
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


def check_postgres(
    report: Report, config: Mapping[str, Any], selections: Iterable[Selection] = ()
) -> None:
    """Check login, version, encryption, rights and tables.

    Args:
        report: Takes the lines.
        config: The loader's settings, as Meltano prints them.
        selections: What the project's plugins load.
    """
    problem = login_problem(config)
    if problem:
        report.fault("Postgres: login", *problem)
        return
    try:
        given = parameters_of(config)
    except (psycopg.ProgrammingError, ValueError):
        report.fault(
            "Postgres: login",
            "the address cannot be read",
            "TARGET_POSTGRES_SQLALCHEMY_URL=postgresql+psycopg://user:password@host/database",
        )
        return
    report.discretion.secrets([str(given.get("password") or "")])
    report.discretion.names(str(given.get(name) or "") for name in ("user", "dbname"))
    try:
        with psycopg.connect(**given, connect_timeout=WAIT, autocommit=True) as connection:
            report.ok("Postgres: login", "accepted")
            _check_server(report, connection, str(given.get("host") or ""))
            schema = str(config.get("default_target_schema") or "")
            _check_rights(report, connection, schema)
            declared = declared_tables(selections, metadata=adds_metadata(config))
            _check_tables(report, Preparation(connection, schema, declared).lacking())
    except psycopg.Error as error:
        report.fault("Postgres: login", *reason_of(error, config))


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
            "set TARGET_POSTGRES_SQLALCHEMY_URL with ?sslmode=require, or both"
            " TARGET_POSTGRES_SSL_ENABLE=true and TARGET_POSTGRES_SSL_CERTIFICATE_AUTHORITY",
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


def _check_tables(report: Report, lacking: list[str]) -> None:
    check = "Postgres: tables"
    if lacking:
        report.warn(
            check,
            f"{len(lacking)} are not as the tap declares them, such as {lacking[0]}",
            "`meltano invoke emag-ops prepare-tables`: times get a zone, missing JSON is NULL",
        )
    else:
        report.ok(check, "as the tap declares them")


def _is_here(host: str) -> bool:
    """Return whether a host is this machine: a socket, or a loopback address."""
    if not host or host.startswith("/"):
        return True
    with suppress(OSError, ValueError):
        found = {str(each[4][0]) for each in socket.getaddrinfo(host, None)}
        return all(ipaddress.ip_address(each).is_loopback for each in found)
    return False
