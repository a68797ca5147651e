"""Finds facts of a run that its row lacks: account, rows, oldest bookmark."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

METRIC: Final = "METRIC: "
DECODER: Final = json.JSONDecoder()


def accounts(state: Mapping[str, Any]) -> list[str]:
    """Return the accounts of a Singer state's bookmarks, as `marketplace/account_type`."""
    contexts = (part.get("context") or {} for _, part in _partitions(state))
    pairs = {(each.get("marketplace"), each.get("account_type")) for each in contexts}
    return sorted(f"{market}/{kind}" for market, kind in pairs if market and kind)


def oldest_bookmark(state: Mapping[str, Any]) -> tuple[str, datetime] | None:
    """Return the oldest bookmark, with its stream."""
    found = []
    for stream, part in _partitions(state):
        moment = _moment(part.get("replication_key_value"))
        if moment:
            found.append((moment, stream))
    if not found:
        return None
    moment, stream = min(found)
    return stream, moment


def rows(log: Path | None, tap: str) -> dict[str, int] | None:
    """Count the rows that a run's tap has reported, by stream.

    Meltano keeps the tap's lines in the run's log. The tap reports at the end of each stream, and
    once a minute before; each report counts from the one before. None if nothing was reported.
    """
    if log is None:
        return None
    counts: dict[str, int] = {}
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            head, found, tail = line.partition(METRIC)
            if not found or tap not in head.split():
                continue
            point = _object(tail)
            stream = (point.get("tags") or {}).get("stream")
            if point.get("metric") == "record_count" and stream:
                counts[stream] = counts.get(stream, 0) + int(point.get("value") or 0)
    return counts or None


def _partitions(state: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for stream, bookmark in (state.get("bookmarks") or {}).items():
        yield stream, bookmark
        for part in bookmark.get("partitions") or []:
            yield stream, part


def _object(text: str) -> dict[str, Any]:
    try:
        # In a line of JSON, the quotes are escaped.
        value, _ = DECODER.raw_decode(text.replace('\\"', '"'))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", str(value)))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
