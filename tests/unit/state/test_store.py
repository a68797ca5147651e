"""The state store: what was committed stays, and what cannot be used has words or begins anew."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tap_emag.errors import ConfigurationError
from tap_emag.state.store import VERSION, StateStore
from tests.support.stores import rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOCKS = "SELECT name FROM run_locks ORDER BY name"
# Commits rows in pairs until it is killed; prints how many pairs are committed.
PAIRS = """
import sys
from pathlib import Path
from tap_emag.metrics.totals import AccountState, Totals
from tap_emag.settings.account import Account
from tap_emag.state.store import VERSION, StateStore
store, begin = StateStore(Path(sys.argv[1])), int(sys.argv[2])
for number in range(begin, begin + 10**6):
    with store.transaction() as state:
        for half in ("left", "right"):
            state.execute("INSERT INTO witnesses VALUES (?, ?, ?)", (half, str(number), "1" * 300))
    sys.stdout.write("one" + chr(10))
    sys.stdout.flush()
"""


def lock(store: StateStore, name: str) -> None:
    store.execute("INSERT INTO run_locks VALUES (?, '', 0)", (name,))


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(20_000))


def half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def wrong_page(path: Path) -> None:
    """Overwrite the root of a table, as a faulty disk would."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)


def another_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize("damage", [garbage, half, wrong_page, another_version])
def test_a_damaged_file_is_set_aside_and_begins_anew(
    store: StateStore, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], None]
) -> None:
    lock(store, "one")
    store.close()
    damage(store.path)
    damaged = store.path.read_bytes()
    store.prepare()
    assert rows(store, LOCKS) == []
    lock(store, "two")
    assert rows(store, LOCKS) == [("two",)]
    assert (store.folder / "state.sqlite.damaged").read_bytes() == damaged
    assert f"{store.path} is damaged" in caplog.text


def test_damage_that_shows_under_way_costs_one_transaction(store: StateStore) -> None:
    lock(store, "one")
    store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with StateStore(store.folder) as other:
        other.execute(f"PRAGMA user_version = {VERSION}")  # it is open, and has read no table yet
        # Another process, as one that closes the file itself would release its own locks.
        dd = ["dd", "if=/dev/zero", f"of={store.path}", "bs=4096", "seek=1", "count=30"]
        subprocess.run([*dd, "conv=notrunc", "status=none"], check=True)
        with pytest.raises(OSError, match="was damaged"):
            lock(other, "two")
        lock(other, "three")
        lock(store, "four")
        assert rows(store, LOCKS) == [("four",), ("three",)]


def test_to_look_at_a_damaged_file_changes_nothing(store: StateStore) -> None:
    store.folder.mkdir()
    garbage(store.path)
    before = store.path.read_bytes()
    assert rows(store, LOCKS) == []
    assert store.path.read_bytes() == before
    assert [path.name for path in store.folder.iterdir()] == ["state.sqlite"]


def test_to_look_where_nothing_is_makes_nothing(store: StateStore) -> None:
    assert rows(store, LOCKS) == []
    assert not store.folder.exists()


@pytest.mark.parametrize("whole", [True, False])
def test_a_file_that_is_deleted_under_way_begins_anew_for_all(
    store: StateStore, caplog: pytest.LogCaptureFixture, *, whole: bool
) -> None:
    with StateStore(store.folder) as other:
        for number, each in enumerate((store, other)):
            lock(each, str(number))
        if whole:
            shutil.rmtree(store.folder)
        else:
            store.path.unlink()
        lock(store, "after")
        lock(other, "later")
        for each in (store, other):
            assert rows(each, LOCKS) == [("after",), ("later",)]
    assert rows(store, "PRAGMA integrity_check") == [("ok",)]
    assert caplog.text.count("was deleted while in use") == 2


def test_what_was_committed_outlives_a_kill_at_any_moment(store: StateStore) -> None:
    begin = 0
    for milliseconds in (0, 3, 10, 40, 100, 300):
        command = [sys.executable, "-c", PAIRS, str(store.folder), str(begin)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(milliseconds / 1000)
            os.kill(process.pid, signal.SIGKILL)
            told = 1 + len(process.stdout.read().splitlines())
        query = "SELECT account, count(*) FROM witnesses GROUP BY account ORDER BY account"
        (_, left), (_, right) = rows(store, query)
        assert left == right >= begin + told
        begin = left
    assert rows(store, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_only_its_user_may_read_what_is_in_the_folder(store: StateStore, umask: int) -> None:
    before = os.umask(umask)
    try:
        store.prepare()
        lock(store, "one")
        store.liveness.token()
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in store.folder.iterdir()}
    assert {"state.sqlite", "state.sqlite-wal", "state.sqlite-shm"} <= modes.keys()
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    store.close()
    store.path.chmod(0o644)
    lock(store, "two")
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_a_transaction_that_fails_leaves_nothing(store: StateStore) -> None:
    def fail() -> None:
        with store.transaction() as state:
            state.execute("INSERT INTO run_locks VALUES ('one', '', 0)")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    lock(store, "two")
    assert rows(store, LOCKS) == [("two",)]


def test_a_file_that_stays_locked_is_named(
    store: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_emag.state.store.BUSY_SECONDS", 0.1)
    store.prepare()
    with StateStore(store.folder) as other, other.transaction():
        with pytest.raises(OSError, match="another process locked it"):
            lock(store, "one")
        with pytest.raises(ConfigurationError, match=r"state_dir: .*another process locked it"):
            store.prepare()


def test_what_killed_processes_have_left_is_swept_and_no_more(store: StateStore) -> None:
    store.folder.mkdir()
    (store.folder / "running-killed").touch()
    with StateStore(store.folder) as other:
        living = other.liveness.token()
        store.prepare()
        assert [path.name for path in store.folder.glob("running-*")] == [f"running-{living}"]
        assert store.liveness.lives(living)
    assert not store.liveness.lives(living)


def test_readers_do_not_wait_for_writers(store: StateStore) -> None:
    lock(store, "one")
    with store.transaction() as state, StateStore(store.folder) as other:
        state.execute("INSERT INTO run_locks VALUES ('two', '', 0)")
        assert rows(other, LOCKS) == [("one",)]


def test_what_is_no_longer_needed_leaves_room(store: StateStore) -> None:
    """The log of changes is written over again: it does not grow with the number of commits."""
    for number in range(3000):
        store.execute("REPLACE INTO witnesses VALUES ('one', 'two', ?)", ("1" + "0" * number,))
    assert store.path.with_name("state.sqlite-wal").stat().st_size < 6 * 2**20
    store.close()
    assert store.path.stat().st_size < 2**18


BAD_VALUES = {
    "budget without a time": "rate_limits VALUES ('a', 'boot', 'soon', 0.0, 1.0, x'')",
    "half a departure": "rate_limits VALUES ('a', 'boot', 0.0, 0.0, 1.0, x'00')",
    "breaker opened in another age": "circuit_breakers VALUES ('a', 1, 1e300, 1.0, 0, '', '', '')",
    "salt not in hex": "circuit_breakers VALUES ('a', 1, 0.0, 1.0, 0, '', 'salt', '')",
    "reply that is no JSON": "witnesses VALUES ('a', 'vat/read', '{')",
    "labels that are no JSON": "metric_totals VALUES ('a', '[', 1.0)",
    "total that is no number": "metric_totals VALUES ('a', '[]', 'many')",
    "field that is no JSON": "unknown_fields VALUES ('RO', '3p', 'orders', 'name')",
    "note of no kind": "sent_rows VALUES ('a', 'b', 1, 9, 1, NULL, '', NULL, 0)",
    "note without a number": "sent_rows VALUES ('a', 'b', 1, 0, x'00', NULL, '', NULL, 0)",
    "order without a time": "delivered_orders VALUES ('a', 3, 1, 'yesterday')",
    "range without an end": "delivered_ranges VALUES ('a', 3, 1, NULL)",
}


@pytest.mark.parametrize("value", BAD_VALUES.values(), ids=BAD_VALUES)
def test_a_value_that_lost_its_form_is_damage(
    store: StateStore, caplog: pytest.LogCaptureFixture, value: str
) -> None:
    lock(store, "one")
    store.close()
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = 1")
        connection.execute(f"INSERT INTO {value}")
    store.prepare()
    assert rows(store, LOCKS) == []
    assert f"{store.path} is damaged (CHECK constraint failed" in caplog.text
