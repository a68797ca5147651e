"""What a run did, told when it is over: to a person, and to whoever listens at a webhook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Status = Literal["success", "failed", "timed_out"]
Event = Literal["sync_completed", "sync_failed", "sync_timed_out"]
EVENTS: dict[Status, Event] = {
    "success": "sync_completed",
    "failed": "sync_failed",
    "timed_out": "sync_timed_out",
}


@dataclass(frozen=True)
class StreamReport:
    """One stream of a run.

    `rows` counts the rows written of the stream and of each child stream, by stream name. `actions`
    counts what was met by what became of it: created, updated, unchanged; a stream that cannot tell
    has none. `waited` is how long its requests waited for slots, in seconds, all threads together.
    `bookmark` is the oldest of the stream's partitions, in UTC; `error` the class of what ended it.
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


@dataclass(frozen=True)
class RunReport:
    """One run of the tap, with its streams in the order they ended.

    `error` is the class of what ended the run, `message` what it says: what to do next, without
    credentials or rows.
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
