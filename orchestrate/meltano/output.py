"""Reads the log of `meltano run`: lines for people, rows, and why a run failed.

Meltano ends with code 1 after any failure, but its line "Block run completed" contains the exit
codes of tap and loader.
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
# Characters that a terminal would obey. A line break starts an indented line, so that a text cannot
# forge a line.
UNSEEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069]")
# A line of a Meltano that logs as its own `logging.yaml` declares.
PLAIN: Final = re.compile(r"^\S+ \[(?P<level>\w+) *\] (?P<source>\S+) +(?P<text>.*)$")


@dataclass(frozen=True)
class Line:
    """A line for people: its level in `logging`, its source and its text."""

    level: int
    source: str
    text: str

    def __str__(self) -> str:
        """Show it as Meltano would."""
        return _shown(f"{self.source}: {self.text}")


@dataclass(frozen=True)
class Failure:
    """Why a run failed: who, and a sentence for each problem; and whether a retry cannot help."""

    problems: tuple[str, ...]
    permanent: bool

    def __str__(self) -> str:
        """Join the problems, one a line."""
        return "\n".join(map(_shown, self.problems))


class Output:
    """The log of one run, as far as it was read.

    - `rows`: how many rows each stream has written.
    - `state_ids`: the pipelines that ran.
    - `codes`: the exit codes of plugins that failed, by kind: extractors, loaders; {} if it was a
      plugin of another kind, None if Meltano logged none.
    """

    def __init__(self) -> None:
        """Begin before the first line."""
        self.rows: Counter[str] = Counter()
        self.state_ids: list[str] = []
        self.codes: dict[str, int] | None = None
        self._critical: dict[str, list[str]] = defaultdict(list)
        self._last: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=LAST_LINES))

    def read(self, raw: str) -> Line:
        """Read one line, and return it for people."""
        event = _object(raw)
        line = _line(event, raw)
        state_id = event.get("job_name")
        if isinstance(state_id, str) and state_id not in self.state_ids:
            self.state_ids.append(state_id)
        if "exit_codes" in event:
            self.codes = _codes(event["exit_codes"])
            text = event.get("err", line.text)
            return Line(line.level, line.source, f"{text} {event['exit_codes'] or ''}")
        role = _role(event)
        if role == EXTRACTORS:
            self._count(event)
        self._keep(role, line)
        return line

    def failure(self, code: int) -> Failure:
        """Return why a run with this exit code failed, from the log lines of its cause."""
        codes = self.codes or {}
        if self.codes is None:
            # Meltano ended, or was ended, before it logged the codes.
            by_loader = self._critical[LOADERS]
            problems = [*self._critical[EXTRACTORS], *(by_loader or self._words(MELTANO))]
        else:
            # Without a code it was a plugin that neither reads nor loads.
            found = [text for role in list(codes) or [UTILITIES] for text in self._words(role)]
            killed = [
                f"{role}: ended by signal {-code}; 9 may be for lack of memory"
                for role, code in codes.items()
                if code < 0 and not self._critical[role]
            ]
            problems = [*found, *killed] or self._words(MELTANO)
        return Failure(
            tuple(problems or self._last_words(code)), codes.get(EXTRACTORS) in PERMANENT
        )

    def _last_words(self, code: int) -> list[str]:
        spoken = (self._words(role) for role in (EXTRACTORS, LOADERS, UTILITIES))
        last = next((words for words in spoken if words), [])
        return [*last, f"meltano: ended with code {code} and gives no reason"]

    def _words(self, role: str) -> list[str]:
        return self._critical[role] or list(self._last[role])

    def _keep(self, role: str, line: Line) -> None:
        if not line.text.strip():
            return
        if line.level >= logging.CRITICAL:
            self._critical[role].append(f"{line.source}: {line.text}")
        if role != MELTANO or line.level >= logging.ERROR:
            self._last[role].append(f"{line.source}: {line.text}")

    def _count(self, event: dict[str, Any]) -> None:
        """Add the rows that the tap has written of a stream, which come with the line of its end.

        Meltano may have parsed the tap's JSON into the event, or left it in the text.
        """
        extra = _own(event).get("extra")
        rows = extra.get("rows") if isinstance(extra, dict) else event.get("rows")
        for stream, number in rows.items() if isinstance(rows, dict) else ():
            if type(number) is int:
                self.rows[stream] += number


def _line(event: dict[str, Any], raw: str) -> Line:
    if "event" not in event and "exit_codes" not in event:
        found = PLAIN.match(raw)
        if found:
            return Line(_level(found["level"]), found["source"], found["text"].rstrip())
        # A message of the command line itself: "Error: Block … not found".
        return Line(logging.ERROR, MELTANO, raw.rstrip())
    own = _own(event)
    level = own.get("level", event.get("level"))
    text = str(own.get("message", event.get("event", "")))
    if _role(event) == UTILITIES:  # Meltano logs each of its lines as info
        named, _, rest = text.partition(": ")
        level, text = (named, rest) if named in LEVELS else (level, text)
    return Line(_level(level), str(event.get("string_id") or event.get("name") or MELTANO), text)


def _shown(text: str) -> str:
    """Return a text without control characters, its further lines indented."""
    return UNSEEN.sub(" ", text).replace("\n", "\n    ")


def _own(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event of a plugin that logs JSON as well, with its own level."""
    found = _object(str(event.get("event")))
    return found if "message" in found else {}


def _role(event: dict[str, Any]) -> str:
    """Return which kind of plugin wrote a line."""
    if event.get("producer"):
        return EXTRACTORS
    if event.get("consumer"):
        return LOADERS
    return UTILITIES if "stdio" in event else MELTANO


def _codes(logged: Any) -> dict[str, int]:  # noqa: ANN401 - JSON
    if not isinstance(logged, dict):
        return {}
    return {kind: code for kind, code in logged.items() if type(code) is int}


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
