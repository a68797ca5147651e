"""One run of the pipeline, and its end at a given moment."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from emag_sandbox.demo.pipeline import stop
from tests.crash.moments import Phase, Victim
from tests.crash.stage import PAIR

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.crash.moments import Moment
    from tests.crash.stage import Stage

PATIENCE = 60.0  # seconds that Meltano may take to see that something of its run is gone
LONGEST = 180.0  # seconds that a run may take
LOOK = 0.02  # seconds between looks; each goes through all of the machine's processes
STATE_KEPT = b"Incremental state has been updated"


@dataclass
class KilledRun:
    """A run under way, and the numbers of those of its processes that were killed."""

    stage: Stage
    moment: Moment
    hung: bool = False
    victims: list[int] = field(default_factory=list)

    def play(self) -> bool:
        """Start the run and kill; tell whether it was still there to be killed.

        Afterwards nothing of Postgres is dead, and Meltano has ended or was given the time to.
        """
        self._asked = len(self.stage.shop.sandbox.log)
        log = self.stage.project.pipeline.log
        self._said = log.stat().st_size if log.exists() else 0
        self.meltano = self.stage.project.start(*PAIR)
        try:
            if not self._wait():
                return False
            self._kill()
            self._let_end()
        finally:
            if self.meltano.poll() is None and not self.hung:
                stop(self.meltano)
        return bool(self.victims)

    def _wait(self) -> bool:
        """Wait for the moment; tell whether it came before the run's end."""
        begun = {
            Phase.STARTING: lambda: True,
            Phase.PREPARING: self._has_written_a_password,
            Phase.READING: self._has_asked,
            Phase.DRAINING: self._tap_has_ended,
            Phase.BOOKING: self._has_told_of_a_state,
        }[self.moment.phase]
        until = time.monotonic() + LONGEST
        while not begun():
            if self.meltano.poll() is not None:
                return False
            assert time.monotonic() < until, "it did not come about"
            time.sleep(LOOK)
        until = time.monotonic() + self.moment.delay
        # What is to be killed may not be there yet: a target takes its time to start.
        while time.monotonic() < until or not self._to_kill():
            if self.meltano.poll() is not None:
                return False
            time.sleep(LOOK)
        return True

    def _has_written_a_password(self) -> bool:
        return bool(self.stage.passwords())

    def _has_asked(self) -> bool:
        return len(self.stage.shop.sandbox.log) - self._asked >= self.moment.requests

    def _tap_has_ended(self) -> bool:
        return self._has_asked_at_all() and not self._plugins("tap")

    def _has_asked_at_all(self) -> bool:
        return len(self.stage.shop.sandbox.log) > self._asked

    def _has_told_of_a_state(self) -> bool:
        log = self.stage.project.pipeline.log
        if not log.exists():
            return False
        with log.open("rb") as lines:
            lines.seek(self._said)
            return STATE_KEPT in lines.read()

    def _plugins(self, kind: str) -> list[psutil.Process]:
        """Return the processes of tap or target; discovery is the tap's, too."""
        found = []
        with suppress(psutil.Error):
            for child in psutil.Process(self.meltano.pid).children(recursive=True):
                with suppress(psutil.Error):
                    words = " ".join(child.cmdline())
                    if f"/{kind}." in words and ".config.json" in words and _lives(child):
                        found.append(child)
        return found

    def _to_kill(self) -> list[psutil.Process]:
        """Return what the moment's kill takes; for Postgres, which is no part of a run, Meltano."""
        with suppress(psutil.Error):
            return self._parts_to_kill([psutil.Process(self.meltano.pid)])
        return []

    def _parts_to_kill(self, meltano: list[psutil.Process]) -> list[psutil.Process]:
        found: Callable[[], list[psutil.Process]] = {
            Victim.TAP: lambda: self._plugins("tap"),
            Victim.TARGET: lambda: self._plugins("target"),
            Victim.MELTANO: lambda: meltano,
            Victim.BACKEND: lambda: self.stage.server.backends(self.stage.server.database)[:1],
            Victim.POSTGRES: lambda: meltano,
            # Meltano first, so that it has no time to book the end of the others.
            Victim.POWER: lambda: [*meltano, *self._plugins("tap"), *self._plugins("target")],
        }[self.moment.victim]
        return found()

    def _kill(self) -> None:
        if self.moment.victim is not Victim.POSTGRES:
            for process in self._to_kill():
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGKILL)
                    self.victims.append(process.pid)
        if self.moment.victim in {Victim.POSTGRES, Victim.POWER}:
            self.victims.append(self.stage.server.pid)
            self.stage.server.kill()

    def _let_end(self) -> None:
        server = self.stage.server
        if self.moment.at_once:
            server.revive()
        if not (self.moment.victim is Victim.MELTANO and self.moment.at_once):
            until = time.monotonic() + PATIENCE
            while self._lives() and time.monotonic() < until:
                time.sleep(0.1)
            self.hung = self._lives()
        server.revive()

    def _lives(self) -> bool:
        """Tell whether Meltano or anything that it has started is still there."""
        return self.meltano.poll() is None or bool(self.stage.processes())


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
