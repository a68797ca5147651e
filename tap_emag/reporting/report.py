"""The report of a run, for people and for the receiver of a webhook."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec reads the annotations
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - likewise
from typing import Literal

Status = Literal["completed", "failed", "timed_out"]
Event = Literal["sync_completed", "sync_failed", "sync_timed_out"]
EVENTS: dict[Status, Event] = {
    "completed": "sync_completed",
    "failed": "sync_failed",
    "timed_out": "sync_timed_out",
}


@dataclass(frozen=True)
class StreamReport:
    """One stream of a run.

    - `rows`: the number written of the stream and of each child stream, by stream name.
    - `actions`: the number of rows created, updated and unchanged; empty if unknown.
    - `waited`: seconds its requests waited for slots, the sum of all threads.
    - `bookmark`: the oldest of its partitions, in UTC.
    - `error`: the class of the error that ended it.
    - `started`: None in a report that a version before kept for the loader's confirmation.
    """

    stream: str
    status: Status
    full: bool
    seconds: float
    rows: Mapping[str, int]
    actions: Mapping[str, int]
    requests: int
    waited: float
    bookmark: datetime | None = None
    error: str | None = None
    started: datetime | None = None


@dataclass(frozen=True)
class RunReport:
    """One run of the tap, with its streams in the order they ended.

    `error` is the class of the error that ended the run, `message` its text, which names the next
    step and contains no credentials or rows.
    """

    run_id: str
    marketplace: str
    account_type: str
    started: datetime
    seconds: float
    status: Status
    exit_code: int
    streams: tuple[StreamReport, ...]
    error: str | None = None
    message: str | None = None
