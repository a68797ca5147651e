"""What docs/running.md sets up, run for real: roles, databases, a line for cron, the scheduler."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import yaml

from deploy import schedules
from deploy.scheduler import Scheduler
from emag_sandbox import Sandbox, SandboxConfig
from emag_sandbox.postgres.server import LocalPostgres, Postgres
from tests.e2e.deploy.project import ROOT, lay

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from emag_sandbox.shop.shop import Shop

pytestmark = pytest.mark.meltano
PASSWORDS = {"loader_password": "it's l%de\"r \\1", "meltano_password": "m3lt@no/ ü"}
SECRET_FOLDER = "deploy-secrets"


@dataclass(frozen=True)
class Production:
    """A server with the two databases, and a checkout whose `.env` leads there."""

    project: Path
    sandbox: Sandbox
    owner: Postgres
    loader: Postgres
    meltano: Postgres
    environment: Mapping[str, str]

    def keys(self, database: Postgres | None = None) -> set[tuple[int, int]]:
        with (database or self.loader).connect() as connection:
            return set(connection.execute("SELECT type, id FROM emag.orders").fetchall())

    def booked(self) -> list[tuple[str, str]]:
        query = "SELECT job_name, state FROM runs ORDER BY id"
        with self.meltano.connect() as connection:
            return connection.execute(query).fetchall()

    def state(self) -> Any:  # noqa: ANN401 - JSON
        query = "SELECT completed_state::json -> 'singer_state' -> 'bookmarks' FROM state"
        with self.meltano.connect() as connection:
            [(bookmarks,)] = connection.execute(query).fetchall()
        return bookmarks


def _as(owner: Postgres, user: str, password: str, database: str) -> Postgres:
    return Postgres(
        host=owner.host, port=owner.port, user=user, password=password, database=database
    )


def _prepare(server: LocalPostgres, secrets: Path) -> Postgres:
    """Let the script that prepares the container's Postgres prepare this one."""
    owner = server.at("postgres")
    owner.drop_database("emag")  # made by the sandbox; the script makes its own
    secrets.mkdir()
    for name, password in PASSWORDS.items():
        (secrets / name).write_text(password, encoding="utf-8")
    subprocess.run(
        ["sh", str(ROOT / "deploy/compose/postgres-init.sh")],
        env={
            "PATH": f"{server.psql.parent}:{os.environ['PATH']}",
            "SQL": str(ROOT / "deploy/postgres"),
            "SECRETS": str(secrets),
            "POSTGRES_USER": owner.user,
            "PGHOST": owner.host,
            "PGPORT": str(owner.port),
            "PGPASSWORD": owner.password,
            "PGCLIENTENCODING": "UTF8",
        },
        check=True,
    )
    return owner


@pytest.fixture(scope="module")
def production(
    meltano_plugins: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Production]:
    folder = tmp_path_factory.mktemp("production")
    config = SandboxConfig(orders=300, offers=0, history_days=40)
    with LocalPostgres() as server, Sandbox(config) as sandbox:
        owner = _prepare(server, folder / SECRET_FOLDER)
        loader = _as(owner, "emag_loader", PASSWORDS["loader_password"], "emag")
        meltano = _as(owner, "emag_meltano", PASSWORDS["meltano_password"], "meltano")
        environment = {
            "MELTANO_ENVIRONMENT": "prod",
            "MELTANO_DATABASE_URI": meltano.dsn.replace("postgresql:", "postgresql+psycopg:"),
            "TARGET_POSTGRES_SQLALCHEMY_URL": loader.dsn.replace(
                "postgresql:", "postgresql+psycopg:"
            ),
            "TAP_EMAG_USERNAME": "demo",
            "TAP_EMAG_PASSWORD": "demo",
            "TAP_EMAG_API_URL": sandbox.url,
            "TAP_EMAG_STATE_DIR": str(folder / "state"),
        }
        project = lay(folder / "tap-emag", meltano_plugins, environment)
        yield Production(project, sandbox, owner, loader, meltano, environment)


@pytest.fixture(scope="module")
def loaded(production: Production) -> Production:
    """Run the crontab's line of the orders, as cron does: by `sh`, in a bare environment."""
    text = (ROOT / "deploy/cron/tap-emag.crontab").read_text(encoding="utf-8")
    [line] = re.findall(r"(?m)^2-57/5 \* \* \* \* (.+)$", text)
    bare = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(production.project.parent)}
    subprocess.run(
        ["/bin/sh", "-c", line],
        env={**bare, "SHELL": "/bin/sh", "PROJECT": str(production.project)},
        check=False,  # the end of the line is `logger`, whose code says nothing
    )
    assert production.booked() == [("prod:tap-emag-orders-to-target-postgres", "SUCCESS")]
    return production


def _truth(world: Shop) -> set[tuple[int, int]]:
    return set(world.order_keys())


def test_the_line_for_cron_loads_all_orders(loaded: Production) -> None:
    assert loaded.keys() == _truth(loaded.sandbox.world)
    assert list(loaded.project.glob(".meltano/run/**/*.config.json")) == []


def test_the_scheduler_s_run_goes_on_from_the_state_in_postgres(
    loaded: Production, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only the environment tells it anything: no `.env`, as in a container.
    (loaded.project / ".env").rename(loaded.project / ".env.away")
    for name, value in loaded.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    before = loaded.state()
    loaded.sandbox.world.burst(5, at=loaded.sandbox.clock.moment() - timedelta(minutes=10))
    first = len(list(loaded.sandbox.log))
    loaded.sandbox.log.clear()
    planned = schedules.read(loaded.project)
    noon = datetime(2026, 11, 25, 12, 1, tzinfo=timezone.utc)
    scheduler = Scheduler(loaded.project, planned, noon)
    scheduler.tick(noon + timedelta(minutes=1))
    assert list(scheduler.running) == ["orders"]
    assert scheduler.running["orders"].wait(300) == 0
    assert 0 < len(list(loaded.sandbox.log)) < first / 2  # not all the days again
    assert loaded.booked() == [("prod:tap-emag-orders-to-target-postgres", "SUCCESS")] * 2
    assert loaded.keys() == _truth(loaded.sandbox.world)
    assert loaded.state()["orders"].keys() == before["orders"].keys()


def test_the_loader_can_do_nothing_outside_its_schema(loaded: Production) -> None:
    refused = [
        "CREATE TABLE public.mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "DROP SCHEMA public",
        "CREATE DATABASE mine",
        "SELECT pg_read_file('/etc/hostname')",
    ]
    with loaded.loader.connect() as connection:
        for statement in refused:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        loaded.loader.at("meltano").connect()
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        loaded.meltano.at("emag").connect()


def test_a_reader_sees_tables_and_views_and_changes_nothing(loaded: Production) -> None:
    with loaded.loader.connect() as connection:
        comment = connection.execute("SELECT obj_description('emag.orders'::regclass)").fetchone()
        assert comment == ("An order, as it is now.",), "only the owner can write it"
        connection.execute("CREATE VIEW emag.newest AS SELECT max(modified) FROM emag.orders")
    with loaded.owner.connect() as connection:
        connection.execute("CREATE ROLE analyst LOGIN PASSWORD 'a' IN ROLE emag_reader")
    analyst = _as(loaded.owner, "analyst", "a", "emag")
    assert loaded.keys(analyst) == loaded.keys()
    with analyst.connect() as connection:
        assert connection.execute("SELECT * FROM emag.newest").fetchone() != (None,)
        for statement in (
            "DELETE FROM emag.orders",
            "CREATE TABLE emag.mine (id int)",
            "CREATE TABLE public.mine (id int)",
            "CREATE TEMPORARY TABLE mine (id int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_the_scheduler_tells_that_it_lives_and_ends_when_it_is_told(loaded: Production) -> None:
    command = [sys.executable, "-m", "deploy.scheduler"]
    alive = loaded.project.parent / "alive"
    environment = {**os.environ, **loaded.environment, "SCHEDULER_ALIVE": str(alive)}
    process = subprocess.Popen(
        command, cwd=loaded.project, env=environment, stderr=subprocess.PIPE, text=True
    )
    health = [*command, "--healthy"]
    try:
        until = time.monotonic() + 120
        while not alive.exists():
            assert time.monotonic() < until, "it did not come about"
            time.sleep(0.05)
        assert subprocess.run(health, cwd=ROOT, env=environment, check=False).returncode == 0
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert " schedules: orders, " in log
    assert subprocess.run(health, cwd=ROOT, env=environment, check=False).returncode == 1


def test_an_account_can_be_tried_with_one_command(loaded: Production) -> None:
    page = (ROOT / "docs/running.md").read_text(encoding="utf-8")
    [line] = re.findall(r"(?m)^sudo -H -u emag (\S+ invoke tap-emag --test)$", page)
    done = subprocess.run(
        ["sh", "-c", line],
        cwd=loaded.project,
        env={**os.environ, **loaded.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "the settings are good" in done.stdout


def test_what_the_container_serves_metrics_with_says_that_it_is_well(loaded: Production) -> None:
    compose = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text(encoding="utf-8"))
    service = compose["services"]["metrics"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    there = {"/project": str(loaded.project), "8000": str(port), "0.0.0.0": "127.0.0.1"}
    [*_, check] = service["healthcheck"]["test"]
    command = service["command"]
    for old, new in there.items():
        command = [word.replace(old, new) for word in command]
        check = check.replace(old, new)
    environment = {**os.environ, "MELTANO_PROJECT_ROOT": str(loaded.project)}
    given = {
        name: loaded.environment[name] for name in ("MELTANO_DATABASE_URI", "TAP_EMAG_STATE_DIR")
    }
    process = subprocess.Popen(command, env={**environment, **given})
    try:
        until = time.monotonic() + 120
        while subprocess.run(
            [sys.executable, "-c", check], check=False, stderr=subprocess.DEVNULL
        ).returncode:
            assert time.monotonic() < until, "it did not come about"
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
