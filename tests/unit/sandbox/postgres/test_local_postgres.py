"""Real servers, started, killed and started again."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest

from emag_sandbox.postgres.server import (
    PREFIX,
    ExternalPostgres,
    LocalPostgres,
    PostgresError,
    open_postgres,
)

if TYPE_CHECKING:
    from emag_sandbox.postgres.server import Postgres

ROOT = Path(__file__).resolve().parents[4]


def test_it_serves_on_loopback_with_a_password_and_in_utc(postgres: Postgres) -> None:
    with postgres.connect() as connection:
        row = connection.execute("SELECT current_setting('timezone'), lower('ȘĂÎ')").fetchone()
    assert row == ("UTC", "șăî")
    assert postgres.environment()


def test_a_wrong_password_is_refused() -> None:
    with LocalPostgres() as server, pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(server.dsn.replace(server.password, "guess"))


def test_nothing_is_left_when_it_ends() -> None:
    with LocalPostgres() as server:
        folder, pid = server.folder, server.pid
        assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
    assert not folder.exists()
    assert not psutil.pid_exists(pid)


def test_it_goes_when_what_runs_inside_fails() -> None:
    server = LocalPostgres()
    with pytest.raises(ZeroDivisionError), server:
        raise ZeroDivisionError
    assert not server.folder.exists()


def test_two_at_once_do_not_meet() -> None:
    def serve(number: int) -> int:
        with LocalPostgres() as server, server.connect() as connection:
            connection.execute("CREATE TABLE mark AS SELECT %s::int AS number", [number])
            time.sleep(0.5)
            row = connection.execute("SELECT number FROM mark").fetchone()
            return int(row[0]) if row else -1

    with ThreadPoolExecutor() as threads:
        assert list(threads.map(serve, range(3))) == [0, 1, 2]


def test_a_given_folder_keeps_its_data(tmp_path: Path) -> None:
    folder = _reachable(tmp_path)
    with LocalPostgres(folder) as server, server.connect() as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    with LocalPostgres(folder) as server, server.connect() as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_a_folder_serves_one_process_at_a_time(tmp_path: Path) -> None:
    folder = _reachable(tmp_path)
    with (
        LocalPostgres(folder),
        pytest.raises(PostgresError, match="in use by another"),
        LocalPostgres(folder),
    ):
        pass


@pytest.mark.parametrize("server_dies_too", [False, True])
def test_an_unclean_end_is_survived(tmp_path: Path, *, server_dies_too: bool) -> None:
    folder = _reachable(tmp_path)
    owner, server_pid = _owner_in_another_process(folder)
    if server_dies_too:
        os.kill(server_pid, signal.SIGKILL)
    owner.kill()
    owner.wait()
    with LocalPostgres(folder) as server, server.connect() as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
        assert server.pid != server_pid


def test_a_pid_file_that_names_somebody_else_is_no_obstacle(tmp_path: Path) -> None:
    folder = _reachable(tmp_path)
    with LocalPostgres(folder) as server:
        pid_file = server.data / "postmaster.pid"
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        pid_file.write_text(f"{bystander.pid}\n", encoding="utf-8")
        with LocalPostgres(folder):
            assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_what_a_killed_owner_left_is_cleared_away() -> None:
    owner, server_pid = _owner_in_another_process(None)
    owner.kill()
    owner.wait()
    with LocalPostgres() as server:
        assert not psutil.pid_exists(server_pid)
        assert len(list(server.folder.parent.glob(f"{PREFIX}*"))) >= 1


def test_a_long_path_for_temporary_files_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as base:
        deep = Path(base, "a" * 90, "b" * 90)
        deep.mkdir(parents=True)
        Path(base).chmod(0o711)
        monkeypatch.setattr(tempfile, "tempdir", str(deep))
        with LocalPostgres() as server:
            assert server.folder.is_relative_to(deep.resolve())


def test_databases_come_and_go(postgres: Postgres) -> None:
    made = postgres.create_database("tap_emag_comes_and_goes")
    with made.connect() as connection:
        assert connection.info.dbname == "tap_emag_comes_and_goes"
        postgres.drop_database("tap_emag_comes_and_goes")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        made.connect()


def test_an_address_is_told_whole() -> None:
    server = ExternalPostgres.from_env({"DATABASE_URL": "postgresql://me:p%40ss@db:5433/shop"})
    assert server is not None
    assert server.dsn == "postgresql://me:p%40ss@db:5433/shop"
    assert server.environment() == {
        "TARGET_POSTGRES_HOST": "db",
        "TARGET_POSTGRES_PORT": "5433",
        "TARGET_POSTGRES_USER": "me",
        "TARGET_POSTGRES_PASSWORD": "p@ss",
        "TARGET_POSTGRES_DATABASE": "shop",
    }
    assert "p@ss" not in repr(server)


def test_options_and_sockets_travel_as_one_url() -> None:
    secure = ExternalPostgres.from_env(
        {"DATABASE_URL": "postgresql://me:x@db/shop?sslmode=require"}
    )
    assert secure is not None
    assert secure.environment() == {
        "TARGET_POSTGRES_SQLALCHEMY_URL": "postgresql+psycopg://me:x@db:5432/shop?sslmode=require"
    }
    socket = ExternalPostgres.from_env({"DATABASE_URL": "postgresql://me:x@/shop?host=/run/pg"})
    assert socket is not None
    assert socket.dsn == "postgresql://me:x@:5432/shop?host=%2Frun%2Fpg"


def test_the_loaders_own_variables_name_a_server_too() -> None:
    given = {
        "TARGET_POSTGRES_HOST": "db",
        "TARGET_POSTGRES_USER": "me",
        "TARGET_POSTGRES_PASSWORD": "x",
        "TARGET_POSTGRES_DATABASE": "shop",
    }
    server = open_postgres(given)
    assert isinstance(server, ExternalPostgres)
    assert server.dsn == "postgresql://me:x@db:5432/shop"
    del given["TARGET_POSTGRES_PASSWORD"]
    with pytest.raises(PostgresError, match="set TARGET_POSTGRES_PASSWORD too"):
        open_postgres(given)


def test_no_address_means_a_server_of_our_own() -> None:
    assert isinstance(open_postgres({}), LocalPostgres)


def test_a_bad_address_is_told_without_its_password() -> None:
    with pytest.raises(PostgresError, match="cannot be read") as caught:
        ExternalPostgres.from_env({"DATABASE_URL": "postgresql://me:hush@db:port:5/x?%zz"})
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


def _reachable(tmp_path: Path) -> Path:
    """Let another account walk to a test's folder: as root, the server runs under one."""
    if os.geteuid() == 0:
        for folder in (tmp_path, *tmp_path.parents):
            if folder.owner() == "root" and folder.is_relative_to(tempfile.gettempdir()):
                folder.chmod(folder.stat().st_mode | 0o011)
    return tmp_path / "server"


def _owner_in_another_process(folder: Path | None) -> tuple[subprocess.Popen[str], int]:
    code = (
        "import sys, time, pathlib\n"
        "from emag_sandbox.postgres.server import LocalPostgres\n"
        "folder = pathlib.Path(sys.argv[1]) if sys.argv[1] else None\n"
        "with LocalPostgres(folder) as server, server.connect() as connection:\n"
        "    connection.execute('CREATE TABLE kept AS SELECT 7 AS number')\n"
        "    print(server.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code, str(folder or "")], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout
    pid = int(owner.stdout.readline())
    owner.stdout.close()
    return owner, pid


def test_the_command_prints_its_address_for_the_env_file_and_serves_until_ctrl_c() -> None:
    shown = ".venv/bin/python -m emag_sandbox.postgres"
    assert f"\n{shown}\n" in (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    words = [sys.executable, *shown.split()[1:]]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as command:
        assert command.stdout
        lines = [next(command.stdout).strip() for _ in range(5)]
        target = {
            name.removeprefix("TARGET_POSTGRES_").lower(): value
            for name, value in (line.split("=", 1) for line in lines)
        }
        address = f"postgresql://{target['user']}:{target['password']}@{target['host']}"
        with psycopg.connect(f"{address}:{target['port']}/{target['database']}") as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        command.send_signal(signal.SIGINT)
        assert command.wait(60) == 0
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(f"{address}:{target['port']}/{target['database']}")
