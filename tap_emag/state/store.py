"""The state store: one SQLite file for all that outlives a run.

Processes change it in short transactions, and the system ends those of a killed process. A commit
outlives a kill; a power failure can cost the last seconds and leaves the file consistent. A damaged
file is renamed and logged, and the store begins anew, as after a deletion. SQLite's WAL shares
memory between processes, so `state_dir` must be on a local disk.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import re
import sqlite3
import threading
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tap_emag.state.folder import (
    PRIVATE,
    check_entries,
    check_rights,
    make,
    open_private,
    unusable,
)
from tap_emag.state.liveness import RUNNING, Liveness

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Self

logger = logging.getLogger("tap-emag")

FILE = "state.sqlite"
WAL, SHARED_MEMORY, DAMAGED = "-wal", "-shm", ".damaged"
RESERVE = "state.reserve"  # space for a last row when the disk is full
OURS = ("state.", RUNNING)  # prefixes of the names of our files
RESERVE_BYTES = 64 * 1024
BUSY_SECONDS = 10.0  # to wait for another process's transaction
VERSION = 1
# A column's type is checked, too (see `_checked`): a faulty disk may change a value and leave
# SQLite's structure intact, and a value of another type would fail every later run.
TABLES = """
CREATE TABLE accounts (
  marketplace TEXT, account_type TEXT, name TEXT, budget TEXT, share REAL, shared INTEGER,
  PRIMARY KEY (marketplace, account_type));
CREATE TABLE rate_limits (
  name TEXT PRIMARY KEY, clock TEXT, next_slot REAL, held_until REAL, pace REAL, departures BLOB,
  CHECK (length(departures) % 8 = 0));
CREATE TABLE circuit_breakers (
  name TEXT PRIMARY KEY, failures INTEGER, opened REAL, wait REAL, refusals INTEGER, reason TEXT,
  salt TEXT, caller TEXT,
  CHECK (opened BETWEEN 0 AND 1e11 AND wait BETWEEN 0 AND 1e6 AND failures >= 0 AND refusals >= 0),
  CHECK (length(salt) % 2 = 0 AND salt NOT GLOB '*[^0-9a-f]*'));
CREATE TABLE witnesses (
  account TEXT, resource TEXT, content TEXT, PRIMARY KEY (account, resource),
  CHECK (json_valid(content)));
CREATE TABLE metric_totals (
  name TEXT, labels TEXT, value REAL, PRIMARY KEY (name, labels),
  CHECK (json_valid(labels))) WITHOUT ROWID;
CREATE TABLE unknown_fields (
  marketplace TEXT, account_type TEXT, stream TEXT, field TEXT,
  PRIMARY KEY (marketplace, account_type, stream, field), CHECK (json_valid(field))) WITHOUT ROWID;
CREATE TABLE running_syncs (token TEXT, account_type TEXT, sync_type TEXT);
CREATE TABLE run_locks (name TEXT PRIMARY KEY, token TEXT, pid INTEGER);
CREATE TABLE sent_rows (
  pipeline TEXT, list TEXT, key INTEGER, kind INTEGER, number INTEGER, digest BLOB OR NULL,
  change TEXT, moment INTEGER OR NULL, noted INTEGER, PRIMARY KEY (pipeline, list, key, kind),
  CHECK (kind IN (0, 1, 2))) WITHOUT ROWID;
CREATE TABLE delivered_orders (
  account TEXT, type INTEGER, id INTEGER, modified INTEGER,
  PRIMARY KEY (account, type, id)) WITHOUT ROWID;
CREATE TABLE delivered_ranges (
  account TEXT, type INTEGER, since INTEGER, until INTEGER, PRIMARY KEY (account, type));
CREATE TABLE unconfirmed_reports (name TEXT PRIMARY KEY, content TEXT);
"""
# The beginnings of SQLite's messages, and the `OSError` that callers handle instead.
REASONS = {
    "database or disk is full": (errno.ENOSPC, os.strerror(errno.ENOSPC)),
    "attempt to write a readonly": (errno.EROFS, os.strerror(errno.EROFS)),
    "database is locked": (errno.EAGAIN, f"another process locked it for {BUSY_SECONDS:g} s"),
}


def _checked(tables: str) -> str:
    """Add a check of each column's type to the statements; allow NULL only with OR NULL."""

    def check(found: re.Match[str]) -> str:
        column, kind, null = found[1], found[2], found[3]
        types = f"'{kind.lower()}', 'null'" if null else f"'{kind.lower()}'"
        return f"{column} {kind} CHECK (typeof({column}) IN ({types}))"

    return re.sub(r"(\w+) (TEXT|INTEGER|REAL|BLOB)\b( OR NULL)?", check, tables)


SCHEMA = _checked(TABLES)


class StateStore:
    """The file of one `state_dir`. Safe to use from several threads and processes."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; it and the file are created with the first transaction."""
        self.folder = folder
        self.path = folder / FILE
        self.liveness = Liveness(folder)
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self._disconnect()

    def close(self) -> None:
        """Close the file and mark this process as ended; the next use opens the file again."""
        self.liveness.close()
        with self._lock:
            self._disconnect()

    def prepare(self) -> None:
        """Create the folder if it is missing; check that it is private and can be used.

        Raises:
            ConfigurationError: It cannot be used; the message has the remedy.
        """
        try:
            make(self.folder)
            check_rights(self.folder)
            check_entries(self.folder, OURS)
            self._reserve()
            self.liveness.sweep()
            with suppress(_DamagedError):
                self._check_structure()
            # A real write, so that a problem is found before the first request.
            self.execute(f"PRAGMA user_version = {VERSION}")
        except OSError as error:
            raise unusable(self.folder, error) from None

    def free_reserve(self) -> None:
        """Free the reserved space, so that one more row can be written to a full disk."""
        with suppress(OSError):
            (self.folder / RESERVE).unlink()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Begin the only write transaction; commit it at the end of the block.

        Raises:
            OSError: The file cannot be used; the transaction is rolled back.
        """
        with self._lock:
            try:
                connection = self._opened()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                finally:
                    if connection.in_transaction:
                        connection.rollback()
            except sqlite3.Error as error:
                raise self._os_error(error) from None

    def execute(self, statement: str, values: Sequence[Any] = ()) -> None:
        """Run one statement as a transaction.

        Raises:
            OSError: The file cannot be used and is unchanged.
        """
        with self._lock:
            try:
                self._opened().execute(statement, values)
            except sqlite3.Error as error:
                raise self._os_error(error) from None

    @contextmanager
    def read_only(self) -> Iterator[sqlite3.Connection]:
        """Yield one consistent view of the file, an empty one where it is missing or damaged.

        Raises:
            OSError: The file cannot be read.
        """
        try:
            with closing(self._view()) as connection:
                yield connection
        except sqlite3.Error as error:
            raise self._os_error(error) from None

    def _reserve(self) -> None:
        descriptor = open_private(self.folder / RESERVE, os.O_RDWR)
        try:
            if os.pwrite(descriptor, bytes(RESERVE_BYTES), 0) < RESERVE_BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder))
            # Where such locks are not supported, SQLite would wait for another process in vain.
            fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        finally:
            os.close(descriptor)

    def _check_structure(self) -> None:
        with self._lock:
            try:
                [found] = self._opened().execute("PRAGMA quick_check(1)").fetchone()
                if found != "ok":
                    raise sqlite3.DatabaseError(found)
            except sqlite3.Error as error:
                raise self._os_error(error) from None

    def _view(self) -> sqlite3.Connection:
        if self.path.exists():
            connection = _connect(f"{self.path.absolute().as_uri()}?mode=ro")
            try:
                connection.execute("BEGIN")
                if _version(connection) == VERSION:
                    return connection
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    connection.close()
                    raise
                logger.warning("%s is damaged (%s) and counts as untouched", self.path, error)
            connection.close()
        connection = _connect(":memory:")
        connection.executescript(SCHEMA)
        return connection

    def _opened(self) -> sqlite3.Connection:
        """Return a connection to the file that has the path now."""
        if self._connection is not None and self._identity != self._present():
            logger.warning("%s was deleted while in use: state begins anew", self.path)
            self._disconnect()
        if self._connection is None:
            make(self.folder)
            with _locked(self.folder):  # else another process might open it while it is set aside
                try:
                    self._connection = self._connected()
                except sqlite3.DatabaseError as error:
                    if not _is_damage(error):
                        raise
                    self._set_aside(error)
                    self._connection = self._connected()
                self._identity = self._present()
        return self._connection

    def _connected(self) -> sqlite3.Connection:
        if self.path.exists():
            # By path: closing a descriptor would release the locks of SQLite's own connections.
            self.path.chmod(PRIVATE)
        else:
            for leftover in (WAL, SHARED_MEMORY):
                self.path.with_name(FILE + leftover).unlink(missing_ok=True)
            os.close(open_private(self.path, os.O_RDWR))  # SQLite's other files get the same mode
        connection = _connect(self.path.absolute().as_uri())
        try:
            _set_up(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _present(self) -> tuple[int, int] | None:
        try:
            found = self.path.lstat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _set_aside(self, error: sqlite3.Error) -> None:
        self._disconnect()
        aside = self.path.with_name(FILE + DAMAGED)
        logger.warning(
            "%s is damaged (%s): set aside as %s, state begins anew", self.path, error, aside.name
        )
        for part in (SHARED_MEMORY, WAL, ""):
            with suppress(FileNotFoundError):
                self.path.with_name(FILE + part).replace(aside.with_name(aside.name + part))

    def _os_error(self, error: sqlite3.Error) -> OSError:
        """Return the `OSError` for an error of SQLite. Set a damaged file aside."""
        if _is_damage(error) and self._connection is not None:
            with self._lock, _locked(self.folder):
                if self._identity == self._present():
                    self._set_aside(error)
            return _DamagedError(errno.EIO, f"was damaged: {error}", str(self.path))
        number, text = errno.EIO, str(error)
        for begin, reason in REASONS.items():
            if text.startswith(begin):
                number, text = reason
        return OSError(number, text, str(self.path))


class _DamagedError(OSError):
    """The file was damaged and has been set aside."""


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock a folder: one process at a time opens the file in it or sets it aside."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _connect(place: str) -> sqlite3.Connection:
    return sqlite3.connect(
        place, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=True
    )


def _set_up(connection: sqlite3.Connection) -> None:
    """Prepare a connection, and create the tables of a new file."""
    [mode] = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise OSError(errno.ENOLCK, "no shared memory for SQLite's WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    found = _version(connection)
    if not found:
        connection.executescript(
            f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT"
        )
    elif found != VERSION:
        raise sqlite3.DatabaseError(f"version {found} of the state")


def _version(connection: sqlite3.Connection) -> int:
    [found] = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def _is_damage(error: sqlite3.Error) -> bool:
    """Return whether the file is damaged; other problems have classes of their own."""
    return type(error) is sqlite3.DatabaseError
