"""Shows that this tap moves, on the configuration file that Meltano gave it.

Meltano's own heartbeat shows only that Meltano lives. So the tap sets the access time of that file
while data come and go. The clean-up of stuck runs reads it, also after the tap has ended: Meltano
removes the file when the loader has ended as well.
"""

from __future__ import annotations

import os
import re
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

CONFIG: Final = re.compile(r"(?:tap|target|mapper)\.[0-9a-f-]{36}\.config\.json")


def config_of(words: Iterable[str]) -> Path | None:
    """Return the configuration file of Meltano that a command line names, if it names one."""
    named = (Path(word) for word in words if CONFIG.fullmatch(word.rpartition("/")[2]))
    return next(named, None)


def show_movement(path: Path | None = None) -> None:
    """Set the access time of the file, by default of this process's own, to the present."""
    path = path or config_of(sys.argv)
    if path:
        with suppress(OSError):
            # Its time of change stays: that is when Meltano started the plugin.
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))


def last_movement(path: Path) -> float:
    """Return the time that `show_movement` has set.

    Raises:
        OSError: The file is gone.
    """
    return path.stat().st_atime


def read_unnoticed(path: Path) -> str:
    """Return the content of the file without a change of its access time.

    Raises:
        OSError: It is gone, or belongs to another user.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOATIME", 0))
    with os.fdopen(descriptor, encoding="utf-8") as file:
        return file.read()
