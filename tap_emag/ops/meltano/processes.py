"""Finds the processes of a run on this host, and ends them.

Meltano's table names no process. These facts prove which run a process belongs to:

- Meltano itself has the run's log open, whose path contains the run id; or its command line does.
- A process that a Meltano process has started belongs to the same run.
- A plugin whose Meltano is gone names a configuration file in the project's folder of running
  plugins, and its environment names database, environment, extractor and loader. It was started
  while exactly one run of these was running.

Only processes of the same user are read. A process is the one that was found as long as its number
and the moment of its start are the same.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from tap_emag.meltano.own_config import config_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_emag.ops.meltano.database import Run, Runs
    from tap_emag.ops.meltano.project import Place

RUNNERS: Final = frozenset({"run", "el", "elt"})  # Meltano's commands that take a run id
CLOCK: Final = timedelta(seconds=2)  # the error of a process's start time
SIGN: Final = timedelta(seconds=5)  # how late the heartbeat of a living Meltano may be
GRACE: Final = 5.0  # seconds between SIGTERM and SIGKILL
LOOK: Final = 0.1


class RunProcess:
    """A living process of this user; its facts are read once, on demand."""

    def __init__(self, process: psutil.Process) -> None:
        """Record its start, by which a later process with the same number differs.

        Raises:
            psutil.Error: It is gone.
        """
        self.process = process
        self.pid: int = process.pid
        self.parent: int = process.ppid()
        self.words: tuple[str, ...] = tuple(process.cmdline())
        self.created = datetime.fromtimestamp(process.create_time(), timezone.utc)

    @cached_property
    def environment(self) -> Mapping[str, str]:
        """Its environment when it was started; {} if it cannot be read."""
        with suppress(psutil.Error, OSError):
            return self.process.environ()
        return {}

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The files it has open."""
        with suppress(psutil.Error, OSError):
            return tuple(Path(file.path) for file in self.process.open_files())
        return ()

    @property
    def config(self) -> Path | None:
        """The configuration file that Meltano has given it, if it is a plugin."""
        return config_of(self.words)

    @property
    def is_meltano(self) -> bool:
        """Whether it is a Meltano command."""
        return is_meltano(self.words)

    @property
    def is_tap(self) -> bool:
        """Whether it is an extractor."""
        return bool(self.config and self.config.name.startswith("tap."))

    @property
    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        with suppress(psutil.Error):
            return self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE
        return False

    def __str__(self) -> str:
        """Return its name and number."""
        name = "meltano" if self.is_meltano else self.process_name
        return f"{name} {self.pid}"

    @property
    def process_name(self) -> str:
        """The plugin's name, or that of its program."""
        if self.config:
            return self.config.parent.name
        return (self.words[0] if self.words else "?").rpartition("/")[2]


class Processes:
    """The processes of this user at one moment."""

    def __init__(self, place: Place, runs: Runs) -> None:
        """Find all of them, except this process and its ancestors."""
        self._place = place
        self._runs = runs
        self.family = frozenset(_family())
        self._seen = {seen.pid: seen for seen in _of_this_user()}
        self._running = (place.system / "run").resolve()
        self._starters: dict[int, int | None] = {}

    def of(self, run: Run) -> list[RunProcess]:
        """Return the processes that are proven to belong to a run, Meltano first."""
        proven = [seen for seen in self._seen.values() if self._is_meltano_of(seen, run)]
        proven += [seen for seen in self._seen.values() if self._is_orphan_of(seen, run)]
        known = {seen.pid: seen for seen in proven}
        for seen in proven:
            known |= {child.pid: child for child in self._below(seen)}
        return [seen for seen in known.values() if seen.pid not in self.family]

    def is_ours(self, run: Run) -> bool:
        """Return whether the run's Meltano started this very process."""
        family = (self._seen[pid] for pid in self.family if pid in self._seen)
        return any(self._is_meltano_of(seen, run) for seen in family)

    def _is_meltano_of(self, seen: RunProcess, run: Run) -> bool:
        # A retry may get the same id again: its Meltano never wrote the old run's heartbeat.
        if not seen.is_meltano or seen.created > run.last_sign:
            return False
        if any(file.parts[-2:] == (run.run_id, "elt.log") for file in seen.files):
            return True
        if f"--run-id {run.run_id}" in " ".join(seen.words).replace("=", " "):
            return True
        given = seen.environment.get("MELTANO_RUN_ID") == run.run_id
        return given and not RUNNERS.isdisjoint(seen.words)

    def _is_orphan_of(self, seen: RunProcess, run: Run) -> bool:
        config = seen.config
        if config is None or not config.resolve().is_relative_to(self._running):
            return False
        if any(above.is_meltano for above in self._above(seen)):
            return False
        if run.run_id in config.parts:
            return True
        if seen.environment.get("MELTANO_DATABASE_URI") != self._place.uri:
            return False
        if seen.pid not in self._starters:
            self._starters[seen.pid] = self._started_by(seen)
        return self._starters[seen.pid] == run.id

    def _started_by(self, seen: RunProcess) -> int | None:
        """Return the one run that may have started a plugin; None if there are several, or none."""
        name = "{MELTANO_ENVIRONMENT}:{MELTANO_EXTRACTOR_NAME}-to-{MELTANO_LOADER_NAME}"
        parts = {"MELTANO_LOADER_NAME": "", **seen.environment}
        try:
            prefix = name.format_map(parts)
        except KeyError:
            return None
        exact = not seen.is_tap
        given = seen.environment.get("MELTANO_RUN_ID")
        possible = [
            run
            for run in self._runs.around(seen.created, SIGN)
            if _fits(run.state_id, prefix, exact=exact)
            and run.started - CLOCK <= seen.created <= run.last_sign + SIGN
            and (given is None or given == run.run_id)
        ]
        possible = _without_earlier(possible)
        return possible[0].id if len(possible) == 1 else None

    def _above(self, seen: RunProcess) -> Iterator[RunProcess]:
        parent = self._seen.get(seen.parent)
        while parent is not None and parent.created <= seen.created:
            yield parent
            seen, parent = parent, self._seen.get(parent.parent)

    def _below(self, seen: RunProcess) -> Iterator[RunProcess]:
        for child in self._seen.values():
            if child.parent == seen.pid and child.created >= seen.created:
                yield child
                yield from self._below(child)


def _without_earlier(runs: list[Run]) -> list[Run]:
    """Skip runs that had ended when the latest of them began: a new process is not theirs.

    Because of the margins, a plugin may fit two runs that follow each other within seconds.
    """
    latest = max((run.started for run in runs), default=None)
    return [run for run in runs if run.ended is None or latest is None or run.ended > latest]


def _fits(state_id: str, prefix: str, *, exact: bool) -> bool:
    """Compare a state id with one without suffix, or, if not `exact`, with its beginning."""
    return state_id.startswith(prefix) and (
        not exact or state_id[len(prefix) :].startswith(":") or state_id == prefix
    )


def is_meltano(words: Sequence[str]) -> bool:
    """Return whether a command line starts Meltano, as a program or as a module."""
    return any(word.rpartition("/")[2] == "meltano" for word in words[:4])


def end(processes: Iterable[RunProcess], grace: float = GRACE) -> list[RunProcess]:
    """End processes, taps first so that loaders store their rows; kill those that do not end.

    Returns those that are still alive. Takes at most three times `grace`, in seconds.
    """
    living = [seen for seen in processes if seen.alive]
    taps = [seen for seen in living if seen.is_tap]
    if taps and len(taps) < len(living):
        _ask(taps)
        living = _wait(living, grace)
    _ask(living)
    living = _wait(living, grace)
    for seen in living:
        with suppress(psutil.Error):
            seen.process.kill()
    return _wait(living, grace)


def _ask(processes: Iterable[RunProcess]) -> None:
    for seen in processes:
        # psutil compares the start first, and does not signal a new process of the same number.
        with suppress(psutil.Error):
            seen.process.terminate()
            if seen.process.status() == psutil.STATUS_STOPPED:
                seen.process.resume()


def _wait(processes: list[RunProcess], seconds: float) -> list[RunProcess]:
    until = time.monotonic() + seconds
    living = [seen for seen in processes if seen.alive]
    while living and time.monotonic() < until:
        time.sleep(LOOK)
        living = [seen for seen in living if seen.alive]
    return living


def _family() -> Iterator[int]:
    own = psutil.Process()
    yield own.pid
    with suppress(psutil.Error):
        yield from (parent.pid for parent in own.parents())


def _of_this_user() -> Iterator[RunProcess]:
    own = os.getuid()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.uids().real == own and process.status() != psutil.STATUS_ZOMBIE:
                yield RunProcess(process)
