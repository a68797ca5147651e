"""Reads what `meltano run` logs, and finds in it why a run failed.

Meltano ends with code 1 whatever happened, but its line "Block run completed" tells the codes that
tap and loader ended with.
"""

from __future__ import annotations

import json
import logging
import re
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any

# Exit codes of tap-emag: a setting is wrong; eMAG refuses the caller. See docs/errors.md.
PERMANENT = frozenset({2, 3})
EXTRACTORS, LOADERS, UTILITIES, MELTANO = "extractors", "loaders", "utilities", "meltano"
LAST_LINES = 3
# What every run says, and no reason why one failed.
USUAL = re.compile(r"METRIC|Skipping parse of env var settings|[\w-]+ v\S+, Meltano SDK")
# A line that Meltano wrote before it was told to write JSON.
PLAIN = re.compile(r"^\S+ \[(?P<level>\w+) *\] (?P<source>\S+) +(?P<text>.*)$")


@dataclass(frozen=True)
class Line:
    """A line of the log: a level of `logging`, who wrote it, and what."""

    level: int
    source: str
    text: str


@dataclass(frozen=True)
class Failure:
    """Why a run failed: a sentence for each problem, and whether trying again cannot help."""

    problems: tuple[str, ...]
    permanent: bool

    def __str__(self) -> str:
        """Join the problems, one a line."""
        return "\n".join(self.problems)


class Output:
    """The log of one run, as far as it was read."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._critical: dict[str, list[str]] = defaultdict(list)
        self._last: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=LAST_LINES))
        self._codes: dict[str, int] | None = None

    def read(self, raw: str) -> Line:
        """Read one line, and return it in a form that people can read."""
        event = _object(raw)
        line = _line(event, raw)
        if "exit_codes" in event:
            codes = event["exit_codes"]
            self._codes = codes if isinstance(codes, dict) else {}
            return Line(line.level, line.source, f"{event.get('err', line.text)} {codes or ''}")
        self._keep(_role(event), line)
        return line

    def failure(self) -> Failure:
        """Say why a run failed that ended with another code than 0."""
        codes = self._codes
        # Without a code it was a plugin that neither reads nor loads, or Meltano itself.
        roles = [MELTANO] if codes is None else list(codes) or [UTILITIES]
        problems = [text for role in roles for text in self._critical[role] or self._last[role]]
        return Failure(
            tuple(problems or self._last[MELTANO] or ["meltano failed and does not say why"]),
            (codes or {}).get(EXTRACTORS) in PERMANENT,
        )

    def _keep(self, role: str, line: Line) -> None:
        if not line.text.strip() or USUAL.match(line.text):
            return
        if line.level >= logging.CRITICAL:
            self._critical[role].append(line.text)
        if role != MELTANO or line.level >= logging.ERROR:
            self._last[role].append(line.text)


def _line(event: dict[str, Any], raw: str) -> Line:
    if not event:
        found = PLAIN.match(raw)
        if found:
            return Line(_level(found["level"]), found["source"], found["text"].rstrip())
        # What the command line itself says: "Error: Block … not found".
        return Line(logging.ERROR, MELTANO, raw.rstrip())
    text = str(event.get("event", ""))
    level = str(event.get("level", ""))
    # A tap that logs JSON, too, tells its own level in there.
    inner = _object(text)
    if "level" in inner:
        text, level = str(inner.get("message") or text), str(inner["level"])
    return Line(_level(level), str(event.get("name") or MELTANO), text)


def _role(event: dict[str, Any]) -> str:
    """Return which side of the run wrote a line."""
    if event.get("producer"):
        return EXTRACTORS
    if event.get("consumer"):
        return LOADERS
    return UTILITIES if "stdio" in event else MELTANO


def _level(name: str) -> int:
    number = getattr(logging, name.upper(), logging.INFO)
    return number if isinstance(number, int) else logging.INFO


def _object(text: str) -> dict[str, Any]:
    if not text.startswith("{"):
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
