"""Finds facts of a run that its row lacks: account, rows, oldest bookmark."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# Lines of the tap: see `tap_emag.reporting.summary`, `tap_emag.progress`.
ENDED: Final = re.compile(
    r"\b(?:\d+ )?(?P<stream>[a-z_]+|code lists?): (?:[a-z ]+; )?"
    r"(?:(?P<rows>[\d,]+) rows?|nothing new)(?: \([^)]*\))?(?P<children>(?:, [a-z_]+ [\d,]+)*)"
    r"(?:; |\s*$)"
)
CHILD: Final = re.compile(r", (?P<stream>[a-z_]+) (?P<rows>[\d,]+)")
READING: Final = re.compile(
    r"\b(?P<what>[a-z_]+(?: of type \d+)?): .*, (?P<rows>[\d,]+) rows, [\d,]+ per second"
)


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
    """Count the rows that a run's tap has reported, by stream; code lists count as one.

    Meltano keeps the tap's lines in the run's log. The tap reports at the end of each stream, and
    before it the rows of long readings so far. None if nothing was reported.
    """
    if log is None:
        return None
    ended: dict[str, int] = {}
    so_far: dict[str, int] = {}
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            _, _, text = line.partition(f"] {tap} ")
            if end := ENDED.search(text):
                ended[end["stream"].replace(" ", "_")] = _number(end["rows"])
                for child in CHILD.finditer(end["children"]):
                    ended[child["stream"]] = _number(child["rows"])
            elif found := READING.search(text):
                so_far[found["what"]] = _number(found["rows"])
    reading = Counter[str]()
    for what, number in so_far.items():
        reading[what.partition(" of type ")[0]] += number
    return {**reading, **ended} or None


def _partitions(state: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for stream, bookmark in (state.get("bookmarks") or {}).items():
        yield stream, bookmark
        for part in bookmark.get("partitions") or []:
            yield stream, part


def _number(text: str | None) -> int:
    return int((text or "0").replace(",", ""))


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", str(value)))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
