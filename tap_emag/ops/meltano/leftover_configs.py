"""Removes the configuration files, with passwords, that a killed run did not remove.

Meltano writes `.meltano/run/<plugin>/tap.<uuid>.config.json` before it starts a plugin and removes
it when the plugin has ended. A Meltano that was killed removes nothing.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from tap_emag.meltano.own_config import CONFIG
from tap_emag.ops.meltano.database import RUNNING
from tap_emag.ops.meltano.processes import CLOCK, SIGN, is_meltano

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_emag.ops.meltano.database import Run, Runs
    from tap_emag.ops.meltano.project import Place


def left_behind(place: Place, runs: Runs, own: Callable[[str], bool]) -> list[Path]:
    """Return the configuration files of ended runs that no process uses.

    For each file:

    - It was written while a run of its plugin was running.
    - Each such run has ended and, by its state id, belongs to this project.
    - No process of any user names the file.
    - No Meltano of this project is older than the file.
    """
    files = sorted(path for path in (place.system / "run").rglob("*.config.json"))
    files = [path for path in files if CONFIG.fullmatch(path.name)]
    if not files:
        return []
    words, meltanos = _living(place)
    found = []
    for path in files:
        with suppress(OSError):
            written = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
            # Meltano takes a second to start before it writes such a file.
            in_use = path.name in words or any(born <= written for born in meltanos)
            if not in_use and _is_over(path, written, runs, own):
                found.append(path)
    return found


def remove(files: list[Path]) -> list[Path]:
    """Remove files; return those that are gone now."""
    gone = []
    for path in files:
        with suppress(OSError):
            path.unlink(missing_ok=True)
            gone.append(path)
    return gone


def _is_over(path: Path, written: datetime, runs: Runs, own: Callable[[str], bool]) -> bool:
    owners = [run for run in runs.around(written, SIGN) if _may_own(run, path, written)]
    return bool(owners) and all(run.state != RUNNING and own(run.state_id) for run in owners)


def _may_own(run: Run, path: Path, written: datetime) -> bool:
    # `meltano el` puts it into a folder of the run's own.
    if "elt" in path.parts[-4:-2]:
        return path.parent.name == run.run_id
    pair, plugin = run.state_id.partition(":")[2], path.parent.name
    named = pair.startswith(f"{plugin}-to-") or f"{pair.partition(':')[0]}$".endswith(
        f"-to-{plugin}$"
    )
    while_under_way = run.started - CLOCK <= written
    return named and while_under_way and (run.state == RUNNING or written <= run.last_sign + SIGN)


def _living(place: Place) -> tuple[frozenset[str], list[datetime]]:
    """Return the file names in all command lines, and when this project's Meltanos began."""
    words: set[str] = set()
    born = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            command = process.cmdline()
            words.update(word.rpartition("/")[2] for word in command)
            if is_meltano(command) and _may_work_in(process, place):
                born.append(datetime.fromtimestamp(process.create_time(), timezone.utc))
    return frozenset(words), born


def _may_work_in(process: psutil.Process, place: Place) -> bool:
    """Return whether a Meltano may work on this project, as far as can be seen."""
    try:
        folders = [process.cwd(), *_root_of(process)]
    except psutil.Error:
        return True
    return any(Path(folder).is_relative_to(place.root.resolve()) for folder in folders)


def _root_of(process: psutil.Process) -> Iterator[str]:
    root = process.environ().get("MELTANO_PROJECT_ROOT")
    if root:
        yield os.path.realpath(root)
