"""Connects to the Postgres that the loader writes to, with the loader's own settings."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

LOADER: Final = "target-postgres"
NEEDED: Final = ("host", "user", "password", "database")
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


def missing_login(config: Mapping[str, Any]) -> list[str]:
    """Return the settings that a login needs and that are not set."""
    if config.get("sqlalchemy_url"):
        return []
    return [name for name in NEEDED if not config.get(name)]


def adds_metadata(config: Mapping[str, Any]) -> bool:
    """Return whether the loader adds its own columns."""
    return str(config.get("add_record_metadata")).lower() in TRUE


def parameters_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of psycopg for the loader's settings.

    Raises:
        ArgumentError: The address cannot be read.
        ValueError: The port is not a number.
    """
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


def reason_of(error: psycopg.Error) -> tuple[str, str]:
    """Return why a login failed, and the setting to check."""
    text = str(error).lower()
    for sign, meaning, name in REASONS:
        if re.search(sign, text):
            return meaning, name
    return f"it failed ({type(error).__name__})", ""
