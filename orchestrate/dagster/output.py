"""Understands what `meltano --log-format=json run` writes: lines, rows, and why it failed."""

from __future__ import annotations

import json
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any, Final

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
METRIC: Final = "METRIC"
TAIL: Final = 5


@dataclass(frozen=True)
class Line:
    """A line for people: who wrote it, how grave it is (one of `LEVELS`), and what it says."""

    source: str
    level: str
    text: str

    def __str__(self) -> str:
        """Show it as Meltano would."""
        return f"{self.source}: {self.text}"


class Output:
    """Takes the lines of one run as they come, and knows afterwards what they meant.

    `rows` counts the rows each stream has written, `state_ids` are the pipelines that ran, and
    `codes` the exit codes of plugins that failed, by what they are: extractors, loaders, utilities.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.rows: Counter[str] = Counter()
        self.state_ids: list[str] = []
        self.codes: dict[str, int] = {}
        self._grave: list[str] = []
        self._tap: deque[str] = deque(maxlen=TAIL)
        self._others: deque[str] = deque(maxlen=TAIL)

    def take(self, text: str) -> Line | None:
        """Take one line; return it as people may read it, or None if it is a measurement."""
        event = _object(text)
        if event is None or "event" not in event:
            return self._keep(Line("meltano", "info", text), tap=False)
        state_id = event.get("job_name")
        if isinstance(state_id, str) and state_id not in self.state_ids:
            self.state_ids.append(state_id)
        if isinstance(codes := event.get("exit_codes"), dict):
            self.codes |= {str(kind): code for kind, code in codes.items() if type(code) is int}
        told = _told(event)
        tap = bool(event.get("producer"))
        if told.text.startswith(METRIC):
            if tap:
                self._count(event, told.text)
            return None
        return self._keep(told, tap=tap)

    @property
    def exit_code(self) -> int | None:
        """The tap's exit code if it failed; 0 says that another plugin did, None that none did."""
        return self.codes.get("extractors", 0) if self.codes else None

    @property
    def problem(self) -> str:
        """Why it failed, in the words of whoever did: the tap, else the last who said anything."""
        if self._grave:
            return "\n".join(self._grave)
        return "\n".join(self._tap if self.exit_code else self._others)

    def _count(self, event: dict[str, Any], text: str) -> None:
        point = _inner(event).get("metric_info") or event.get("metric_info")
        point = point or _object(text.removeprefix(f"{METRIC}:"))
        if isinstance(point, dict) and point.get("metric") == "record_count":
            stream, value = (point.get("tags") or {}).get("stream"), point.get("value")
            if isinstance(stream, str) and type(value) is int:
                self.rows[stream] += value

    def _keep(self, line: Line, *, tap: bool) -> Line:
        if tap and line.level == "critical":
            self._grave.append(line.text)
        (self._tap if tap else self._others).append(line.text)
        return line


def _told(event: dict[str, Any]) -> Line:
    """Take the line out of Meltano's event, and out of the tap's own JSON if that is in there."""
    inner = _inner(event)
    text = inner.get("message", event["event"])
    level = inner.get("level", event.get("level"))
    source = event.get("string_id") or event.get("name") or "meltano"
    return Line(str(source), level if level in LEVELS else "info", str(text))


def _inner(event: dict[str, Any]) -> dict[str, Any]:
    inner = _object(str(event.get("event")))
    return inner if inner is not None and "message" in inner else {}


def _object(text: str) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
