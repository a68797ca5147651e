"""What was sent of a list, on this host's disk: it outlives a run that is killed.

A state tells what has surely reached the target; whatever a killed run has sent beyond it, the
target may hold or not. So each row is noted here before it is written. Notes only ever make a row
be written once more, and tell when its version was seen first.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import struct
import tempfile
import time
import zlib
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from typing_extensions import Self

    from tap_emag.changes import Change

logger = logging.getLogger("tap-emag")

NOTE = struct.Struct(">c q 7s q q")  # what, key, fingerprint, microseconds since 1970, number
CHECKSUM = struct.Struct(">I")
SIZE = NOTE.size + CHECKSUM.size
CREATED, UPDATED, GONE, MARK = b"c", b"u", b"g", b"m"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICROSECOND = timedelta(microseconds=1)
NOTHING = bytes(7)
# How many notes are kept: of all rows there are, twice over, and some more.
SPARE = 2
SPARE_NOTES = 1000
KEPT_DAYS = 90  # of a file that nobody adds to


class Sent(NamedTuple):
    """What was sent of a row: a version's fingerprint, None for its end, and what was said of it.

    `moment` is None where no time goes with it; it is kept to the microsecond.
    """

    digest: bytes | None
    change: Change = "updated"
    moment: datetime | None = None


class Note(NamedTuple):
    """That something was sent, and as which of all that was sent to one target.

    Or, without `sent`, that a key was marked; what that means is up to whoever does it.
    """

    key: int
    sent: Sent | None
    number: int


class Journal:
    """A file of notes, each added at once; a damaged one is left out.

    Where it cannot be kept the run goes on without, and says so: then a version that came and went
    around a kill may stay in the target until the row changes again.
    """

    def __init__(self, path: Path) -> None:
        """Name the file; it is made with the first note."""
        self._path = path
        self._handle: int | None = None
        self._broken = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def read(self) -> Iterator[Note]:
        """Yield all notes there are, oldest first; those that are damaged are left out."""
        for packed in _whole(self._content()):
            yield _unpacked(packed)

    def tidy_up(self, rows: int, settled: int) -> None:
        """Put a shorter file in the place of one that is torn, or holds too much.

        Of each key the last note counts, and its last mark. Where they are too many by far for so
        many `rows`, only the newest are kept, and all beyond the number up to which notes are
        `settled`: no state stands for those.
        """
        content = self._content()
        most = SPARE * rows + SPARE_NOTES
        if len(content) % SIZE == 0 and len(content) <= SIZE * most:
            return
        last: dict[tuple[int, bool], int] = {}
        unsettled = set()
        for place, packed in enumerate(_whole(content)):
            note = _unpacked(packed)
            last[note.key, note.sent is None] = place
            if note.number > settled:
                unsettled.add(place)
        kept = set(sorted(last.values())[-most:]) | (unsettled & set(last.values()))
        left = [packed for place, packed in enumerate(_whole(content)) if place in kept]
        self._replace(left, len(content))

    def add(self, note: Note) -> None:
        """Add a note; it is with the system, and outlives this process, when this returns."""
        if self._broken:
            return
        try:
            self._add(_checked(_packed(note)))
        except OSError as error:
            self._give_up(error)

    def _add(self, packed: bytes) -> None:
        if self._handle is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._handle = self._opened()
        if os.write(self._handle, packed) < len(packed):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _opened(self) -> int:
        """Open the file, and keep others from putting a new one in its place meanwhile."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        while True:
            handle = os.open(self._path, flags, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_SH)
                if self._is_at_its_place(handle):
                    # Behind a torn note all others would be out of step.
                    os.truncate(handle, os.fstat(handle).st_size // SIZE * SIZE)
                    return handle
            except OSError:
                os.close(handle)
                raise
            os.close(handle)

    def _content(self) -> bytes:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            self._give_up(error)
            return b""

    def _replace(self, kept: list[bytes], size: int) -> None:
        """Put a new file in the place of this one, unless somebody adds to it."""
        with suppress(OSError):
            handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_at_its_place(handle) and os.fstat(handle).st_size == size:
                    self._write_anew(kept)
            finally:
                os.close(handle)

    def _write_anew(self, kept: list[bytes]) -> None:
        handle, name = tempfile.mkstemp(dir=self._path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.writelines(map(_checked, kept))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise

    def _is_at_its_place(self, handle: int) -> bool:
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(handle), self._path.stat())
        return False

    def _give_up(self, error: OSError) -> None:
        self._broken = True
        with suppress(OSError):
            self._path.unlink()  # what is not told any more would be believed to be the last
        logger.warning(
            "%s cannot be kept (%s): if this run is killed, the next one may leave a row as it was"
            " in between",
            self._path,
            error.strerror,
        )


def sweep(folder: Path) -> None:
    """Remove files that nobody has added to for KEPT_DAYS: their states are gone, or at rest."""
    oldest = time.time() - KEPT_DAYS * 86_400
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()


def _packed(note: Note) -> bytes:
    sent = note.sent
    if sent is None:
        return NOTE.pack(MARK, note.key, NOTHING, 0, note.number)
    what = CREATED if sent.change == "created" else UPDATED
    return NOTE.pack(
        GONE if sent.digest is None else what,
        note.key,
        sent.digest or NOTHING,
        0 if sent.moment is None else (sent.moment - EPOCH) // MICROSECOND,
        note.number,
    )


def _unpacked(packed: bytes) -> Note:
    what, key, digest, moment, number = NOTE.unpack(packed)
    if what == MARK:
        return Note(key, None, number)
    sent = Sent(
        None if what == GONE else digest,
        "created" if what == CREATED else "updated",
        EPOCH + moment * MICROSECOND if moment else None,
    )
    return Note(key, sent, number)


def _checked(packed: bytes) -> bytes:
    return packed + CHECKSUM.pack(zlib.crc32(packed))


def _whole(content: bytes) -> Iterator[bytes]:
    """Yield the notes that are as they were written."""
    for start in range(0, len(content) - SIZE + 1, SIZE):
        packed = content[start : start + NOTE.size]
        if _checked(packed) == content[start : start + SIZE]:
            yield packed
