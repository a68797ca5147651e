"""Ordered, concurrent, proven reading: time windows for orders, whole scans for offers."""

from __future__ import annotations

from tap_emag.readers.line import Line
from tap_emag.readers.ordered import Ordered
from tap_emag.readers.reading import Axis, Sealed
from tap_emag.readers.scans import Scan
from tap_emag.readers.windowed import WindowReader

__all__ = ["Axis", "Line", "Ordered", "Scan", "Sealed", "WindowReader"]
