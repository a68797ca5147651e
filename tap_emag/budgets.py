"""Where request budgets live: in this process, or in small locked files that processes share.

A file holds one bucket of one account: the next free slot, the pace, when the latest requests left.
Whoever wants a slot locks it, reads, changes and writes it back, which takes some microseconds. The
system drops the lock of a process that dies, so nobody waits for the dead. A file that is damaged,
deleted, or left over from before the machine started anew counts as untouched: at worst one request
is refused, and retried.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
import threading
import time
import zlib
from array import array
from collections import deque
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tap_emag.limits import BUCKETS, Budget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEADER = struct.Struct("<4s16sdddI")  # format, clock, next slot, held until, pace, how many times
CHECKSUM = struct.Struct("<I")
FORMAT = b"emg1"
PRIVATE = 0o600
PRIVATE_FOLDER = 0o700
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class MemoryStore:
    """Budgets of one process, shared by its threads."""

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with untouched budgets."""
        self._clock = clock
        self._lock = threading.Lock()
        self._budgets = {name: Budget(limits, share) for name, limits in BUCKETS.items()}

    @contextmanager
    def open(self, bucket: str) -> Iterator[tuple[Budget, float]]:
        """Lock the bucket's budget and give it with the present time."""
        with self._lock:
            yield self._budgets[bucket], self._clock()


class FileStore:
    """Budgets shared by all processes of this machine that use the same folder and account."""

    def __init__(self, folder: Path, account: str, share: float) -> None:
        """Use a folder, which is made if need be.

        Args:
            folder: Where the files are; readable by this user alone.
            account: What tells accounts apart at the server, such as user and host.
            share: Part of the budgets that may be used.

        Raises:
            OSError: The folder cannot be made.
        """
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        self._share = share
        self._files = {name: _LockedFile(folder / file_name(account, name)) for name in BUCKETS}

    @contextmanager
    def open(self, bucket: str) -> Iterator[tuple[Budget, float]]:
        """Lock the bucket's file; read the budget, and write it back when the caller is done."""
        with self._files[bucket].locked() as descriptor:
            budget = unpack(_read(descriptor), bucket, self._share, boot())
            yield budget, time.monotonic()
            content = pack(budget, boot())
            os.pwrite(descriptor, content, 0)
            os.ftruncate(descriptor, len(content))


class _LockedFile:
    """A file that stays open, and is locked between threads and between processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._descriptor: int | None = None

    @contextmanager
    def locked(self) -> Iterator[int]:
        with self._lock:
            descriptor = self._opened()
            try:
                yield descriptor
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _opened(self) -> int:
        """Open and lock the file that has the name now; it may have been deleted meanwhile."""
        while True:
            if self._descriptor is None:
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
                self._descriptor = os.open(self._path, flags, PRIVATE)
            descriptor = self._descriptor
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                if self._path.stat().st_ino == os.fstat(descriptor).st_ino:
                    return descriptor
            except FileNotFoundError:
                pass
            os.close(descriptor)
            self._descriptor = None


def file_name(account: str, bucket: str) -> str:
    """Return the name of a budget's file, which does not tell the user's name."""
    return f"budget-{hashlib.sha256(account.encode()).hexdigest()[:16]}-{bucket}"


def pack(budget: Budget, clock: bytes) -> bytes:
    """Write a budget as bytes, with a checksum; `clock`, 16 bytes, tells whose times they are."""
    head = HEADER.pack(
        FORMAT, clock, budget.next_slot, budget.held_until, budget.pace, len(budget.left)
    )
    body = head + array("d", budget.left).tobytes()
    return body + CHECKSUM.pack(zlib.crc32(body))


def unpack(content: bytes, bucket: str, share: float, clock: bytes) -> Budget:
    """Read a budget; an untouched one where the bytes are damaged or of another clock."""
    budget = Budget(BUCKETS[bucket], share)
    body, checksum = content[: -CHECKSUM.size], content[-CHECKSUM.size :]
    if len(body) < HEADER.size or CHECKSUM.unpack(checksum)[0] != zlib.crc32(body):
        return budget
    form, whose, next_slot, held_until, pace, number = HEADER.unpack_from(body)
    if form != FORMAT or whose != clock or len(body) != HEADER.size + 8 * number:
        return budget
    left = array("d")
    left.frombytes(body[HEADER.size :])
    budget.next_slot, budget.held_until, budget.pace = next_slot, held_until, pace
    budget.left = deque(left)
    return budget


@cache
def boot() -> bytes:
    """Tell this start of the machine from others: the monotonic clock begins anew with each."""
    try:
        text = BOOT_ID.read_text()
    except OSError:
        # No such file on macOS: the moment the clock began, to the minute, agrees well enough.
        text = str(round((time.time() - time.monotonic()) / 60))
    return hashlib.sha256(text.encode()).digest()[:16]


def _read(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
