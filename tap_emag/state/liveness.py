"""Distinguishes living processes from killed ones.

A row cannot show that its process was killed, and process ids are reused and differ between
containers. So each process locks a small file of its own; the system releases the lock when the
process ends, by a kill as well.
"""

from __future__ import annotations

import fcntl
import os
import threading
from typing import TYPE_CHECKING
from uuid import uuid4

from tap_emag.state.folder import make, open_private

if TYPE_CHECKING:
    from pathlib import Path

RUNNING = "running-"  # begins the names of the files


class Liveness:
    """The processes that use one folder, each known by a token."""

    def __init__(self, folder: Path) -> None:
        """Use a folder; it is created with the first token."""
        self._folder = folder
        self._lock = threading.Lock()
        self._own = ""
        self._descriptor = -1

    def token(self) -> str:
        """Return this process's token, which lives until `close` or the end of the process.

        Raises:
            OSError: The folder does not support locks.
        """
        with self._lock:
            if not self._own or not self._file(self._own).exists():
                self._release()
                make(self._folder)
                self._take()
            return self._own

    def _take(self) -> None:
        while not self._own:
            token = uuid4().hex
            self._descriptor = open_private(self._file(token), os.O_RDWR)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            if self._file(token).exists():  # else another process swept it before it was locked
                self._own = token
            else:
                os.close(self._descriptor)

    def lives(self, token: str) -> bool:
        """Return whether a token's process lives; remove the file of one that does not."""
        if token and token == self._own:
            return True
        try:
            descriptor = os.open(self._file(token), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            self._file(token).unlink(missing_ok=True)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    def sweep(self) -> None:
        """Remove the files of killed processes."""
        for path in self._folder.glob(f"{RUNNING}*"):
            self.lives(path.name.removeprefix(RUNNING))

    def close(self) -> None:
        """Release this process's token."""
        with self._lock:
            self._release()

    def _release(self) -> None:
        if self._own:
            self._file(self._own).unlink(missing_ok=True)
            os.close(self._descriptor)
            self._own = ""

    def _file(self, token: str) -> Path:
        return self._folder / f"{RUNNING}{token}"
