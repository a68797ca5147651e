"""A sandbox in a process of its own, which shares no interpreter with the measured tap."""

from __future__ import annotations

import multiprocessing
import signal
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emag_sandbox import Sandbox, SandboxConfig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from emag_sandbox import Request


@dataclass(frozen=True)
class Shop:
    """A running sandbox: where it is, and what it was asked."""

    url: str
    _pipe: Connection

    def requests(self) -> list[Request]:
        """Return the requests since this was last called, oldest first."""
        self._pipe.send("requests")
        requests: list[Request] = self._pipe.recv()
        return requests


@contextmanager
def open_shop(**knobs: Any) -> Iterator[Shop]:  # noqa: ANN401 - as many types as knobs
    """Run a sandbox while the block lasts; see SandboxConfig for the knobs."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(knobs, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Shop(ours.recv(), ours)
    finally:
        ours.close()
        process.join()


def _serve(knobs: dict[str, Any], pipe: Connection) -> None:
    """Serve until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the benchmark ends us
    with Sandbox(SandboxConfig(**knobs)) as sandbox, suppress(EOFError):
        pipe.send(sandbox.url)
        while pipe.recv():
            requests = list(sandbox.log)
            sandbox.log.clear()
            pipe.send(requests)
