"""The doctor's report: a line for each check, free of secrets, names, addresses and ids.

A user pastes the report into an issue. So lines contain counts and names of keys, never a value
that eMAG sent, and every text passes `Discretion` before it is shown.
"""

from __future__ import annotations

import getpass
import re
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from tap_emag.errors import (
    BudgetStoreError,
    EmagError,
    ForbiddenError,
    NotThereError,
    TransientError,
)
from tap_emag.quoting import printable
from tap_emag.redaction import HIDDEN, Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_emag.ops.doctor.answer import Answer

Status = Literal["ok", "warning", "fault", "skipped"]
FAULTY: Final = 4  # exit code
IP_ADDRESS: Final = re.compile(
    r"(?<![\w.])(?:\d{1,3}(?:\.\d{1,3}){3}|(?=[0-9a-f]*:[0-9a-f:]*:)[0-9a-f:]{3,39})(?![\w.])",
    re.IGNORECASE,
)
SHORTEST_PATH: Final = 4  # characters; "/" would match everywhere
USUAL_USERS: Final = frozenset({"root", "emag", "postgres"})  # of services, not of persons
WIDTH: Final = 30  # characters of the column with the names of checks


class EnoughError(EmagError):
    """The doctor sends no further request."""


@dataclass(frozen=True)
class Line:
    """The result of one check; `remedy` is what to do, "" where nothing is."""

    section: str
    check: str
    status: Status
    text: str
    remedy: str = ""


class Discretion:
    """Hides secrets, names of users, folders and addresses in texts."""

    def __init__(self) -> None:
        """Begin with this user's name and folder."""
        self._secrets: list[str] = []
        self._words: dict[str, str] = {}
        with suppress(RuntimeError):
            self.word(str(Path.home()), "~")
        with suppress(OSError, KeyError, ImportError):
            self.names([getpass.getuser()])
        self._redactor = Redactor(self._secrets)

    def secrets(self, texts: Iterable[str]) -> None:
        """Hide these texts in every spelling."""
        self._secrets += [text for text in texts if text]
        self._redactor = Redactor(self._secrets)

    def names(self, texts: Iterable[str]) -> None:
        """Hide names of users and databases, unless they are usual ones."""
        self.secrets(text for text in texts if text not in USUAL_USERS)

    def word(self, text: str, instead: str) -> None:
        """Show a word instead of a folder or an address."""
        if len(text) >= SHORTEST_PATH:
            self._words[text] = instead

    def clean(self, text: str) -> str:
        """Return a text as one printable line with nothing personal in it."""
        for found in sorted(self._words, key=len, reverse=True):
            text = text.replace(found, self._words[found])
        return IP_ADDRESS.sub(HIDDEN, self._redactor.clean(printable(text)))


class Report:
    """Collects lines, each of the section that was begun last."""

    def __init__(self, show: Callable[[Line], object] = lambda _: None) -> None:
        """Pass each line to `show` as soon as it is known."""
        self.lines: list[Line] = []
        self.discretion = Discretion()
        self._show = show
        self._section = ""

    def begin(self, section: str) -> None:
        """Begin a section."""
        self._section = section

    def ok(self, check: str, text: str) -> None:
        """Add a check with a good or a neutral result."""
        self._add(check, "ok", text)

    def warn(self, check: str, text: str, remedy: str = "") -> None:
        """Add a check whose result deserves a look."""
        self._add(check, "warning", text, remedy)

    def fault(self, check: str, text: str, remedy: str = "") -> None:
        """Add a check whose result keeps runs from working."""
        self._add(check, "fault", text, remedy)

    def skip(self, check: str, reason: str) -> None:
        """Add a check that could not be made."""
        self._add(check, "skipped", reason)

    def answered(self, check: str, answer: Answer) -> bool:
        """Return whether a request succeeded; add a line with the reason if not."""
        error = answer.error
        if error is None:
            return True
        text = str(error)
        if isinstance(error, EnoughError):
            self.skip(check, f"not asked: {text}")
        elif not answer.sent:
            self.skip(check, "not asked, for the reason above")
        elif isinstance(error, ForbiddenError):
            self.fault(check, *_halves(text))
        elif isinstance(error, NotThereError):
            self.warn(check, text, "open an issue: this host has no such resource")
        elif isinstance(error, TransientError):
            self.warn(check, text, "run the doctor again later; if it fails again, ask eMAG")
        else:
            self.warn(check, text, "open an issue with this line")
        return False

    @property
    def counts(self) -> dict[str, int]:
        """How many lines have each status."""
        found = Counter(line.status for line in self.lines)
        return {status: found[status] for status in ("ok", "warning", "fault", "skipped")}

    @property
    def exit_code(self) -> int:
        """0 without a fault."""
        return FAULTY if self.counts["fault"] else 0

    def document(self) -> list[dict[str, Any]]:
        """Return the lines as JSON values."""
        return [asdict(line) for line in self.lines]

    def _add(self, check: str, status: Status, text: str, remedy: str = "") -> None:
        clean = self.discretion.clean
        line = Line(self._section, check, status, clean(text), clean(remedy))
        self.lines.append(line)
        self._show(line)


class Printer:
    """Writes lines for people, with a heading for each section."""

    def __init__(self, write: Callable[[str], object]) -> None:
        """Write each line of text with `write`."""
        self._write = write
        self._section = ""

    def __call__(self, line: Line) -> None:
        """Write one line, and its remedy below it."""
        if line.section != self._section:
            self._section = line.section
            self._write(f"\n{line.section}")
        self._write(f"  {line.status:<8} {line.check:<{WIDTH}} {line.text}".rstrip())
        if line.remedy:
            self._write(f"  {'':<8} {'':<{WIDTH}} -> {line.remedy}")


def summary(report: Report, requests: int) -> Iterator[str]:
    """Yield the last lines of a report for people."""
    counts = report.counts
    found = [f"{counts['ok']} ok"]
    found += [
        f"{counts[status]} {status}{'s' if status != 'skipped' and counts[status] != 1 else ''}"
        for status in ("warning", "fault", "skipped")
        if counts[status]
    ]
    yield f"{', '.join(found)}; {requests} requests to eMAG."
    if not counts["fault"]:
        yield "No fault found."


def explained(error: Exception) -> tuple[str, str]:
    """Return the text and the remedy of an error of the tap."""
    if isinstance(error, BudgetStoreError):
        return str(error), "check that it runs, and the address, user and password in it"
    return _halves(str(error))


def _halves(text: str) -> tuple[str, str]:
    """Split a message of the tap into what is wrong and what to do."""
    for mark in ("; ", ". "):
        problem, found, remedy = text.partition(mark)
        if found:
            return problem, remedy
    return text, ""
