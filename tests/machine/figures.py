"""Counts what the machine has done, to be told at the end of a long run."""

from __future__ import annotations

import time
from collections import Counter


class Figures:
    """Numbers by name; what begins with the same word is told on one line."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._counts: Counter[str] = Counter()

    def add(self, name: str, number: int = 1) -> None:
        """Count something."""
        self._counts[name] += number

    def __getitem__(self, name: str) -> int:
        return self._counts[name]

    def told(self) -> str:
        """Return all of them as lines of text."""
        lines = [f"machine: {time.monotonic() - self._begun:.0f} s"]
        groups: dict[str, list[str]] = {}
        for name, number in sorted(self._counts.items()):
            group, _, rest = name.partition(": ")
            groups.setdefault(group, []).append(f"{rest or 'in all'} {number}")
        return "\n".join(lines + [f"  {name}: {', '.join(each)}" for name, each in groups.items()])
