"""Sandboxes in a process of their own, which shares no interpreter with the measured tap."""

from __future__ import annotations

import multiprocessing
import signal
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emag_sandbox import Sandbox, SandboxConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection

    from emag_sandbox import Request


@dataclass(frozen=True)
class Shop:
    """A running sandbox: where it is, and what it was asked."""

    url: str
    _pipe: Connection
    _number: int = 0

    def requests(self) -> list[Request]:
        """Return the requests since this was last called, oldest first."""
        self._pipe.send(self._number)
        requests: list[Request] = self._pipe.recv()
        return requests


@contextmanager
def open_shop(**knobs: Any) -> Iterator[Shop]:  # noqa: ANN401 - as many types as knobs
    """Run a sandbox while the block lasts; see SandboxConfig for the knobs."""
    with open_shops([knobs]) as [shop]:
        yield shop


@contextmanager
def open_shops(knobs: Sequence[dict[str, Any]]) -> Iterator[list[Shop]]:
    """Run a sandbox for each set of knobs while the block lasts, all in one process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(knobs, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield [Shop(url, ours, number) for number, url in enumerate(ours.recv())]
    finally:
        ours.close()
        process.join()


def _serve(knobs: Sequence[dict[str, Any]], pipe: Connection) -> None:
    """Serve until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the benchmark ends us
    with ExitStack() as stack, suppress(EOFError):
        sandboxes = [stack.enter_context(Sandbox(SandboxConfig(**each))) for each in knobs]
        pipe.send([each.url for each in sandboxes])
        while True:
            log = sandboxes[pipe.recv()].log
            requests = list(log)
            log.clear()
            pipe.send(requests)
