"""Turns the report of a run into the rows of the table `syncs`."""

from __future__ import annotations

from datetime import timedelta, timezone
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from tap_emag.reporting.report import RunReport, StreamReport

ACTIONS = ("created", "updated", "unchanged")
REJECTED = "failed"  # the recorder's word


def sync_rows(
    report: RunReport, readers: Mapping[str, str], error_of: Callable[[str], str | None]
) -> Iterator[dict[str, Any]]:
    """Yield a row for each stream, also for those that the run did not get to.

    Args:
        report: What the run did.
        readers: By stream, the stream whose sync reads it: itself, or its parent.
        error_of: Returns the class of the error that kept a child stream alone incomplete.
    """
    syncs = {stream.stream: stream for stream in report.streams}
    over = report.started + timedelta(seconds=report.seconds)
    for name, reader in readers.items():
        sync = syncs.get(reader)
        yield {
            "marketplace": report.marketplace,
            "account_type": report.account_type,
            "run_id": report.run_id,
            "stream": name,
            "tap_version": version("tap-emag"),
            **(
                _read(report, name, sync, None if name == reader else error_of(name))
                if sync
                else _not_begun(report, over)
            ),
        }


def _read(
    report: RunReport, name: str, sync: StreamReport, own_error: str | None
) -> dict[str, Any]:
    error = sync.error or own_error
    state = "failed" if own_error and sync.status == "completed" else sync.status
    own, started = name == sync.stream, sync.started or report.started
    rejected = sync.actions.get(REJECTED, 0)
    counts = {f"rows_{action}": sync.actions.get(action, 0) for action in ACTIONS}
    return {
        "started": moment(started),
        "ended": moment(started + timedelta(seconds=sync.seconds)),
        "state": state,
        "mode": "full" if sync.full else "incremental",
        "complete": state == "completed" and not rejected,
        "read_up_to": moment(sync.bookmark) if sync.bookmark else None,
        "rows_written": sync.rows.get(name, 0),
        **(counts if own else dict.fromkeys(counts)),
        "rows_rejected": rejected if own else None,
        "requests": sync.requests if own else None,
        "error": error,
    }


def _not_begun(report: RunReport, over: datetime) -> dict[str, Any]:
    counts = (*(f"rows_{action}" for action in ACTIONS), "rows_rejected", "mode", "read_up_to")
    return {
        "started": moment(over),
        "ended": moment(over),
        "state": "failed" if report.status == "completed" else report.status,
        "complete": False,
        "rows_written": 0,
        **dict.fromkeys(counts),
        "requests": 0,
        "error": report.error,
    }


def moment(value: datetime) -> str:
    """Write a moment in UTC."""
    return value.astimezone(timezone.utc).isoformat(timespec="milliseconds")
