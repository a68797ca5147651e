"""The first hour of a world, in which nothing happens by itself.

So a reading can be compared with what the world has at the end of it.
"""

from __future__ import annotations

from typing import Final

CALM: Final = 3600  # seconds


def calm(instant: int, start: int) -> bool:
    """Whether nothing happens by itself at an instant of a world that began at `start`."""
    return start < instant <= start + CALM
