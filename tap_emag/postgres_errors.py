"""What errors of Postgres mean, and what to do about each: for the loader and for the doctor.

The words of Postgres and of its client library name the cause; they are the same in every driver.
A server may speak another language than English: then its state code names the cause. An error of
a login has no such code.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NEEDED: Final = ("host", "user", "password", "database")
TRUE: Final = ("true", "1", "yes", "on")
SERVER: Final = re.compile(r"^(?:FATAL|PANIC|ERROR): +", re.MULTILINE)
# As SQLAlchemy reads it: user and password, host, port, database, options.
ADDRESS: Final = re.compile(
    r"postgresql(?:\+psycopg2?)?://(?:[^@]*@)?(?P<host>\[[^\]]*\]|[^@:/?]*)(?::\d+)?(?:/[^@?]*)?"
    r"(?:\?.*)?"
)
SETTINGS: Final = re.compile(r"TARGET_POSTGRES_[A-Z_]+(?:(?:, | and )[A-Z]+)*")
INVALID_VALUE: Final = "22"  # the class of errors whose words quote a value of a row


class Meaning(NamedTuple):
    """One cause: how to recognise it in a text, what it means, and the next step.

    Its `codes` are the beginnings of Postgres' state codes that have no other cause.
    """

    sign: str
    meaning: str
    remedy: str
    codes: tuple[str, ...] = ()


class Cause(NamedTuple):
    """Why Postgres has failed: its own words, what they mean, and the next step."""

    words: str
    meaning: str
    remedy: str


def _check(setting: str) -> str:
    return f"check TARGET_POSTGRES_{setting}"


OPERATOR: Final = "ask who runs the server"
GOES_ON: Final = "the next run goes on where this one stopped"
GRANT: Final = "GRANT it to this user, as deploy/postgres/warehouse.sql does"
LOGIN: Final = _check("HOST, PORT, USER, PASSWORD and DATABASE")
NO_ADDRESS: Final = "TARGET_POSTGRES_SQLALCHEMY_URL: is not an address"
WRITE_ADDRESS: Final = (
    "write postgresql+psycopg://user:password@host/database, and %40 for @ in a password"
)
ENCRYPT: Final = "encrypt without one: TARGET_POSTGRES_SQLALCHEMY_URL with ?sslmode=require"
STATEMENT: Final = "TARGET_POSTGRES_LOGLEVEL=INFO shows the statement"
MEANINGS: Final = (
    Meaning(
        "password authentication failed",
        "it refuses the password, or has no such user",
        _check("PASSWORD"),
    ),
    Meaning("no password supplied", "it asks for a password", _check("PASSWORD")),
    Meaning(
        r"pg_hba\.conf|not permitted to log in|not currently accepting connections",
        "it refuses this machine, user or database",
        OPERATOR,
    ),
    Meaning(
        "permission denied for database",
        "the user may not connect to the database, or not create a schema in it",
        GRANT,
    ),
    Meaning(
        "must be owner",
        "another role owns it",
        "make this user its owner: ALTER TABLE … OWNER TO …",
    ),
    Meaning("permission denied", "the user lacks a right", GRANT, ("42501",)),
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
    Meaning("invalid port", "the port is not one", _check("PORT")),
    Meaning("match host name", "its certificate belongs to another host", _check("HOST")),
    Meaning("client certificate", "it asks for a certificate of this machine", OPERATOR),
    Meaning("certificate", "its certificate is not trusted", _check("SSL_CERTIFICATE_AUTHORITY")),
    Meaning("does not support ssl", "it does not encrypt", _check("SSL_ENABLE")),
    Meaning("socket .*no such file", "nothing listens at this socket", _check("HOST and PORT")),
    Meaning(
        "no space left|disk full|could not extend",
        "its disk is full",
        f"make room on the server's disk; {GOES_ON}",
        ("53100",),
    ),
    Meaning(
        "already exists|unique constraint .pg_",
        "another run created the same at that moment",
        "run it again",
        ("42P06", "42P07"),
    ),
    Meaning(
        "too many (connections|clients)|remaining connection slots",
        "it has no free connection",
        OPERATOR,
        ("53300",),
    ),
    Meaning(
        "(statement|transaction|session) timeout",
        "it allows less time than a load takes",
        "raise this limit for the user: ALTER ROLE … SET …",
        ("25P03", "57P05"),
    ),
    Meaning(
        "lock timeout|deadlock",
        "another session has locked the table",
        f"end that session; {GOES_ON}",
        ("40P01", "55P03"),
    ),
    Meaning("canceling statement", "the statement was ended", f"{OPERATOR}; {GOES_ON}", ("57014",)),
    Meaning(
        "terminating connection|closed the connection|connection .*(lost|closed|reset)"
        "|consuming input|(receive|send) data|starting up|shutting down|recovery mode",
        "it was stopped, or the connection broke",
        f"see that it runs; {GOES_ON}",
        ("08", "57P01", "57P02", "57P03"),
    ),
    Meaning("timeout expired|timed out", "it did not answer in time", _check("HOST and PORT")),
    Meaning(
        "read-only",
        "it takes no changes: a standby, or read-only",
        f"name another server in TARGET_POSTGRES_HOST, or {OPERATOR}",
        ("25006",),
    ),
)


def cause_of(error: BaseException, config: Mapping[str, Any]) -> Cause | None:
    """Return why Postgres has failed, None for an error of another origin.

    Args:
        error: The error of a driver, or one that was raised from it.
        config: The loader's settings.
    """
    drivers = [*_drivers(error)]
    if not drivers:
        return None
    found = drivers[-1]  # after it, a rollback may have failed only as the connection was lost
    words = _words(found)
    code = str(getattr(found, "sqlstate", None) or getattr(found, "pgcode", None) or "")
    if code.startswith(INVALID_VALUE):
        words = re.sub(r'".*', "…", words)
    known = _meaning(words, code)
    kinds = [kind.__name__ for kind in type(found).__mro__]
    unknown = (f"it failed ({kinds[0]})", STATEMENT if code or "DataError" in kinds else LOGIN)
    cause = Cause(words, *(known[1:3] if known else unknown))
    if not config.get("sqlalchemy_url") or cause.remedy == STATEMENT:
        return cause
    return cause._replace(remedy=SETTINGS.sub("TARGET_POSTGRES_SQLALCHEMY_URL", cause.remedy))


def missing_login(config: Mapping[str, Any]) -> list[str]:
    """Return the settings that a login needs and that are not set."""
    if config.get("sqlalchemy_url"):
        return []
    return [name for name in NEEDED if not config.get(name)]


def login_problem(config: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return why the loader cannot try a login, and what to do; None if it can."""
    if address := config.get("sqlalchemy_url"):
        found = ADDRESS.fullmatch(str(address))
        return None if found and _is_host(found["host"]) else (NO_ADDRESS, WRITE_ADDRESS)
    absent = [f"TARGET_POSTGRES_{name.upper()}" for name in missing_login(config)]
    if absent:
        return f"not set: {', '.join(absent)}", "write them into `.env`"
    if not _is_host(str(config["host"])):
        return "TARGET_POSTGRES_HOST: is not the name of a host", "write a name or an address"
    if not str(config.get("port") or 0).isdecimal():
        return "TARGET_POSTGRES_PORT: is not a number", "write one, such as 5432"
    if str(config.get("ssl_enable")).lower() in TRUE and not _has_authority(config):
        return (
            "TARGET_POSTGRES_SSL_CERTIFICATE_AUTHORITY: is not a file",
            f"write the path of the authority's certificate, or {ENCRYPT}",
        )
    return None


def _is_host(text: str) -> bool:
    """Return whether Python can look a host up; drivers raise an error of another kind if not."""
    try:
        text.encode("idna")
    except UnicodeError:
        return text.startswith("/")  # the folder of a socket
    return True


def _has_authority(config: Mapping[str, Any]) -> bool:
    """Return whether the loader finds a certificate, or can write the one in its setting."""
    folder = Path(str(config.get("ssl_storage_directory") or ".secrets"))
    try:
        return Path(str(config.get("ssl_certificate_authority"))).is_file() or folder.is_dir()
    except (OSError, ValueError):
        return folder.is_dir()


def _meaning(text: str, code: str) -> Meaning | None:
    """Return what words mean, or else what a state code means; None if neither is known."""
    by_words = (each for each in MEANINGS if re.search(each.sign, text, re.IGNORECASE))
    by_code = (each for each in MEANINGS if each.codes and code.startswith(each.codes))
    return next(by_words, None) or next(by_code, None)


def _words(error: BaseException) -> str:
    """Return the first line of an error's words: the further ones may quote the values of a row."""
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    lines = str(primary or error).strip().splitlines() or [""]
    [*_, last] = SERVER.split(lines[0])
    last = re.sub(r"^.*? failed: +(?:FATAL|PANIC|ERROR): +", "", last)
    return re.sub(r"^connection (?:failed|is bad): ", "", last)


def _drivers(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the errors of a Postgres driver that an error was raised from, the last one first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if type(error).__module__.partition(".")[0] in {"psycopg", "psycopg2"}:
            yield error
        error = getattr(error, "orig", None) or error.__cause__ or error.__context__
