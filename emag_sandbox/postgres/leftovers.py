"""Ends Postgres servers whose owners were killed, and removes their folders."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from emag_sandbox.postgres.locked import FolderInUseError, lock_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STOP_SECONDS = 20.0


def end_leftover(data: Path) -> None:
    """End a server whose owner was killed; the caller has the folder's lock."""
    pid_file = data / "postmaster.pid"
    with suppress(OSError, ValueError, IndexError, psutil.Error):
        pid = int(pid_file.read_text(encoding="utf-8").splitlines()[0])
        process = psutil.Process(pid)
        # The number may belong to another process by now: only a server of this folder counts.
        if str(data) in process.cmdline():
            process.send_signal(signal.SIGINT)
            process.wait(STOP_SECONDS)
    with suppress(OSError):
        pid_file.unlink()


def sweep(base: Path, prefix: str) -> None:
    """Remove temporary servers whose owners were killed: their folder's lock is free."""
    for folder in _own_folders(base, prefix):
        with suppress(FolderInUseError, OSError), lock_folder(folder):
            end_leftover(folder / "data")
            shutil.rmtree(folder, ignore_errors=True)


def _own_folders(base: Path, prefix: str) -> Iterator[Path]:
    for folder in base.glob(f"{prefix}*"):
        lock = folder / "lock"
        # A folder that has no lock yet is just being made.
        if lock.exists() and lock.stat().st_uid == os.geteuid():
            yield folder
