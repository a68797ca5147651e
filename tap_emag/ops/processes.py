"""Finds the processes of a run on this host, and ends them.

Meltano's table names no process. What a process shows proves which run it belongs to:

- Meltano itself keeps the run's log open, whose path holds the run id; or it was given that id.
- What a Meltano process has started belongs to the same run.
- A plugin whose Meltano is gone names a configuration file in the project's folder of running
  plugins, and its environment names database, environment, extractor and loader. It was started
  while exactly one run of these was under way.

Only processes of the same user are looked at. A process counts as the one that was found as long as
its number and the moment of its start are the same.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_emag.ops.place import Place
    from tap_emag.ops.runs import Run, Runs

CONFIG: Final = re.compile(r"(?:tap|target|mapper)\.[0-9a-f-]{36}\.config\.json")
RUNNERS: Final = frozenset({"run", "el", "elt"})  # Meltano's commands that take a run id
CLOCK: Final = timedelta(seconds=2)  # how exact the start of a process is known
SIGN: Final = timedelta(seconds=5)  # how long a living Meltano may be late with its heartbeat
GRACE: Final = 5.0  # seconds between asking and forcing
LOOK: Final = 0.1


class Seen:
    """A living process of this user; what it shows is read once, when it is asked for."""

    def __init__(self, process: psutil.Process) -> None:
        """Note what tells it from a later process with the same number.

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
        named = (Path(word) for word in self.words if CONFIG.fullmatch(word.rpartition("/")[2]))
        return next(named, None)

    @property
    def is_meltano(self) -> bool:
        """Tell whether it is a Meltano command."""
        return is_meltano(self.words)

    @property
    def is_tap(self) -> bool:
        """Tell whether it is an extractor."""
        return bool(self.config and self.config.name.startswith("tap."))

    @property
    def alive(self) -> bool:
        """Tell whether it still runs; one that only waits to be collected does not."""
        with suppress(psutil.Error):
            return self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE
        return False

    def __str__(self) -> str:
        """Say what it is, and its number."""
        name = "meltano" if self.is_meltano else self.process_name
        return f"{name} {self.pid}"

    @property
    def process_name(self) -> str:
        """The plugin's name, or that of its program."""
        if self.config:
            return self.config.parent.name
        return (self.words[0] if self.words else "?").rpartition("/")[2]


class Processes:
    """The processes of this user, as they are at one moment."""

    def __init__(self, place: Place, runs: Runs) -> None:
        """Look at all of them, except this one and those it was started by."""
        self._place = place
        self._runs = runs
        self.family = frozenset(_family())
        self._seen = {seen.pid: seen for seen in _of_this_user()}
        self._running = (place.system / "run").resolve()
        self._starters: dict[int, int | None] = {}

    def of(self, run: Run) -> list[Seen]:
        """Return the processes that are proven to belong to a run, Meltano first."""
        proven = [seen for seen in self._seen.values() if self._is_meltano_of(seen, run)]
        proven += [seen for seen in self._seen.values() if self._is_orphan_of(seen, run)]
        known = {seen.pid: seen for seen in proven}
        for seen in proven:
            known |= {child.pid: child for child in self._below(seen)}
        return [seen for seen in known.values() if seen.pid not in self.family]

    def is_ours(self, run: Run) -> bool:
        """Tell whether this very process was started by the run's Meltano."""
        family = (self._seen[pid] for pid in self.family if pid in self._seen)
        return any(self._is_meltano_of(seen, run) for seen in family)

    def _is_meltano_of(self, seen: Seen, run: Run) -> bool:
        # A retry may be given the same id again: its Meltano has never signed the old run.
        if not seen.is_meltano or seen.created > run.last_sign:
            return False
        if any(file.parts[-2:] == (run.run_id, "elt.log") for file in seen.files):
            return True
        if f"--run-id {run.run_id}" in " ".join(seen.words).replace("=", " "):
            return True
        given = seen.environment.get("MELTANO_RUN_ID") == run.run_id
        return given and not RUNNERS.isdisjoint(seen.words)

    def _is_orphan_of(self, seen: Seen, run: Run) -> bool:
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

    def _started_by(self, seen: Seen) -> int | None:
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

    def _above(self, seen: Seen) -> Iterator[Seen]:
        parent = self._seen.get(seen.parent)
        while parent is not None and parent.created <= seen.created:
            yield parent
            seen, parent = parent, self._seen.get(parent.parent)

    def _below(self, seen: Seen) -> Iterator[Seen]:
        for child in self._seen.values():
            if child.parent == seen.pid and child.created >= seen.created:
                yield child
                yield from self._below(child)


def _without_earlier(runs: list[Run]) -> list[Run]:
    """Leave out runs that were over when the latest of them began; what is new is not theirs.

    Margins let a plugin fit two runs that follow each other within seconds.
    """
    latest = max((run.started for run in runs), default=None)
    return [run for run in runs if run.ended is None or latest is None or run.ended > latest]


def _fits(state_id: str, prefix: str, *, exact: bool) -> bool:
    """Compare a state id with one that has no suffix, or, not `exact`, with how one begins."""
    return state_id.startswith(prefix) and (
        not exact or state_id[len(prefix) :].startswith(":") or state_id == prefix
    )


def is_meltano(words: Sequence[str]) -> bool:
    """Tell whether a command line starts Meltano, as a program or as a module."""
    return any(word.rpartition("/")[2] == "meltano" for word in words[:4])


def end(processes: Iterable[Seen], grace: float = GRACE) -> list[Seen]:
    """End processes: taps first, so that loaders keep what they have; by force if they do not heed.

    Returns those that live on all the same. Takes at most three times `grace`, in seconds.
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


def _ask(processes: Iterable[Seen]) -> None:
    for seen in processes:
        # psutil compares the start first: a number that was given anew is left alone.
        with suppress(psutil.Error):
            seen.process.terminate()
            if seen.process.status() == psutil.STATUS_STOPPED:
                seen.process.resume()


def _wait(processes: list[Seen], seconds: float) -> list[Seen]:
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


def _of_this_user() -> Iterator[Seen]:
    own = os.getuid()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.uids().real == own and process.status() != psutil.STATUS_ZOMBIE:
                yield Seen(process)
