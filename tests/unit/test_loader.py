"""The loader's command: the last line names what went wrong, and Meltano's rows are taken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tap_emag.postgres_errors import meaning_of, missing_login, words_of

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
            "permission denied for table orders",
            "permission denied for table orders",
            "GRANT it to this user, as deploy/postgres/warehouse.sql does",
        ),
        (
            "terminating connection due to administrator command\nserver closed the connection",
            "terminating connection due to administrator command",
            "see that it runs; the next run goes on where this one stopped",
        ),
    ],
)
def test_the_words_of_postgres_are_found_and_have_a_remedy(
    text: str, words: str, remedy: str
) -> None:
    found = words_of(WrappedError(psycopg.OperationalError(text)))
    assert found == words
    meaning = meaning_of(words)
    assert meaning
    assert meaning.remedy == remedy


def test_an_error_of_another_origin_has_no_words_of_postgres() -> None:
    assert words_of(KeyError("x")) is None
    assert meaning_of("a column is too narrow") is None


def test_the_values_of_a_row_are_not_among_the_words() -> None:
    error = psycopg.errors.NotNullViolation("null value\nDETAIL:  Failing row contains (Ana).")
    assert words_of(error) == "null value"


def test_settings_that_a_login_needs_are_named() -> None:
    assert missing_login({"host": "x", "user": "y", "password": ""}) == ["password", "database"]
    assert missing_login({"sqlalchemy_url": "postgresql://x"}) == []


@pytest.fixture
def loader(tmp_path: Path) -> Callable[[str], subprocess.Popen[bytes]]:
    """Start the command with a loader that reads a line, then acts as its arguments name."""

    def start(act: str) -> subprocess.Popen[bytes]:
        (tmp_path / "target_postgres").mkdir()
        (tmp_path / "target_postgres" / "__init__.py").touch()
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


def test_settings_that_the_loader_refuses_have_a_last_line(
    loader: Callable[[str], subprocess.Popen[bytes]],
) -> None:
    process = loader("return 1")
    _, log = process.communicate(b"{}\n", timeout=60)
    assert process.returncode == 1
    [line] = log.decode().splitlines()
    assert line == f"{WHO}its settings are invalid, as the lines above show"
