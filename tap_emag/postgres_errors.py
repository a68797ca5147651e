"""What errors of Postgres mean, and what to do about each: for the loader and for the doctor.

Only some errors have a state code: the words of Postgres and of its client library name the cause.
They are the same in every driver.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NEEDED: Final = ("host", "user", "password", "database")
SERVER: Final = re.compile(r"^(?:FATAL|PANIC|ERROR): +", re.MULTILINE)


class Meaning(NamedTuple):
    """One cause: how to recognise it in a text, what it means, and the next step."""

    sign: str
    meaning: str
    remedy: str


def _check(setting: str) -> str:
    return f"check TARGET_POSTGRES_{setting}"


OPERATOR: Final = "ask who runs the server"
GOES_ON: Final = "the next run goes on where this one stopped"
GRANT: Final = "GRANT it to this user, as deploy/postgres/warehouse.sql does"
MEANINGS: Final = (
    Meaning(
        "password authentication failed",
        "it refuses the password, or has no such user",
        _check("PASSWORD"),
    ),
    Meaning("no password supplied", "it asks for a password", _check("PASSWORD")),
    Meaning(
        r"no pg_hba\.conf entry", "its pg_hba.conf refuses this machine, user or database", OPERATOR
    ),
    Meaning(
        "permission denied for database",
        "the user may not connect to the database, or not create a schema in it",
        GRANT,
    ),
    Meaning("permission denied|must be owner", "the user lacks a right", GRANT),
    Meaning('role ".*" does not exist', "it has no such user", _check("USER")),
    Meaning('database ".*" does not exist', "it has no such database", _check("DATABASE")),
    Meaning(
        "refused",
        "nothing listens at this host and port",
        f"start the server, or {_check('HOST and PORT')}",
    ),
    Meaning(
        "could not translate host name|failed to resolve",
        "the host's name is not known",
        _check("HOST"),
    ),
    Meaning("certificate", "its certificate is not trusted", _check("SSL_CERTIFICATE_AUTHORITY")),
    Meaning("does not support ssl", "it does not encrypt", _check("SSL_ENABLE")),
    Meaning("timeout expired|timed out", "it did not answer in time", _check("HOST and PORT")),
    Meaning("no such file", "nothing listens at this socket", _check("HOST and PORT")),
    Meaning(
        "no space left|disk full|could not extend",
        "its disk is full",
        f"make room on the server's disk; {GOES_ON}",
    ),
    Meaning(
        "already exists|unique constraint .pg_",
        "another run created the same at that moment",
        "run it again",
    ),
    Meaning("too many|remaining connection slots", "it has no free connection", OPERATOR),
    Meaning(
        "terminating connection|closed the connection|connection .*(lost|closed|reset)"
        "|starting up|shutting down|recovery mode",
        "it was stopped, or the connection broke",
        f"see that it runs; {GOES_ON}",
    ),
    Meaning("read-only", "it takes no changes: a standby, or read-only", _check("HOST")),
)


def meaning_of(text: str) -> Meaning | None:
    """Return what a text of Postgres or its client library means, None if that is not known."""
    return next((each for each in MEANINGS if re.search(each.sign, text, re.IGNORECASE)), None)


def words_of(error: BaseException) -> str | None:
    """Return the words of Postgres or its client library, None for an error of another origin.

    That is the first line: the further ones may quote the values of a row.
    """
    found = next(_drivers(error), None)
    if found is None:
        return None
    primary = getattr(getattr(found, "diag", None), "message_primary", None)
    lines = str(primary or found).strip().splitlines() or [""]
    [*_, last] = SERVER.split(lines[0])
    return re.sub(r"^.*? failed: +(?:FATAL|PANIC|ERROR): +", "", last).removeprefix(
        "connection failed: "
    )


def missing_login(config: Mapping[str, Any]) -> list[str]:
    """Return the settings that a login needs and that are not set."""
    if config.get("sqlalchemy_url"):
        return []
    return [name for name in NEEDED if not config.get(name)]


def _drivers(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the errors of a Postgres driver that an error was raised from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if type(error).__module__.partition(".")[0] in {"psycopg", "psycopg2"}:
            yield error
        error = getattr(error, "orig", None) or error.__cause__ or error.__context__
