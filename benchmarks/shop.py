"""Sandboxes in a process of their own, which shares no interpreter with the measured tap."""

from __future__ import annotations

import itertools
import multiprocessing
import signal
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import requests

from emag_sandbox import Sandbox, SandboxConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection

    from emag_sandbox import Request

QUICK: Final[dict[str, Any]] = {"limits": False, "latency": 0.0, "arrival_jitter": 0.0}
ORDER_TYPES: Final = (2, 3)


@dataclass(frozen=True)
class Shop:
    """A running sandbox: where it is, and what it was asked."""

    url: str
    _pipe: Connection
    _number: int = 0

    def requests(self) -> list[Request]:
        """Return the requests since this was last called, oldest first."""
        self._pipe.send(self._number)
        asked: list[Request] = self._pipe.recv()
        return asked


@contextmanager
def open_shop(**knobs: Any) -> Iterator[Shop]:  # noqa: ANN401 - as many types as knobs
    """Run a sandbox while the block lasts; see SandboxConfig for the knobs."""
    with open_shops([knobs]) as [shop]:
        yield shop


@contextmanager
def open_shops(
    knobs: Sequence[dict[str, Any]], *, made_before: bool = False
) -> Iterator[list[Shop]]:
    """Run a sandbox for each set of knobs while the block lasts, all in one process.

    If their orders are `made_before`, they only look them up later: to make a page takes up to
    40 ms, in which no request is counted.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_serve, args=(knobs, theirs), kwargs={"made_before": made_before}, daemon=True
    )
    process.start()
    theirs.close()
    try:
        yield [Shop(url, ours, number) for number, url in enumerate(ours.recv())]
    finally:
        ours.close()
        process.join()


def _serve(knobs: Sequence[dict[str, Any]], pipe: Connection, *, made_before: bool) -> None:
    """Serve until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the benchmark ends us
    with ExitStack() as stack, suppress(EOFError):
        sandboxes = [stack.enter_context(Sandbox(SandboxConfig(**each))) for each in knobs]
        for each in sandboxes if made_before else ():
            _make_orders(each)
        pipe.send([each.url for each in sandboxes])
        while True:
            log = sandboxes[pipe.recv()].log
            asked = list(log)
            log.clear()
            pipe.send(asked)


def _make_orders(sandbox: Sandbox) -> None:
    """Read all orders once, so that the sandbox keeps them as they are sent."""
    given = {name: getattr(sandbox.config, name) for name in QUICK}
    sandbox.set(**QUICK)
    auth = (sandbox.config.username, sandbox.config.password)
    for kind in ORDER_TYPES:
        for page in itertools.count(1):
            asked = {"type": kind, "currentPage": page}
            reply = requests.post(f"{sandbox.url}/order/read", json=asked, auth=auth, timeout=60)
            reply.raise_for_status()
            if not reply.json()["results"]:
                break
    sandbox.set(**given)
    sandbox.log.clear()
