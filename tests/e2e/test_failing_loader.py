"""A loader that fails is reported in one line: who, why, what to do; no traceback follows it.

Each failure is a real one of a real Postgres. Only a full disk is acted: a trigger raises the error
that Postgres raises then, with its code, as a disk of its own would need rights to mount one.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.e2e.test_log_of_a_job import said
from tests.support.warehouse import executable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    from emag_sandbox.postgres.server import Postgres
    from tests.support.meltano_project import MeltanoProject

pytestmark = pytest.mark.meltano

SHOP = SandboxConfig(orders=400, offers=5, returns=5, categories=5, localities=5, limits=False)
MOST_LINES = 20
FULL = """
CREATE FUNCTION emag.full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = '53100',
    MESSAGE = 'could not extend file "base/1/2": No space left on device',
    HINT = 'Check free disk space.';
END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON emag.order_lines EXECUTE FUNCTION emag.full();
"""


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    with Sandbox(SHOP) as sandbox:
        yield sandbox


@pytest.fixture
def project(shop: Sandbox, meltano_project: Callable[..., MeltanoProject]) -> MeltanoProject:
    return meltano_project(shop.url)


@pytest.fixture
def stranger(project: MeltanoProject) -> Iterator[str]:
    """A role of the server without any right."""
    name = f"tap_emag_test_{uuid4().hex[:12]}"
    with psycopg.connect(project.postgres.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'pw'")
        yield name
        connection.execute(f"DROP OWNED BY {name}")
        connection.execute(f"DROP ROLE {name}")


def last_line_of(project: MeltanoProject, *blocks: str, **variables: str) -> str:
    """Run blocks with other variables of the loader; return the loader's line.

    It is the only one of the loader. After it come Meltano's own two lines, and what the tap says
    until it sees that its reader has gone: how soon each of them notices is chance.
    """
    for name, value in variables.items():
        project.pipeline.environment[f"TARGET_POSTGRES_{name}"] = value
    done = project.run(*(blocks or ("tap-emag-orders", "target-postgres")), check=False)
    lines = said(done.output)
    assert done.returncode == 1, done.output
    assert len(done.output.splitlines()) <= MOST_LINES, done.output
    assert "Traceback" not in done.output
    assert "BrokenPipe" not in done.output
    ours = [place for place, (_, source, _) in enumerate(lines) if source == "target-postgres"]
    assert len(ours) == 1, done.output
    level, _, text = lines[ours[0]]
    assert level == "critical"
    after = lines[ours[0] + 1 :]
    assert [source for _, source, _ in after].count("meltano") <= 2, done.output
    tap = [(level, source) for level, source, _ in after if source != "meltano"]
    assert tap in ([("info", "tap-emag-orders")] * count for count in range(3)), done.output
    return text


def test_a_wrong_password(project: MeltanoProject) -> None:
    user = project.pipeline.environment["TARGET_POSTGRES_USER"]
    assert last_line_of(project, PASSWORD="wrong") == (
        f'password authentication failed for user "{user}"; check TARGET_POSTGRES_PASSWORD'
    )


def test_a_server_that_is_down(project: MeltanoProject) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    text = last_line_of(project, "orders", HOST="127.0.0.1", PORT=port)
    assert "onnection refused" in text
    assert text.endswith("start the server, or check TARGET_POSTGRES_HOST and PORT")


def test_a_setting_that_is_missing(project: MeltanoProject) -> None:
    assert last_line_of(project, PASSWORD="", HOST="") == (
        "not set: TARGET_POSTGRES_HOST, TARGET_POSTGRES_PASSWORD; write them into `.env`"
    )


def test_no_right_to_create(project: MeltanoProject, stranger: str) -> None:
    text = last_line_of(project, USER=stranger, PASSWORD="pw")
    assert text.startswith("permission denied for database ")
    assert text.endswith("; GRANT it to this user, as deploy/postgres/warehouse.sql does")


def test_no_right_to_insert(project: MeltanoProject, stranger: str) -> None:
    project.run("tap-emag-orders", "target-postgres")
    with psycopg.connect(project.postgres.dsn, autocommit=True) as connection:
        connection.execute(f"GRANT USAGE, CREATE ON SCHEMA emag TO {stranger}")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA emag TO {stranger}")
    text = last_line_of(project, USER=stranger, PASSWORD="pw")
    assert text.startswith(("permission denied for table ", "must be owner of table "))
    assert text.endswith("; GRANT it to this user, as deploy/postgres/warehouse.sql does")


def test_a_full_disk(project: MeltanoProject) -> None:
    project.run("tap-emag-orders", "target-postgres")
    with psycopg.connect(project.postgres.dsn, autocommit=True) as connection:
        connection.execute(FULL)
    project.pipeline.environment["MELTANO_RUN_FULL_REFRESH"] = "true"
    assert last_line_of(project) == (
        'could not extend file "base/1/2": No space left on device; make room on the server\'s'
        " disk; the next run goes on where this one stopped"
    )


ANA = "Ana Popescu"
SCHEMA = {
    "type": "SCHEMA",
    "stream": "persons",
    "key_properties": ["id"],
    "schema": {"properties": {"id": {"type": "integer"}, "name": {"type": ["string", "null"]}}},
}


def settings_of(database: Postgres) -> dict[str, Any]:
    return {
        **{name: getattr(database, name) for name in ("host", "port", "user", "password")},
        "database": database.database,
        "default_target_schema": "emag",
        "validate_records": False,
    }


def row(number: object) -> str:
    return json.dumps(
        {"type": "RECORD", "stream": "persons", "record": {"id": number, "name": ANA}}
    )


@pytest.mark.parametrize(
    ("last", "settings", "reason"),
    [
        # Of a tap that was killed while it wrote.
        (row(2)[:-4], {}, "a line of its input is not a Singer message: see why the tap ended"),
        (row(None), {}, 'null value in column "id"'),
        (row(ANA), {}, "invalid input syntax for type bigint: ..."),
        (row(ANA), {"validate_records": True}, "InvalidRecord: Record Message Validation Error: "),
        (row(2), {"load_method": "x"}, "'x' is not one of "),
    ],
)
def test_no_value_of_a_row_is_logged(
    database: Postgres,
    meltano_plugins: Path,
    tmp_path: Path,
    last: str,
    settings: dict[str, Any],
    reason: str,
) -> None:
    given = {**settings_of(database), **settings}
    (tmp_path / "config.json").write_text(json.dumps(given), encoding="utf-8")
    loader = executable(meltano_plugins, "loaders", "target-postgres", "emag-loader")
    raised = () if "load_method" in settings else ("raised in", 'File "')
    for level, marks in (("warning", ()), ("DEBUG", raised)):
        done = subprocess.run(
            [loader, "--config", str(tmp_path / "config.json")],
            input="\n".join([json.dumps(SCHEMA), row(1), last]),
            env={"TARGET_POSTGRES_LOGLEVEL": level},
            capture_output=True,
            text=True,
            check=False,
        )
        lines = done.stderr.splitlines()
        assert done.returncode == 1
        assert reason in lines[-1], done.stderr
        assert "CRITICAL" in lines[-1]
        assert ANA not in done.stderr
        assert all(mark in done.stderr for mark in marks)
        assert level == "DEBUG" or len(lines) == 1, done.stderr


LOST = """
CREATE SCHEMA emag;
CREATE TABLE emag.persons (id bigint PRIMARY KEY, name text);
CREATE FUNCTION emag.lost() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_terminate_backend(pg_backend_pid());
  RETURN NEW;
END $$;
CREATE TRIGGER lost BEFORE INSERT ON emag.persons EXECUTE FUNCTION emag.lost();
"""


def test_why_a_connection_was_lost(
    database: Postgres, meltano_plugins: Path, tmp_path: Path
) -> None:
    """The rollback after it fails as well, in other words."""
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute(LOST)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(settings_of(database)), encoding="utf-8")
    done = subprocess.run(
        [
            executable(meltano_plugins, "loaders", "target-postgres", "emag-loader"),
            "--config",
            config,
        ],
        input="\n".join([json.dumps(SCHEMA), row(1)]),
        capture_output=True,
        text=True,
        check=False,
    )
    [line] = done.stderr.splitlines()
    assert line.endswith(
        "terminating connection due to administrator command; see that it runs; the next run"
        " goes on where this one stopped"
    )


def test_a_loader_that_a_signal_ends_is_no_success(
    database: Postgres, meltano_plugins: Path, tmp_path: Path
) -> None:
    """Its input goes on: Meltano would take code 0 for the end of a complete load."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps(settings_of(database)), encoding="utf-8")
    loader = executable(meltano_plugins, "loaders", "target-postgres", "emag-loader")
    pipe = subprocess.PIPE
    command = [str(loader), "--config", str(config)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin
        process.stdin.write("\n".join([json.dumps(SCHEMA), row(1), ""]))
        process.stdin.flush()
        wait_for_table(database)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=120)
    assert process.returncode == 1
    [line] = log.splitlines()
    assert line.endswith(
        "a signal ended it before its input did; the next run goes on where this one stopped"
    )


def wait_for_table(database: Postgres) -> None:
    query = "SELECT to_regclass('emag.persons')"
    until = time.monotonic() + 120
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        while connection.execute(query).fetchone() == (None,):
            assert time.monotonic() < until, "the table did not come about"
            time.sleep(0.05)


def test_a_preparation_that_fails_is_a_warning_of_its_own(project: MeltanoProject) -> None:
    project.pipeline.environment["TARGET_POSTGRES_PASSWORD"] = "wrong"
    lines = said(project.run("emag-ops:prepare-tables").output)
    [text] = [text for _, source, text in lines if source == "emag-ops"]
    assert text == (
        "warning: tables are not prepared: Postgres: it refuses the password, or has no such"
        " user; check TARGET_POSTGRES_PASSWORD"
    )
