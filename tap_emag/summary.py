"""A run's end in words: one line a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_emag.report import RunReport, StreamReport

ENDINGS = {"success": "", "failed": "not read whole; ", "timed_out": "stopped before its end; "}
ACTIONS = ("created", "updated", "unchanged", "failed")


def lines_of(report: RunReport) -> Iterator[str]:
    """Give a line for each stream that asked for anything, and one for all others."""
    quiet = [stream for stream in report.streams if not (stream.requests or stream.error)]
    for stream in report.streams:
        if stream not in quiet:
            yield line_of(stream)
    if quiet:
        rows = sum(sum(stream.rows.values()) for stream in quiet)
        yield f"{len(quiet)} streams that had nothing to ask for: {rows:,} rows"


def line_of(stream: StreamReport) -> str:
    """Say what one stream did.

    For example: `orders: 53 rows (5 created, 20 updated, 28 unchanged), order_lines 94; 4 requests,
    waited 0.2 s for slots; up to 2026-11-24 19:06:08 UTC; 1.9 s`.
    """
    parts = [f"{stream.rows.get(stream.stream, 0):,} rows{_actions(stream)}"]
    parts += [f"{name} {rows:,}" for name, rows in stream.rows.items() if name != stream.stream]
    asked = f"{stream.requests:,} requests, waited {stream.waited:.1f} s for slots"
    reached = f"up to {stream.bookmark:%Y-%m-%d %H:%M:%S} UTC" if stream.bookmark else ""
    told = "; ".join(filter(None, [", ".join(parts), asked, reached, f"{stream.seconds:.1f} s"]))
    return f"{stream.stream}: {ENDINGS[stream.status]}{told}"


def _actions(stream: StreamReport) -> str:
    told = [f"{stream.actions[name]:,} {name}" for name in ACTIONS if stream.actions.get(name)]
    return f" ({', '.join(told)})" if told else ""
