"""A Postgres that is killed comes back with what it had committed, where it was."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.crash.server import mortal_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.crash.server import MortalPostgres


@pytest.fixture(scope="module")
def server() -> Iterator[MortalPostgres]:
    with mortal_postgres() as server:
        with server.connect() as connection:
            connection.execute("CREATE TABLE numbers (number integer PRIMARY KEY)")
        yield server


def numbers(server: MortalPostgres) -> list[int]:
    with server.connect() as connection:
        return [row[0] for row in connection.execute("SELECT number FROM numbers ORDER BY 1")]


def broken(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    """Wait for the server to notice, and to drop a connection."""
    until = time.monotonic() + 120
    with suppress(psycopg.OperationalError):
        while time.monotonic() < until:
            connection.execute("SELECT 1")
            time.sleep(0.01)
        return False
    return True


def test_what_was_committed_outlives_its_server(server: MortalPostgres) -> None:
    port = server.port
    with closing(server.connect()) as connection:
        for number in range(100):
            connection.execute("INSERT INTO numbers VALUES (%s)", [number])
        server.kill()
        assert server.dead
        assert broken(connection)  # what serves it notices, in its own time
    server.revive()
    assert server.port == port
    assert numbers(server) == list(range(100))


def test_what_was_not_committed_is_gone(server: MortalPostgres) -> None:
    before = numbers(server)
    with closing(server.connect()) as connection:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO numbers VALUES (1000)")
        server.kill()
    server.revive()
    assert numbers(server) == before


def test_a_killed_backend_takes_all_others_with_it_and_the_server_goes_on(
    server: MortalPostgres,
) -> None:
    pid = server.pid
    with closing(server.connect()) as one, closing(server.connect()) as other:
        assert len(server.backends(server.database)) == 2
        os.kill(one.info.backend_pid, signal.SIGKILL)
        for connection in (one, other):
            assert broken(connection)
    server.revive()
    assert server.pid == pid
    assert server.backends("another") == []


def test_to_revive_a_server_that_lives_does_nothing(server: MortalPostgres) -> None:
    pid = server.pid
    server.revive()
    assert server.pid == pid
