"""Formats a report as this tap's own JSON, described in `docs/webhook.schema.json`."""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any

from tap_emag.reporting.report import EVENTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tap_emag.reporting.report import RunReport, StreamReport

VERSION = 1  # increases when a key is removed or changes its meaning, not for new keys
LONGEST_MESSAGE = 2000  # characters


def as_json(report: RunReport, delivery: str) -> dict[str, Any]:
    """Return the body of one delivery; `delivery` is its id, the same in each attempt."""
    ended = report.started + timedelta(seconds=report.seconds)
    return {
        "version": VERSION,
        "id": delivery,
        "event": EVENTS[report.status],
        "account": {"marketplace": report.marketplace, "account_type": report.account_type},
        "run_id": report.run_id,
        "started_at": moment(report.started),
        "ended_at": moment(ended),
        "duration_seconds": round(report.seconds, 3),
        "exit_code": report.exit_code,
        "error": report.error,
        "message": None if report.message is None else cut(report.message, LONGEST_MESSAGE),
        "streams": [_stream(stream) for stream in report.streams],
    }


def encoded(body: Mapping[str, Any]) -> bytes:
    """Encode a body as UTF-8; characters that UTF-8 lacks, such as half a surrogate, become `?`."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def moment(value: datetime) -> str:
    """Write a moment in UTC, such as 2026-11-24T19:06:08.000Z."""
    text = value.astimezone(timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def cut(text: str, most: int) -> str:
    """Return the text, cut with an ellipsis if it is longer than `most`."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _stream(stream: StreamReport) -> dict[str, Any]:
    return {
        "stream": stream.stream,
        "status": stream.status,
        "mode": "full" if stream.full else "incremental",
        "rows": dict(stream.rows),
        "actions": dict(stream.actions),
        "requests": stream.requests,
        "waited_seconds": round(stream.waited, 3),
        "duration_seconds": round(stream.seconds, 3),
        "bookmark": moment(stream.bookmark) if stream.bookmark else None,
        "error": stream.error,
    }
