"""Keeps reports of runs in the state store until the loader has confirmed them.

Under Meltano the loader goes on after the tap has ended, so the tap cannot know whether its rows
were loaded. It keeps its report here, from its first moment on. `emag-ops report-runs` completes
the report when Meltano has recorded how the run ended, also for a tap that was killed.
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from tap_emag.errors import AnotherRunError
from tap_emag.reporting.report import RunReport  # noqa: TC001 - likewise
from tap_emag.state.run_lock import only_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_emag.settings.settings import Settings
    from tap_emag.state.store import StateStore

logger = logging.getLogger("tap-emag")

LOCK = "report-runs"
SAVE = "REPLACE INTO unconfirmed_reports VALUES (?, ?)"
LOAD = "SELECT name, content FROM unconfirmed_reports"
FORGET = "DELETE FROM unconfirmed_reports WHERE name = ?"
KILLED = "Killed"  # in place of an error's class


@dataclass(frozen=True)
class Outlets:
    """Where the end of a run is reported: the settings of the same names."""

    webhook_url: str | None = None
    webhook_secret: str | None = None
    webhook_format: str = "json"
    metrics_textfile: Path | None = None
    pushgateway_url: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Outlets:
        """Take them from a run's settings."""
        return cls(**{name: getattr(settings, name) for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Unconfirmed:
    """A report that waits for the loader.

    - `state_id`: the pipeline's, in Meltano's database; `project`: the folder of its project.
    - `sent`: the webhook has received it; a tap that fails reports at once.
    - `backfill`: it changes neither the time of the last success nor the bookmark's metric.
    """

    report: RunReport
    state_id: str
    outlets: Outlets
    project: str
    backfill: bool = False
    sent: bool = False


class UnconfirmedReports:
    """The reports in a state store, which only its user can read: webhook keys are secrets."""

    def __init__(self, store: StateStore) -> None:
        """Use a state store."""
        self._store = store

    def write(self, name: str, entry: Unconfirmed) -> None:
        """Store a report under a name, in place of an earlier one.

        Raises:
            OSError: The file cannot be used.
        """
        content = msgspec.json.encode(entry, enc_hook=str).decode()  # the column takes no bytes
        self._store.execute(SAVE, (name, content))

    def remove(self, name: str) -> None:
        """Delete a report.

        Raises:
            OSError: The file cannot be used.
        """
        self._store.execute(FORGET, (name,))

    @contextmanager
    def taken(self, root: Path) -> Iterator[list[tuple[str, Unconfirmed]]]:
        """Yield a project's reports with their names, oldest run first; [] if another process does.

        Every project gets the reports of a project that was moved or removed.

        Args:
            root: The project's folder.

        Raises:
            OSError: The file cannot be used.
        """
        project = project_of(root)
        try:
            with only_run(self._store, [f"{LOCK} {project}"] if self._rows() else []):
                own = (found for found in self._entries() if _is_given_to(project, found[1]))
                yield sorted(own, key=lambda found: found[1].report.started)
        except AnotherRunError:
            yield []

    def _rows(self) -> list[tuple[str, str]]:
        with self._store.read_only() as state:
            return state.execute(LOAD).fetchall()

    def _entries(self) -> Iterator[tuple[str, Unconfirmed]]:
        for name, content in self._rows():
            entry = _entry(content)
            if entry:
                yield name, entry
            else:
                logger.warning("%s: not a report of this version; removed", name)
                self.remove(name)


def project_of(root: str | Path) -> str:
    """Return the name of a project, the same for every path to its folder."""
    return os.path.realpath(root)


def _is_given_to(project: str, entry: Unconfirmed) -> bool:
    return entry.project == project or not Path(entry.project).is_dir()


def _entry(content: str) -> Unconfirmed | None:
    try:
        return msgspec.json.decode(content, type=Unconfirmed)
    except msgspec.MsgspecError:
        return None


class Confirmation:
    """One run's report until the loader confirms it; an error here does not fail the run."""

    def __init__(self, store: StateStore, settings: Settings, state_id: str) -> None:
        """Prepare to keep the report of a run of this pipeline."""
        self._store = store
        self._reports = UnconfirmedReports(store)
        self._name = uuid4().hex
        self._state_id = state_id
        self._outlets = Outlets.of(settings)
        self._project = project_of(os.environ.get("MELTANO_PROJECT_ROOT", ""))
        self._backfill = settings.is_off_the_bookmark

    def begin(self, report: RunReport) -> None:
        """Store the report to send if this process is killed."""
        message = "the tap was killed; the next run goes on where the last state ends"
        self.keep(replace(report, status="failed", error=KILLED, message=message, exit_code=1))

    def keep(self, report: RunReport, *, sent: bool = False) -> bool:
        """Keep a report until the loader confirms; return whether that was possible.

        If not, delete the earlier report, which would report this run as killed.
        """
        entry = Unconfirmed(
            report, self._state_id, self._outlets, self._project, self._backfill, sent
        )
        try:
            self._reports.write(self._name, entry)
        except OSError as error:
            self._store.free_reserve()
            with suppress(OSError):
                self._reports.remove(self._name)
            logger.warning(
                "state_dir: the report of this run cannot be kept there (%s); it is sent without"
                " the loader's confirmation",
                error.strerror,
            )
            return False
        return True
