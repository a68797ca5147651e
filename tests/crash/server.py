"""A Postgres that can be killed, and comes back with the same data on the same port."""

from __future__ import annotations

import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from emag_sandbox.postgres.leftovers import sweep
from emag_sandbox.postgres.server import LOOPBACK, LocalPostgres
from emag_sandbox.postgres.unprivileged import Unprivileged

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "tap-emag-killed-"
PATIENCE = 60.0
AGAIN = 0.2
# Systems give none of these to whoever asks for any port: while the server is dead nobody takes it.
PORTS = range(20000, 30000)


class MortalPostgres(LocalPostgres):
    """A server as safe as one that is in use: what it has committed stays, whatever befalls it."""

    def backends(self, database: str) -> list[psutil.Process]:
        """Return the server's processes that work for somebody who is connected to a database."""
        found = []
        with suppress(psutil.Error):
            for child in psutil.Process(self.pid).children():
                with suppress(psutil.Error):
                    if " ".join(child.cmdline()).startswith(f"postgres: {self.user} {database} "):
                        found.append(child)
        return found

    @property
    def dead(self) -> bool:
        """Tell whether the server's first process has ended."""
        return self._server is None or self._server.poll() is not None

    def kill(self) -> None:
        """Kill the first process; the others notice, and leave by themselves."""
        if self._server is not None:
            self._server.send_signal(signal.SIGKILL)
            self._server.wait()

    def revive(self) -> None:
        """Start the server again, if it is dead, and wait until it lets somebody in.

        Where a backend was killed the server does so by itself: all of its processes begin anew.
        """
        until = time.monotonic() + PATIENCE
        while True:
            server = self._server
            if server is None or self.dead:
                server = self._server = self._launch()
            if self._answers(server):
                return
            # Processes of the killed server that are still at work keep a new one out.
            assert time.monotonic() < until, f"it did not come about: {self._tail()}"
            time.sleep(AGAIN)

    def _start(self) -> subprocess.Popen[bytes]:
        ports = random.sample(PORTS, len(PORTS))
        self.port = next(port for port in ports if _is_free(port))
        server = self._launch()
        assert self._answers(server), self._tail()
        return server

    def _launch(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, **self._child(log))


@contextmanager
def mortal_postgres() -> Iterator[MortalPostgres]:
    """Start a server, and leave nothing of it behind."""
    base = Unprivileged.choose().temporary_base()
    sweep(base, PREFIX)
    with ExitStack() as undo:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        server = undo.enter_context(MortalPostgres(folder))
        undo.callback(server.kill)  # nobody needs what an orderly end would still write
        yield server


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) != 0
