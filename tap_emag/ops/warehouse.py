"""Connects to the Postgres that the loader writes to, with the loader's own settings."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tap_emag.postgres_errors import OPERATOR, STATEMENT, TRUE, cause_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

LOADER: Final = "target-postgres"
WAIT: Final = 10  # seconds to connect


def adds_metadata(config: Mapping[str, Any]) -> bool:
    """Return whether the loader adds its own columns."""
    return str(config.get("add_record_metadata")).lower() in TRUE


def parameters_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of psycopg for the loader's settings.

    Raises:
        ValueError: The address cannot be read, or the port is not a number.
    """
    if config.get("sqlalchemy_url"):
        from sqlalchemy.engine import make_url  # noqa: PLC0415 - a large import
        from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

        try:
            url = make_url(str(config["sqlalchemy_url"])).set(drivername="postgresql+psycopg")
        except ArgumentError as error:
            raise ValueError(*error.args) from None
        _, parameters = url.get_dialect()().create_connect_args(url)  # as the loader has them
        return dict(parameters)
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


def reason_of(error: psycopg.Error, config: Mapping[str, Any]) -> tuple[str, str]:
    """Return why a login failed, and what to do; the error's text may name users and hosts."""
    cause = cause_of(error, config)
    if cause is None or cause.remedy == STATEMENT:
        return f"it failed ({type(error).__name__})", OPERATOR
    return cause.meaning, cause.remedy
