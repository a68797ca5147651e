"""Starts the jobs of `meltano.yml` when they are due: the main process of the container.

A container has no systemd, and cron would need root and hide the environment that secrets come in.
This does as little as will do: it reads the schedules once, starts `meltano run JOB` in their
minutes, leaves a start out while the run before is under way, and hands a SIGTERM on.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from deploy import schedules
from deploy.cron import Cron
from orchestrate.meltano.project import MeltanoError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orchestrate.meltano.schedules import Schedule

ALIVE = Path(os.environ.get("SCHEDULER_ALIVE") or "/tmp/scheduler-alive")  # noqa: S108
ALIVE_SECONDS = 90.0  # how old that file may be; it is touched every PAUSE_SECONDS
PAUSE_SECONDS = 5.0
MINUTE = timedelta(minutes=1)
LATEST = timedelta(hours=1)  # minutes that were slept through longer ago are not made up for
STOP_SECONDS = schedules.KILL_SECONDS + 5.0
logger = logging.getLogger("scheduler")


class Scheduler:
    """Knows what is due and what is running."""

    def __init__(
        self,
        project: Path,
        planned: Sequence[Schedule],
        since: datetime,
        command: Callable[[str], list[str]] = schedules.command,
    ) -> None:
        self._project = project
        self._planned = [(each, Cron.parse(each.cron or "")) for each in planned]
        self._seen = _minute(since)
        self._command = command
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def tick(self, now: datetime) -> None:
        """Start what has come due since the last call, each schedule once; book what has ended."""
        self._collect()
        minute = _minute(now)
        first = max(self._seen + MINUTE, minute - LATEST)
        minutes = [first + i * MINUTE for i in range((minute - first) // MINUTE + 1)]
        self._seen = minute
        for each, cron in self._planned:
            if any(map(cron.due, minutes)):
                self._start(each)

    def stop(self) -> None:
        """Ask every run to end, wait for it, and end for good what does not."""
        for process in self.running.values():
            process.terminate()
        until = time.monotonic() + STOP_SECONDS
        for process in self.running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        self._collect()

    def _start(self, schedule: Schedule) -> None:
        if schedule.name in self.running:
            logger.warning("%s is still running: this start is left out", schedule.name)
            return
        logger.info("%s starts", schedule.name)
        # A session of its own: what ends one run ends no other.
        self.running[schedule.name] = subprocess.Popen(  # noqa: S603 - our own command, no shell
            self._command(schedule.job),
            cwd=self._project,
            env={
                schedules.TAP_LIMIT: str(schedules.TAP_SECONDS),
                **os.environ,
                **schedule.variables,
            },
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _collect(self) -> None:
        for name, process in list(self.running.items()):
            code = process.poll()
            if code is not None:
                level = logging.ERROR if code else logging.INFO
                logger.log(level, "%s ended with code %s", name, code)
                del self.running[name]


def run(project: Path, names: Sequence[str] = ()) -> None:
    """Run the schedules of a project, or those of these names, until SIGTERM or SIGINT.

    Raises:
        ValueError: The project has no schedule of such a name, or one with times that are none.
        MeltanoError: There is no project, or Meltano does not answer.
    """
    stopped = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stopped.set())
    planned = _chosen(schedules.read(project), names)
    scheduler = Scheduler(project, planned, _now())
    logger.info("%s schedules: %s", len(planned), ", ".join(each.name for each in planned))
    try:
        while not stopped.is_set():
            scheduler.tick(_now())
            ALIVE.touch()
            stopped.wait(PAUSE_SECONDS)
    finally:
        logger.info("stopping")
        scheduler.stop()
        ALIVE.unlink(missing_ok=True)


def healthy() -> bool:
    """Tell whether a scheduler on this machine has been at work lately."""
    try:
        return time.time() - ALIVE.stat().st_mtime < ALIVE_SECONDS
    except FileNotFoundError:
        return False


def main() -> None:
    """Run the schedules of the project in this folder, or tell whether somebody does."""
    parser = argparse.ArgumentParser(description="Start the jobs of meltano.yml when they are due.")
    parser.add_argument("--healthy", action="store_true", help="exit with 0 if one is at work")
    parser.add_argument("names", nargs="*", help="schedules to run; without any, all of them")
    arguments = parser.parse_args()
    if arguments.healthy:
        sys.exit(not healthy())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    try:
        run(Path.cwd(), arguments.names)
    except (MeltanoError, ValueError) as error:
        sys.exit(str(error))


def _chosen(planned: list[Schedule], names: Sequence[str]) -> list[Schedule]:
    unknown = set(names) - {each.name for each in planned}
    if unknown:
        raise ValueError(f"meltano.yml has no schedule {', '.join(sorted(unknown))}")
    return [each for each in planned if not names or each.name in names]


def _minute(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc).replace(second=0, microsecond=0)


def _now() -> datetime:
    return datetime.now(timezone.utc)


if __name__ == "__main__":
    main()
