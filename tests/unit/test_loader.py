"""The loader's command: the last line names what went wrong, and Meltano's rows are taken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tap_emag.postgres_errors import cause_of, login_problem

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
WHO = "CRITICAL:target-postgres:"
REFUSED = (
    'connection failed: connection to server at "127.0.0.1", port 5432 failed:'
    ' FATAL:  password authentication failed for user "emag_loader"'
)
DOWN = (
    'connection failed: connection to server at "127.0.0.1", port 5432 failed: Connection refused'
    "\n\tIs the server running on that host and accepting TCP/IP connections?"
)
# An error of a login has no code.
GERMAN = (
    'connection failed: connection to server at "::1", port 5432 failed: FATAL:'
    "  Datenbank »x« existiert nicht"
)
FAKE = """
import logging, sys
class TargetPostgres:
    def cli(standalone_mode):
        logging.info("INSERT INTO orders")
        sys.stdin.readline()
        {act}
"""


class WrappedError(Exception):
    """As SQLAlchemy wraps a driver's error."""

    def __init__(self, orig: Exception) -> None:
        super().__init__("(psycopg.Error) … [SQL: INSERT …] [parameters: …]")
        self.orig = orig


LOGIN = "check TARGET_POSTGRES_HOST, PORT, USER, PASSWORD and DATABASE"
GOES_ON = "the next run goes on where this one stopped"
SQL = "TARGET_POSTGRES_LOGLEVEL=INFO shows the statement"
COMPLETE = {"host": "h", "user": "u", "password": "p", "database": "d"}
WRITE = "write postgresql+psycopg://user:password@host/database, and %40 for @ in a password"


@pytest.mark.parametrize(
    ("text", "words", "remedy"),
    [
        (
            REFUSED,
            'password authentication failed for user "emag_loader"',
            "check TARGET_POSTGRES_PASSWORD",
        ),
        (
            DOWN,
            'connection to server at "127.0.0.1", port 5432 failed: Connection refused',
            "start the server, or check TARGET_POSTGRES_HOST and PORT",
        ),
        (
            'connection is bad: invalid port number: "99999"',
            'invalid port number: "99999"',
            "check TARGET_POSTGRES_PORT",
        ),
        (
            "permission denied for table orders",
            "permission denied for table orders",
            "GRANT it to this user, as deploy/postgres/warehouse.sql does",
        ),
        (
            "must be owner of table orders",
            "must be owner of table orders",
            "make this user its owner: ALTER TABLE … OWNER TO …",
        ),
        (
            'role "x" is not permitted to log in',
            'role "x" is not permitted to log in',
            "ask who runs the server",
        ),
        (
            "terminating connection due to administrator command\nserver closed the connection",
            "terminating connection due to administrator command",
            f"see that it runs; {GOES_ON}",
        ),
        (
            "consuming input failed: could not receive data from server: Connection timed out",
            "consuming input failed: could not receive data from server: Connection timed out",
            f"see that it runs; {GOES_ON}",
        ),
        (
            "terminating connection due to idle-in-transaction timeout",
            "terminating connection due to idle-in-transaction timeout",
            "raise this limit for the user: ALTER ROLE … SET …",
        ),
        (
            'server certificate for "a" does not match host name "b"',
            'server certificate for "a" does not match host name "b"',
            "check TARGET_POSTGRES_HOST",
        ),
        (
            GERMAN,
            "Datenbank »x« existiert nicht",
            LOGIN,
        ),
    ],
)
def test_the_words_of_postgres_are_found_and_have_a_remedy(
    text: str, words: str, remedy: str
) -> None:
    found = cause_of(WrappedError(psycopg.OperationalError(text)), COMPLETE)
    assert found
    assert (found.words, found.remedy) == (words, remedy)


@pytest.mark.parametrize(
    ("kind", "text", "remedy"),
    [
        (psycopg.errors.InsufficientPrivilege, "keine Berechtigung für Tabelle t", "GRANT it"),
        (psycopg.errors.DiskFull, "auf dem Gerät ist kein Platz", "make room on"),
        (psycopg.errors.QueryCanceled, "storniere Anfrage", "ask who runs the server"),
        (psycopg.errors.AdminShutdown, "breche Verbindung ab", "see that it runs"),
        (psycopg.errors.DivisionByZero, "Division durch Null", SQL),
    ],
)
def test_a_server_that_speaks_another_language_is_understood_by_its_codes(
    kind: type[psycopg.Error], text: str, remedy: str
) -> None:
    found = cause_of(WrappedError(kind(text)), COMPLETE)
    assert found
    assert found.words == text
    assert found.remedy.startswith(remedy)


def test_with_an_address_the_remedy_names_the_address() -> None:
    config = {"sqlalchemy_url": "postgresql://u:p@h/d"}
    for text in (REFUSED, DOWN, "Datenbank »x« existiert nicht", "certificate verify failed"):
        found = cause_of(psycopg.OperationalError(text), config)
        assert found
        assert found.remedy.endswith("check TARGET_POSTGRES_SQLALCHEMY_URL")


def test_an_error_of_another_origin_has_no_words_of_postgres() -> None:
    assert cause_of(KeyError("x"), COMPLETE) is None


def test_a_rollback_that_fails_does_not_hide_why_the_connection_was_lost() -> None:
    error = psycopg.OperationalError("the connection is lost")
    error.__context__ = psycopg.errors.AdminShutdown("terminating connection")
    found = cause_of(WrappedError(error), COMPLETE)
    assert found
    assert found.words == "terminating connection"


def test_the_values_of_a_row_are_not_among_the_words() -> None:
    error = psycopg.errors.NotNullViolation("null value\nDETAIL:  Failing row contains (Ana).")
    invalid = psycopg.errors.InvalidTextRepresentation('invalid input for type bigint: "Ana"')
    found = [cause_of(each, COMPLETE) for each in (error, invalid)]
    assert [each and each.words for each in found] == [
        *("null value", "invalid input for type bigint: …")
    ]


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (COMPLETE, None),
        (
            {**COMPLETE, "password": "", "database": None},
            (
                "not set: TARGET_POSTGRES_PASSWORD, TARGET_POSTGRES_DATABASE",
                "write them into `.env`",
            ),
        ),
        ({**COMPLETE, "host": "/a..b/"}, None),
        *(
            (
                {**COMPLETE, "host": host},
                ("TARGET_POSTGRES_HOST: is not the name of a host", "write a name or an address"),
            )
            for host in ("a..b", "x" * 70)
        ),
        (
            {**COMPLETE, "port": "54x"},
            ("TARGET_POSTGRES_PORT: is not a number", "write one, such as 5432"),
        ),
        *(
            ({"sqlalchemy_url": address}, None)
            for address in (
                "postgresql://h",
                "postgresql+psycopg://u:p%40/#ss@h:5432/d?sslmode=require",
                "postgresql+psycopg2://u:p@[::1]:5432/d",
                "postgresql+psycopg://postgres:@/postgres?host=/a/b",
            )
        ),
        *(
            (
                {"sqlalchemy_url": address},
                ("TARGET_POSTGRES_SQLALCHEMY_URL: is not an address", WRITE),
            )
            for address in (
                "postgres://u:p@h/d",  # as some hosts give it; SQLAlchemy has dropped it
                "mysql://u:p@h/d",
                "postgresql://u:p@ss@h/d",
                "postgresql://u:p@s/s@h:5432/d",
                "postgresql://u:p@h:54x/d",
                "postgresql://u:p@h:/d",
                "postgresql://u:p@a..b/d",
                "h",
            )
        ),
    ],
)
def test_settings_that_a_login_needs_are_named(
    config: dict[str, object], problem: tuple[str, str] | None
) -> None:
    assert login_problem(config) == problem


def test_an_authority_that_is_not_a_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config: dict[str, object] = {**COMPLETE, "ssl_enable": True, "ssl_mode": "require"}
    for given in ("~/.postgresql/root.crl", "/nowhere/ca.pem", "-----BEGIN " * 1000, None):
        problem = login_problem({**config, "ssl_certificate_authority": given})
        assert problem
        assert problem[0] == "TARGET_POSTGRES_SSL_CERTIFICATE_AUTHORITY: is not a file"
    (tmp_path / "ca.pem").touch()
    assert login_problem({**config, "ssl_certificate_authority": "ca.pem"}) is None
    (tmp_path / ".secrets").mkdir()  # where the loader writes a certificate that is no file
    assert login_problem({**config, "ssl_certificate_authority": "-----BEGIN"}) is None


@pytest.fixture
def loader(tmp_path: Path) -> Callable[[str], subprocess.Popen[bytes]]:
    """Start the command with a loader that reads a line, then acts as its arguments name."""

    def start(act: str) -> subprocess.Popen[bytes]:
        (tmp_path / "target_postgres").mkdir()
        (tmp_path / "target_postgres" / "__init__.py").touch()
        (tmp_path / "target_postgres" / "sinks.py").write_text("PostgresSink = object")
        (tmp_path / "target_postgres" / "target.py").write_text(FAKE.format(act=act))
        paths = os.pathsep.join([str(tmp_path), str(ROOT)])
        return subprocess.Popen(
            [sys.executable, "-m", "tap_emag.loader"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": paths},
        )

    return start


def test_a_loader_that_succeeds_logs_nothing(
    loader: Callable[[str], subprocess.Popen[bytes]],
) -> None:
    process = loader("return 0")
    _, log = process.communicate(b"{}\n", timeout=60)
    assert (process.returncode, log) == (0, b"")


def test_a_loader_that_fails_takes_what_is_under_way_and_logs_one_line(
    loader: Callable[[str], subprocess.Popen[bytes]],
) -> None:
    process = loader("raise KeyError('orders of ana@example.invalid')")
    assert process.stdin
    for _ in range(100):  # more than a pipe keeps, so that it has to be read
        process.stdin.write(b"x" * 65_536)
        process.stdin.write(b"\n")
    process.stdin.flush()
    assert process.wait(60) == 1
    assert process.stderr
    [line] = process.stderr.read().decode().splitlines()
    assert line == f"{WHO}KeyError: 'orders of …; TARGET_POSTGRES_LOGLEVEL=INFO shows where"
    process.stderr.close()
    process.stdin.close()


@pytest.mark.parametrize(
    ("errors", "reason"),
    [
        ([], "its settings are invalid"),
        (
            ["'x' is not one of y in config['load_method']", "Config validation failed"],
            "'x' is not one of y in config['load_method']",
        ),
    ],
)
def test_settings_that_the_loader_refuses_are_named_in_the_last_line(
    loader: Callable[[str], subprocess.Popen[bytes]], errors: list[str], reason: str
) -> None:
    log_errors = f"[logging.getLogger('target-postgres').error(each) for each in {errors!r}]"
    process = loader(f"{log_errors}; return 1")
    _, log = process.communicate(b"{}\n", timeout=60)
    assert process.returncode == 1
    [line] = log.decode().splitlines()
    assert line == f"{WHO}{reason}; check its settings, TARGET_POSTGRES_…"
