"""Writes the end of a run as one line for each stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_emag.reporting.report import RunReport, StreamReport

ENDINGS = {
    "completed": "",
    "failed": "not read completely; ",
    "timed_out": "stopped before its end; ",
}
ACTIONS = ("created", "updated", "unchanged", "failed")


def lines_of(report: RunReport) -> Iterator[str]:
    """Yield a line for each stream that sent requests, and one for all others."""
    quiet = [stream for stream in report.streams if not (stream.requests or stream.error)]
    for stream in report.streams:
        if stream not in quiet:
            yield line_of(stream)
    if quiet:
        rows = sum(sum(stream.rows.values()) for stream in quiet)
        yield f"{len(quiet)} streams that had nothing to ask for: {rows:,} rows"


def line_of(stream: StreamReport) -> str:
    """Return what one stream did, as one line.

    For example: `orders: 53 rows (5 created, 20 updated, 28 unchanged), order_lines 94; 4 requests,
    waited 0.2 s for slots; up to 2026-11-24 19:06:08 UTC; 1.9 s`.
    """
    asked = f"{stream.requests:,} requests, waited {stream.waited:.1f} s for slots"
    set_bookmark_metric = (
        f"up to {stream.bookmark:%Y-%m-%d %H:%M:%S} UTC" if stream.bookmark else ""
    )
    return "; ".join(
        filter(None, [rows_of(stream), asked, set_bookmark_metric, f"{stream.seconds:.1f} s"])
    )


def rows_of(stream: StreamReport) -> str:
    """Return the rows that one stream wrote: the first part of its line."""
    actions = [f"{stream.actions[name]:,} {name}" for name in ACTIONS if stream.actions.get(name)]
    parts = [f"{stream.rows.get(stream.stream, 0):,} rows"]
    parts[0] += f" ({', '.join(actions)})" if actions else ""
    parts += [f"{name} {rows:,}" for name, rows in stream.rows.items() if name != stream.stream]
    return f"{stream.stream}: {ENDINGS[stream.status]}{', '.join(parts)}"
