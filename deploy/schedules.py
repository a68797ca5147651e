"""The schedules of `meltano.yml` that have times, and how a job is run under all limits."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrate.meltano.project import ROOT, Project
from orchestrate.meltano.schedules import declared

if TYPE_CHECKING:
    from orchestrate.meltano.schedules import Schedule

PROJECT = Path("/opt/tap-emag")  # where the examples have the checkout
# The tap ends by itself after `sync_timeout_seconds`, and only then is its state kept. The two
# later limits are for what hangs all the same: Meltano's own, and the scheduler's.
TAP_SECONDS = 600
TAP_LIMIT = "TAP_EMAG_SYNC_TIMEOUT_SECONDS"
MELTANO_SECONDS = 780
SUPERVISOR_SECONDS = 900
KILL_SECONDS = 30


def read(folder: Path) -> list[Schedule]:
    """Ask Meltano for the schedules of the project in a folder.

    Raises:
        MeltanoError: There is no project, or Meltano does not answer.
    """
    project = Project.from_environment({**os.environ, ROOT: str(folder)})
    return [each for each in declared(project) if each.cron]


def command(job: str, meltano: str | None = None) -> list[str]:
    """Return what runs a job under the later limits; `timeout` ends the whole process group."""
    run = [meltano or _meltano(), "run", f"--timeout={MELTANO_SECONDS}", job]
    return ["timeout", f"--kill-after={KILL_SECONDS}", str(SUPERVISOR_SECONDS), *run]


def _meltano() -> str:
    return str(Path(sys.executable).with_name("meltano"))
