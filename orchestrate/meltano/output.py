"""Reads what `meltano run` logs: lines for people, rows, and why a run failed.

Meltano ends with code 1 whatever happened, but its line "Block run completed" tells the codes that
tap and loader ended with.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from typing import Any, Final

# Exit codes of tap-emag: a setting is wrong; eMAG refuses the caller. See docs/errors.md.
PERMANENT: Final = frozenset({2, 3})
EXTRACTORS, LOADERS, UTILITIES, MELTANO = "extractors", "loaders", "utilities", "meltano"
LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}
LAST_LINES: Final = 5
METRIC: Final = re.compile(r"METRIC(?:: ?(?P<point>.*))?$", re.DOTALL)
# What every run says, and no reason why one failed.
USUAL: Final = re.compile(r"Skipping parse of env var settings|[\w-]+ v\S+, Meltano SDK")
# A line of a Meltano whose own `logging.yaml` says how it logs.
PLAIN: Final = re.compile(r"^\S+ \[(?P<level>\w+) *\] (?P<source>\S+) +(?P<text>.*)$")


@dataclass(frozen=True)
class Line:
    """A line for people: a level of `logging`, who wrote it, and what."""

    level: int
    source: str
    text: str

    def __str__(self) -> str:
        """Show it as Meltano would."""
        return f"{self.source}: {self.text}"


@dataclass(frozen=True)
class Failure:
    """Why a run failed: a sentence for each problem, and whether trying again cannot help."""

    problems: tuple[str, ...]
    permanent: bool

    def __str__(self) -> str:
        """Join the problems, one a line."""
        return "\n".join(self.problems)


class Output:
    """The log of one run, as far as it was read.

    `rows` counts the rows that each stream has written, `state_ids` are the pipelines that ran, and
    `codes` the exit codes of plugins that failed, by what they are: extractors, loaders. They are
    {} if it was a plugin of another kind, and None if Meltano told of none.
    """

    def __init__(self) -> None:
        """Begin with nothing read."""
        self.rows: Counter[str] = Counter()
        self.state_ids: list[str] = []
        self.codes: dict[str, int] | None = None
        self._critical: dict[str, list[str]] = defaultdict(list)
        self._last: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=LAST_LINES))

    def read(self, raw: str) -> Line | None:
        """Read one line; return it as people may read it, or None if it is a measurement."""
        event = _object(raw)
        line = _line(event, raw)
        state_id = event.get("job_name")
        if isinstance(state_id, str) and state_id not in self.state_ids:
            self.state_ids.append(state_id)
        if "exit_codes" in event:
            self.codes = _codes(event["exit_codes"])
            said = event.get("err", line.text)
            return Line(line.level, line.source, f"{said} {event['exit_codes'] or ''}")
        role = _role(event)
        measured = METRIC.match(line.text)
        if measured:
            if role == EXTRACTORS:
                self._count(event, measured["point"] or "")
            return None
        self._keep(role, line)
        return line

    def failure(self, code: int) -> Failure:
        """Say why a run failed that ended with this code: in the words of whoever did."""
        codes = self.codes or {}
        if self.codes is None:
            # Meltano ended, or was ended, before it told of any plugin.
            problems = [*self._critical[EXTRACTORS], *self._words(MELTANO)]
        else:
            # Without a code it was a plugin that neither reads nor loads.
            said = [text for role in list(codes) or [UTILITIES] for text in self._words(role)]
            problems = said or self._words(MELTANO)
        return Failure(
            tuple(problems or self._last_words(code)), codes.get(EXTRACTORS) in PERMANENT
        )

    def _last_words(self, code: int) -> list[str]:
        spoken = (self._words(role) for role in (EXTRACTORS, LOADERS, UTILITIES))
        last = next((words for words in spoken if words), [])
        return [*last, f"meltano ended with code {code} and does not say why"]

    def _words(self, role: str) -> list[str]:
        return self._critical[role] or list(self._last[role])

    def _keep(self, role: str, line: Line) -> None:
        if not line.text.strip() or USUAL.match(line.text):
            return
        if line.level >= logging.CRITICAL:
            self._critical[role].append(line.text)
        if role != MELTANO or line.level >= logging.ERROR:
            self._last[role].append(line.text)

    def _count(self, event: dict[str, Any], text: str) -> None:
        # Meltano may have taken the tap's JSON apart, or left it in there.
        point = _own(event).get("metric_info") or event.get("metric_info") or _object(text)
        if not isinstance(point, dict) or point.get("metric") != "record_count":
            return
        tags, value = point.get("tags"), point.get("value")
        stream = tags.get("stream") if isinstance(tags, dict) else None
        if isinstance(stream, str) and type(value) is int:
            self.rows[stream] += value


def _line(event: dict[str, Any], raw: str) -> Line:
    if "event" not in event and "exit_codes" not in event:
        found = PLAIN.match(raw)
        if found:
            return Line(_level(found["level"]), found["source"], found["text"].rstrip())
        # What the command line itself says: "Error: Block … not found".
        return Line(logging.ERROR, MELTANO, raw.rstrip())
    own = _own(event)
    return Line(
        _level(own.get("level", event.get("level"))),
        str(event.get("string_id") or event.get("name") or MELTANO),
        str(own.get("message", event.get("event", ""))),
    )


def _own(event: dict[str, Any]) -> dict[str, Any]:
    """Return what a plugin said that logs JSON, too, and so tells its own level."""
    found = _object(str(event.get("event")))
    return found if "message" in found else {}


def _role(event: dict[str, Any]) -> str:
    """Return which side of the run wrote a line."""
    if event.get("producer"):
        return EXTRACTORS
    if event.get("consumer"):
        return LOADERS
    return UTILITIES if "stdio" in event else MELTANO


def _codes(told: Any) -> dict[str, int]:  # noqa: ANN401 - JSON
    if not isinstance(told, dict):
        return {}
    return {kind: code for kind, code in told.items() if type(code) is int}


def _level(name: object) -> int:
    return LEVELS.get(str(name).lower(), logging.INFO)


def _object(text: str) -> dict[str, Any]:
    if not text.lstrip().startswith("{"):
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
