"""Repeatable chance: the same numbers give the same draw, on any machine."""

from __future__ import annotations

from typing import Final

MASK: Final = 0xFFFF_FFFF_FFFF_FFFF


def mix(*numbers: int) -> int:
    """Scatter some whole numbers into 64 even bits."""
    state = 0x9E37_79B9_7F4A_7C15
    for number in numbers:
        state = (state ^ number) * 0xBF58_476D_1CE4_E5B9 & MASK
        state ^= state >> 29
        state = state * 0x94D0_49BB_1331_11EB & MASK
        state ^= state >> 32
    return state
