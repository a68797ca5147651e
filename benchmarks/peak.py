"""Looks at something again and again while a command runs, and keeps the most that was seen."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import psutil

from benchmarks.volume import MEGABYTE

if TYPE_CHECKING:
    from collections.abc import Callable

INTERVAL: Final = 0.1  # seconds


class Peak:
    """The most that a function has returned while the context lasted."""

    def __init__(self, look: Callable[[], float], interval: float = INTERVAL) -> None:
        """Call `look` every `interval` seconds, in a thread of its own."""
        self.most = 0.0
        self._look, self._interval = look, interval
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(self._interval):
            self.most = max(self.most, self._look())


def resident(command: str) -> float:
    """Return the resident memory, in MB, of the largest descendant whose command line has a word.

    The word is one that ends with `command`.
    """
    most = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if any(word.endswith(command) for word in process.cmdline()):
                most = max(most, process.memory_info().rss / MEGABYTE)
    return most


def of_tree(pid: int) -> float:
    """Return the memory, in MB, of a process with its descendants; a shared page counts once."""
    total = 0.0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                total += each.memory_full_info().pss / MEGABYTE
    return total
