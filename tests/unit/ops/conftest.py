"""Meltano's own database, made by Meltano, in SQLite and in Postgres; and runs booked in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.ops.meltano import heartbeats
from tests.support.receiver import Receiver
from tests.unit.ops.booked import Actors, Books
from tests.unit.ops.reported import Jobs, Reported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emag_sandbox.postgres.server import Postgres
    from tests.support.meltano_project import MeltanoProject

MELTANO = str(Path(sys.executable).with_name("meltano"))


@pytest.fixture(scope="session")
def meltano_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Meltano project without plugins."""
    folder = tmp_path_factory.mktemp("meltano_database")
    (folder / "meltano.yml").write_text("default_environment: dev\nenvironments: [{name: dev}]\n")
    return folder


@pytest.fixture(scope="session")
def made_sqlite(meltano_folder: Path) -> Path:
    """An SQLite database as Meltano makes it, to be copied."""
    path = meltano_folder / "made.db"
    _let_meltano_make(f"sqlite:///{path}", meltano_folder)
    return path


@pytest.fixture(scope="session")
def made_postgres(postgres: Postgres, meltano_folder: Path) -> Iterator[Postgres]:
    """A Postgres database as Meltano makes it, to be copied."""
    name = f"tap_emag_test_{uuid4().hex[:12]}"
    made = postgres.create_database(name)
    _let_meltano_make(uri_of(made), meltano_folder)
    yield made
    postgres.drop_database(name)


@pytest.fixture(params=["sqlite", "postgres"])
def books(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Books]:
    """A project whose runs are booked in either kind of database."""
    if request.param == "sqlite":
        uri = f"sqlite:///{tmp_path / 'meltano.db'}"
        shutil.copy(request.getfixturevalue("made_sqlite"), tmp_path / "meltano.db")
        yield Books(tmp_path / "project", uri)
        return
    server: Postgres = request.getfixturevalue("postgres")
    made: Postgres = request.getfixturevalue("made_postgres")
    name = f"tap_emag_test_{uuid4().hex[:12]}"
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    with psycopg.connect(uri_of(server, ""), autocommit=True) as connection:
        connection.execute(copy.format(sql.Identifier(name), sql.Identifier(made.database)))
    yield Books(tmp_path / "project", uri_of(server, name=name))
    server.drop_database(name)


@pytest.fixture
def sqlite_books(made_sqlite: Path, tmp_path: Path) -> Books:
    """A project whose runs are booked in SQLite, where the kind of database is of no matter."""
    shutil.copy(made_sqlite, tmp_path / "meltano.db")
    return Books(tmp_path / "project", f"sqlite:///{tmp_path / 'meltano.db'}")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watch heartbeats briefly, in this process: runs of tests are signed ten times a second."""
    for name, seconds in (("LONG", 0.8), ("SHORT", 0.5), ("LOOK", 0.05)):
        monkeypatch.setattr(heartbeats, name, seconds)


@pytest.fixture
def actors(sqlite_books: Books) -> Iterator[Actors]:
    """Processes that look like those of runs."""
    troupe = Actors(sqlite_books)
    yield troupe
    troupe.end()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def jobs(
    meltano_project: Callable[..., MeltanoProject], tmp_path: Path, receiver: Receiver
) -> Iterator[Jobs]:
    with Sandbox(SandboxConfig(orders=20, offers=5, history_days=20)) as sandbox:
        folder = tmp_path / "taps"
        project = meltano_project(sandbox.url, webhook_url=receiver.url, state_dir=str(folder))
        yield Jobs(project, tmp_path, receiver, sandbox)


@pytest.fixture
def reported(books: Books, receiver: Receiver, tmp_path: Path) -> Reported:
    return Reported(books, receiver, tmp_path / "taps")


def uri_of(server: Postgres, driver: str = "+psycopg", name: str | None = None) -> str:
    """Return a database's address as Meltano wants it."""
    return (
        f"postgresql{driver}://{server.user}:{server.password}@{server.host}:{server.port}"
        f"/{name or server.database}"
    )


def _let_meltano_make(uri: str, folder: Path) -> None:
    environment = {**os.environ, "MELTANO_DATABASE_URI": uri}
    subprocess.run(
        [MELTANO, "state", "list"], cwd=folder, env=environment, check=True, capture_output=True
    )
