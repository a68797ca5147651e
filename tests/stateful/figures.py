"""Counts what the machine has done, to be told at the end of a long run."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emag_sandbox import Request


class Figures:
    """Numbers by name; what begins with the same word is told on one line."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._counts: Counter[str] = Counter()

    def add(self, name: str, number: int = 1) -> None:
        """Count something."""
        self._counts[name] += number

    def asked(self, requests: Iterable[Request]) -> None:
        """Count the requests of a run, and the faults among them."""
        for request in requests:
            self.add("requests")
            if request.fault:
                self.add("faults")
                self.add(f"faults: {request.fault}")

    def told(self) -> str:
        """Return all of them as lines of text."""
        lines = [f"machine: {time.monotonic() - self._begun:.0f} s"]
        groups: dict[str, list[str]] = {}
        for name, number in sorted(self._counts.items()):
            group, _, rest = name.partition(": ")
            groups.setdefault(group, []).append(f"{rest or 'in all'} {number}")
        return "\n".join(lines + [f"  {name}: {', '.join(each)}" for name, each in groups.items()])
