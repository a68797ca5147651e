"""Asks Meltano for the settings of plugins, and checks its database and its runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

from tap_emag.errors import ConfigurationError, EmagError
from tap_emag.formatting import duration
from tap_emag.ops.doctor.report import explained
from tap_emag.ops.meltano.database import FAIL, RUNNING, Runs
from tap_emag.ops.meltano.leftover_configs import left_behind
from tap_emag.ops.meltano.processes import is_meltano
from tap_emag.ops.meltano.run_facts import oldest_bookmark
from tap_emag.ops.meltano.stuck_runs import looks_stuck
from tap_emag.ops.options import timeout

if TYPE_CHECKING:
    from tap_emag.ops.doctor.report import Report
    from tap_emag.ops.meltano.pipelines import OwnPipelines
    from tap_emag.ops.meltano.project import Place
    from tap_emag.state.store import StateStore

ANSWER: Final = 120.0  # seconds; a busy machine may need most of them
RECENT: Final = timedelta(days=7)
HOLDERS: Final = "SELECT name, token FROM run_locks"
# Meltano must not use the interpreter of this plugin.
LEFT_OUT: Final = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")


class Meltano:
    """The command `meltano` of a project."""

    def __init__(self, root: Path) -> None:
        """Find the command: the one that started this process, else the project's, else any.

        Raises:
            ConfigurationError: There is none.
        """
        self._root = root
        self._command = _starter() or _installed(root)

    def version(self) -> str | None:
        """Return Meltano's version, None where it does not answer."""
        with suppress(ConfigurationError):
            found = re.search(r"\d+\.\d+[\w.]*", self._ask("--version"))
            return found[0] if found else None
        return None

    def config_of(self, plugin: str) -> dict[str, Any]:
        """Return a plugin's settings as a run gets them, secrets included.

        Raises:
            ConfigurationError: Meltano does not answer, or has no such plugin.
        """
        environment = os.environ.get("MELTANO_ENVIRONMENT")
        chosen = [f"--environment={environment}"] if environment else []
        text = self._ask(*chosen, "config", "--unsafe", "print", plugin)
        try:
            found = json.loads(text[text.index("{") :])
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ConfigurationError([f"meltano config print {plugin}: the answer is not JSON"])
        return found

    def _ask(self, *words: str) -> str:
        kept = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
        asked = f"`meltano {' '.join(words)}`"
        try:
            done = subprocess.run(  # noqa: S603 - our own command, no shell
                [self._command, *words],
                cwd=self._root,
                env={**kept, "NO_COLOR": "1", "MELTANO_PROJECT_ROOT": str(self._root)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=ANSWER,
                check=False,
            )
        except OSError as error:
            raise ConfigurationError([f"{asked} cannot be started: {error.strerror}"]) from None
        except subprocess.TimeoutExpired:
            raise ConfigurationError([f"{asked} did not answer within {ANSWER:g} s"]) from None
        if done.returncode:
            # Its last lines may quote a setting.
            raise ConfigurationError(
                [f"{asked} ended with code {done.returncode}; call it yourself to see why"]
            )
        return done.stdout


def check_meltano(report: Report, place: Place, pipelines: OwnPipelines) -> None:
    """Check Meltano's database, the states and runs in it, and what killed runs left."""
    try:
        runs = Runs(place.url)
    except EmagError as error:
        if place.url.get_backend_name() == "sqlite" and not Path(place.url.database or "").exists():
            report.ok("Meltano: database", "not there yet; the first run creates it")
        else:
            report.fault("Meltano: database", *explained(error))
        return
    kind = "SQLite file" if place.url.get_backend_name() == "sqlite" else "Postgres"
    try:
        own = pipelines.own_of(runs.state_ids())
        report.ok("Meltano: database", f"{kind}, answers")
        _check_state(report, runs, own)
        _check_runs(report, runs, own)
        files = left_behind(place, runs, pipelines.own)
    except EmagError as error:
        report.fault("Meltano: database", *explained(error))
        return
    if files:
        report.warn(
            "Meltano: left files",
            f"{len(files)} with passwords, left by runs that were killed",
            "`meltano invoke emag-ops cleanup-stuck-runs` removes them",
        )
    else:
        report.ok("Meltano: left files", "none")


def check_locks(report: Report, state: StateStore) -> None:
    """Report the runs that use the state folder now; the lock of an ended one does not count."""
    try:
        with state.read_only() as connection:
            holders = {token for _, token in connection.execute(HOLDERS).fetchall()}
    except OSError:
        report.skip("locks", "state_dir cannot be read")
        return
    living = sum(state.liveness.lives(token) for token in holders)
    if living:
        report.ok("locks", f"runs under way: {living}; they share the request budget")
    else:
        report.ok("locks", "no run is under way on this machine")


def _check_state(report: Report, runs: Runs, own: list[str]) -> None:
    states = runs.states(own)
    oldest = [found for state in states.values() if (found := oldest_bookmark(state))]
    if not oldest:
        report.ok("Meltano: state", "no pipeline has a bookmark yet: the next run is a first sync")
        return
    age = datetime.now(timezone.utc) - min(moment for _, moment in oldest)
    text = f"pipelines with bookmarks: {len(oldest)}; the oldest bookmark is {duration(age)} old"
    report.ok("Meltano: state", text)


def _check_runs(report: Report, runs: Runs, own: list[str]) -> None:
    now, longest = datetime.now(timezone.utc), timeout(None, force=True)
    found = runs.since(now - RECENT, own)
    under_way = [run for run in found if run.state == RUNNING]
    stuck = [run for run in under_way if looks_stuck(run, longest, now)]
    if stuck:
        report.fault(
            "Meltano: stuck runs",
            f"of {len(under_way)} under way, {len(stuck)} may be stuck",
            "`meltano invoke emag-ops cleanup-stuck-runs`",
        )
    else:
        report.ok("Meltano: stuck runs", f"none; under way: {len(under_way)}")
    last = {run.state_id: run for run in reversed(found) if run.state != RUNNING}
    failed = [run for run in last.values() if run.state == FAIL]
    if failed:
        report.warn(
            "Meltano: last runs",
            f"pipelines whose last run failed: {len(failed)} of {len(last)}",
            "`meltano invoke emag-ops list-runs` shows why",
        )
    elif last:
        report.ok("Meltano: last runs", f"pipelines whose last run succeeded: all {len(last)}")
    else:
        report.ok("Meltano: last runs", f"none within {RECENT.days} days")


def _starter() -> str | None:
    """Return the program of the Meltano that started this process."""
    with suppress(psutil.Error):
        for process in psutil.Process().parents():
            words = process.cmdline()
            if is_meltano(tuple(words)):
                named = (Path(process.cwd(), word) for word in words[:2])
                return next((str(each) for each in named if _is_command(each)), None)
    return None


def _is_command(path: Path) -> bool:
    return path.name == "meltano" and os.access(path, os.X_OK)


def _installed(root: Path) -> str:
    own = root / ".venv" / "bin" / "meltano"
    found = str(own) if own.is_file() else shutil.which("meltano")
    if not found:
        problem = (
            "meltano: there is no such command; call this as `meltano invoke emag-ops doctor`, or"
            " name the tap's settings with --config"
        )
        raise ConfigurationError([problem])
    return found
