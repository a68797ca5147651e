"""Finds why a run failed, in Meltano's database and in the run's log.

Meltano's database contains only "Loader failed". The reason is a line of the run's log: a critical
one of `emag-loader`, or the last line of a traceback, where a project runs the loader itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tap_emag.quoting import quote
from tap_emag.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tap_emag.ops.meltano.database import Run
    from tap_emag.ops.meltano.project import Place

EXTRACTOR_ALONE: Final = "Extractor failed"  # Meltano's words; the loader then took all rows
LOADER_FAILED: Final = "Loader failed"  # likewise
# Meltano records one of these instead if it is writing rows to the loader at that moment.
BROKEN_PIPE: Final = re.compile(
    r"(BrokenPipe|ConnectionReset)Error\b|Broken pipe|Connection (lost|reset)", re.IGNORECASE
)
LONGEST: Final = 500  # characters
LINE: Final = re.compile(r"^\S+ \[(?P<level>\w+) *\] (?P<source>\S+) +(?P<text>.*)$")
CRITICAL: Final = "critical"
# The last line of a traceback: a class with its module, and its message.
RAISED: Final = re.compile(
    r"^(?:[a-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Failure)\w*: (?P<message>.+)$"
)
DRIVER: Final = re.compile(r"^\(\w+(?:\.\w+)*\) ")  # SQLAlchemy names the driver's class first


def reason(place: Place, run: Run, recorded: str | None) -> str:
    """Return why a run failed, in one line.

    Args:
        place: The project, which knows where the run's log is.
        run: A run that failed.
        recorded: The reason in Meltano's database.
    """
    error = quote(recorded or "", LONGEST) or "Meltano recorded no reason"
    log = place.log_of(run)
    if not loader_failed(recorded):
        last = _last_line(log, run.extractor) if log and error == EXTRACTOR_ALONE else None
        return f"{error}; last line of {run.extractor}: {last}" if last else error
    if BROKEN_PIPE.search(error):
        error = LOADER_FAILED
    loader = run.state_id.partition("-to-")[2].partition(":")[0]
    message = _loader_message(log, loader) if log else None
    return f"{loader}: {message}" if message else f"{loader}: {error}; see its log"


def loader_failed(recorded: str | None) -> bool:
    """Return whether what Meltano recorded means that the loader failed."""
    text = recorded or ""
    return "loader failed" in text.lower() or BROKEN_PIPE.search(text) is not None


def _last_line(log: Path, extractor: str) -> str | None:
    """Return the last line of a tap, which is its reason where it could log one."""
    last = ""
    with log.open(encoding="utf-8", errors="replace") as lines:
        for raw in lines:
            line = LINE.match(raw.rstrip("\n"))
            if line and line["source"] == extractor:
                last = line["text"].strip() or last
    return quote(Redactor([]).clean(last), LONGEST) or None


def _loader_message(log: Path, loader: str) -> str | None:
    """Return why a loader failed in its own words, without secrets and personal data."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        message = _last_raised(lines, loader)
    if message is None:
        return None
    return quote(Redactor([]).clean(DRIVER.sub("", message)), LONGEST)


def _last_raised(lines: Iterable[str], loader: str) -> str | None:
    said = raised = None
    for raw in lines:
        line = LINE.match(raw.rstrip("\n"))
        if line and line["source"] == loader:
            if line["level"] == CRITICAL:
                said = line["text"]
            elif found := RAISED.match(line["text"]):
                raised = found["message"]
    return said or raised
