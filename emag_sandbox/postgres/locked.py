"""A folder that one process at a time may use."""

from __future__ import annotations

import fcntl
import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class FolderInUseError(Exception):
    """Another process, or another part of this one, has locked the folder."""


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Lock a folder's `lock` file; the system releases it however this process ends.

    The file is locked from its first moment: an unlocked one had an owner that is gone.

    Raises:
        FolderInUseError: if it is locked already.
    """
    handle = _appear_locked(folder)
    if handle is None:
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUseError(folder) from error
        yield
    finally:
        os.close(handle)


def _appear_locked(folder: Path) -> int | None:
    """Put a locked lock file into a folder, and return its handle; None if there is one already.

    If it were created first and locked next, it would for a moment look like the lock of a killed
    owner, and `sweep` would remove the folder.
    """
    if (folder / "lock").exists():
        return None
    handle, name = tempfile.mkstemp(prefix="lock-", dir=folder)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.link(name, folder / "lock")
    except FileExistsError:
        os.close(handle)
        return None
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()
    return handle
