"""Ordered, concurrent, proven reading: time windows for orders, full scans for offers."""

from __future__ import annotations

from tap_emag.readers.concurrent import ConcurrentRequests
from tap_emag.readers.count_reliability import CountReliability
from tap_emag.readers.full_scan import Scan
from tap_emag.readers.page_size import PageSize
from tap_emag.readers.parts import ProvenWindow, TimeField
from tap_emag.readers.uncounted_list import UncountedList
from tap_emag.readers.window_reader import WindowPipeline, WindowReader

__all__ = [
    "ConcurrentRequests",
    "CountReliability",
    "PageSize",
    "ProvenWindow",
    "Scan",
    "TimeField",
    "UncountedList",
    "WindowPipeline",
    "WindowReader",
]
