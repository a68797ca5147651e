"""The ways in which a loader fails, each for real, and the line that reports each.

Only a full disk is acted: a trigger raises the error that Postgres raises then, with its code, as a
disk of its own would need rights to mount one.
"""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emag_sandbox.postgres.server import Postgres

FULL = """
CREATE FUNCTION full_disk() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = '53100',
    MESSAGE = 'could not extend file "base/1/2": No space left on device',
    HINT = 'Check free disk space.';
END $$;
CREATE EVENT TRIGGER full_disk ON ddl_command_start WHEN TAG IN ('CREATE TABLE')
EXECUTE FUNCTION full_disk();
"""


class Cause(NamedTuple):
    """One cause: the variables that differ from those of a loader that works, and its line."""

    name: str
    variables: dict[str, str]
    line: str

    def is_reason(self, text: str) -> bool:
        """Return whether a text ends with the loader's name and its line."""
        return bool(re.search(rf"target-postgres: {self.line}$", text, re.MULTILINE))


def causes(database: Postgres) -> Iterator[Cause]:
    """Yield each cause of an empty database, which lasts until the next one is asked for."""
    yield Cause(
        "a wrong password",
        {"TARGET_POSTGRES_PASSWORD": "a wrong one"},
        r'password authentication failed for user "\S+"; check TARGET_POSTGRES_PASSWORD',
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    yield Cause(
        "a server that is down",
        {"TARGET_POSTGRES_HOST": "127.0.0.1", "TARGET_POSTGRES_PORT": port},
        r".*onnection refused.*; start the server, or check TARGET_POSTGRES_HOST and PORT",
    )
    yield Cause(
        "a setting that is missing",
        {"TARGET_POSTGRES_DATABASE": ""},
        r"not set: TARGET_POSTGRES_DATABASE; write them into `\.env`",
    )
    stranger = f"tap_emag_test_{uuid4().hex[:12]}"
    role = sql.Identifier(stranger)
    with database.connect() as connection:
        connection.autocommit = True
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'pw'").format(role))
        try:
            yield Cause(
                "a right that is missing",
                {"TARGET_POSTGRES_USER": stranger, "TARGET_POSTGRES_PASSWORD": "pw"},
                r"permission denied for database .*; GRANT it to this user, as \S+ does",
            )
        finally:
            connection.execute(sql.SQL("DROP ROLE {}").format(role))
        connection.execute(FULL)
        try:
            yield Cause(
                "a full disk",
                {},
                r"could not extend file .*: No space left on device; make room on the server's"
                r" disk; the next run goes on where this one stopped",
            )
        finally:
            connection.execute("DROP EVENT TRIGGER full_disk")
