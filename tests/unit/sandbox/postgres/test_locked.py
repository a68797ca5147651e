"""Folders that one process at a time may use, and what clears away those of the killed."""

from __future__ import annotations

import fcntl
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from emag_sandbox.postgres.leftovers import sweep
from emag_sandbox.postgres.locked import FolderInUseError, lock_folder

PREFIX = "locked-"


def new_folder(base: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    for _ in range(2):  # the first time the lock is made, the second time it is there
        with lock_folder(tmp_path), pytest.raises(FolderInUseError), lock_folder(tmp_path):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_of_many_who_want_a_new_folder_one_gets_it(tmp_path: Path) -> None:
    everybody_has_tried = Barrier(8)

    def take(folder: Path) -> int:
        try:
            with lock_folder(folder):
                everybody_has_tried.wait(60)
                return 1
        except FolderInUseError:
            everybody_has_tried.wait(60)
            return 0

    with ThreadPoolExecutor(8) as threads:
        for _ in range(20):
            assert sum(threads.map(take, [new_folder(tmp_path)] * 8)) == 1


def test_only_what_a_killed_owner_left_is_swept(tmp_path: Path) -> None:
    made, held, left = (new_folder(tmp_path) for _ in range(3))
    os.close(os.open(left / "lock", os.O_CREAT))
    with lock_folder(held):
        sweep(tmp_path, PREFIX)
    assert made.exists()
    assert held.exists()
    assert not left.exists()


def test_a_folder_is_not_swept_while_its_lock_is_being_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may look at any moment; the worst one is between making and locking."""
    folder, flock = new_folder(tmp_path), fcntl.flock

    def sweep_first(handle: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        sweep(tmp_path, PREFIX)
        flock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", sweep_first)
    with lock_folder(folder):
        assert (folder / "lock").exists()
