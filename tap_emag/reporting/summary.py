"""Writes what a run did for people: a line for each stream, and a table of all at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_emag.formatting import table, utc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tap_emag.reporting.report import RunReport, StreamReport

ENDINGS = {
    "completed": "",
    "failed": "not read completely; ",
    "timed_out": "stopped before its end; ",
}
# What became of rows, by its name in reports and metrics, in the words of the log.
ACTIONS = {
    "created": "created",
    "updated": "updated",
    "unchanged": "unchanged",
    "failed": "rejected",
}
HEAD = ("stream", "rows", *ACTIONS.values(), "requests", "seconds", "read up to (UTC)")
WORTH_TELLING = 0.1  # seconds that a request waits


def line_of(stream: StreamReport) -> str:
    """Return what one stream did, as one line.

    For example: `orders: 53 rows (5 created, 20 updated, 28 unchanged), order_lines 94; 4 requests;
    1.9 s; read up to 2026-11-24 19:06:08 UTC`. `emag-ops list-runs` and `orchestrate/` read it.
    """
    asked = f"{stream.requests:,} {_plural('request', stream.requests)}"
    wait = stream.waited / max(1, stream.requests)
    if wait >= WORTH_TELLING:
        asked += f" that waited {wait:.1f} s each for the budget"
    until = f"read up to {_moment(stream.bookmark)}" if stream.bookmark else ""
    return "; ".join(filter(None, [rows_of(stream), asked, f"{stream.seconds:.1f} s", until]))


def rows_of(stream: StreamReport) -> str:
    """Return the rows that one stream wrote: the first part of its line."""
    actions = [
        f"{stream.actions[n]:,} {word}" for n, word in ACTIONS.items() if stream.actions.get(n)
    ]
    own = stream.rows.get(stream.stream, 0)
    quiet = not own and set(stream.actions) == {"unchanged"} and not stream.error
    parts = ["nothing new" if quiet else f"{own:,} {_plural('row', own)}"]
    parts[0] += f" ({', '.join(actions)})" if actions else ""
    parts += [f"{name} {rows:,}" for name, rows in stream.rows.items() if name != stream.stream]
    return f"{stream.stream}: {ENDINGS[stream.status]}{', '.join(parts)}"


def _plural(noun: str, number: int) -> str:
    return noun if number == 1 else f"{noun}s"


def _moment(bookmark: datetime) -> str:
    """Write a bookmark in UTC; one without a time of day is a date of the marketplace's."""
    return utc(bookmark).removesuffix(" 00:00:00 UTC")


def code_lists_line(streams: Sequence[StreamReport]) -> str:
    """Return the rows of all code lists, as one line."""
    rows = sum(sum(stream.rows.values()) for stream in streams)
    lists = _plural("code list", len(streams))
    return f"{len(streams)} {lists}: {rows:,} {_plural('row', rows)}"


def table_of(report: RunReport) -> Iterator[str]:
    """Yield a table of the streams that sent requests; none for one stream, or a quiet run.

    The line of a single stream has all that is in the table.
    """
    asked = [stream for stream in report.streams if stream.requests or stream.error]
    if len(asked) > 1 and any(map(_has_news, asked)):
        yield from table(HEAD, [row for stream in asked for row in _table_rows(stream)])


def _has_news(stream: StreamReport) -> bool:
    news = {name: number for name, number in stream.actions.items() if name != "unchanged"}
    return bool(stream.error or any(news.values()) or (stream.rows and not stream.actions))


def _table_rows(stream: StreamReport) -> Iterator[Sequence[str]]:
    """Yield the row of a stream, and those of its child streams, which have rows only."""
    own = stream.rows.get(stream.stream, 0)
    yield (
        f"{stream.stream} (not complete)" if stream.error else stream.stream,
        f"{own:,}",
        *(f"{stream.actions.get(name, 0):,}" for name in ACTIONS),
        f"{stream.requests:,}",
        f"{stream.seconds:.1f}",
        _moment(stream.bookmark).removesuffix(" UTC") if stream.bookmark else "",
    )
    for name, rows in stream.rows.items():
        if name != stream.stream:
            yield (f"  {name}", f"{rows:,}", *[""] * (len(HEAD) - 2))
