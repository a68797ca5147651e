"""Runs the tap in this process: real streams, client and messages; what it logs, how it ends."""

from __future__ import annotations

import gc
import io
import json
import logging
import signal
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import tap_emag.run
from tap_emag.api.server_clock import machine_now
from tap_emag.errors import EmagError
from tap_emag.settings.settings import Settings
from tap_emag.tap import TapEmag
from tap_emag.watchdog import Watchdog
from tests.e2e.acceptance.other_truth import CODES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

# A request for each order, offer or category; and codes, which nobody asks for.
LEFT_OUT = {"order_volumetry", "commissions", "smart_deals", "category_values", *CODES}
HUNG = 0.3  # seconds without an answer
RECOVERY = 0.2  # seconds an open breaker lets nothing through


class Ending(NamedTuple):
    """How a run ends: `how` is one of HOW, behind so many of the messages it writes."""

    how: str
    messages: int


HOW = (
    "by itself",
    "killed",  # what it had written by then is all that anybody sees of it
    "target gone",  # nobody reads its output any more
    "signal",
    "deadline",
)


@dataclass
class Run:
    """What one run wrote and logged, and the code it ended with."""

    lines: list[bytes] = field(default_factory=list)
    log: str = ""
    code: int = 0
    error: BaseException | None = None

    def messages(self) -> list[dict[str, Any]]:
        """Parse what was written; numbers exactly."""
        return [json.loads(line, parse_float=Decimal) for line in self.lines]


class QuickRun(tap_emag.run.Run):
    """A run that is less patient than its settings may be, in a process that must not end."""

    def __init__(
        self,
        config: dict[str, Any],
        *,
        first: datetime,
        deadline: float,
        machine: Callable[[], datetime],
    ) -> None:
        super().__init__(config)
        self.first, self.deadline, self.killed = first, deadline, False
        self.machine_now = machine

    @cached_property
    def settings(self) -> Settings:
        """The settings, with what they would refuse: the sandbox may live in another year."""
        return replace(
            Settings.from_config(self.config, datetime.now(timezone.utc)),
            start_date=self.first,
            request_timeout_seconds=HUNG,
            breaker_recovery_seconds=RECOVERY,
            sync_timeout_seconds=self.deadline,
        )

    @cached_property
    def watchdog(self) -> Watchdog:
        """The run's watchdog; it cannot end this process."""
        settings = self.settings
        return Watchdog(
            settings.sync_timeout_seconds, settings.stall_timeout_seconds, kill=self._kill
        )

    def _kill(self, _code: int) -> None:
        self.killed = True

    def close(self) -> None:
        """End the threads and connections that a process would take with it."""
        for executor in self._executors.values():
            executor.shutdown(cancel_futures=True)
        if self._client:
            self._client.close()


class Tap(TapEmag):
    """The tap, in one quick run."""

    def __init__(self, run: QuickRun, state: dict[str, Any]) -> None:
        self.run = run
        super().__init__(config=run.config, state=state)


class Output(io.RawIOBase):
    """Stands for standard output; keeps whole lines, and tells how many there are."""

    def __init__(self, written: Callable[[int], None]) -> None:
        super().__init__()
        self.lines: list[bytes] = []
        self._written = written

    @property
    def buffer(self) -> Output:
        """The bytes beneath the text: there is nothing but bytes."""
        return self

    def write(self, line: Any) -> int:  # noqa: ANN401 - any buffer
        """Take one message."""
        self._written(len(self.lines))
        self.lines.append(bytes(line))
        return len(line)


def run(
    config: dict[str, Any],
    first: datetime,
    state: dict[str, Any] | None,
    ending: Ending,
    streams: Collection[str] | None = None,
    machine: Callable[[], datetime] = machine_now,
) -> Run:
    """Run the tap once.

    Args:
        config: Settings.
        first: The first moment to read where there is no bookmark.
        state: What the run before has left, if anything.
        ending: How it is to end, unless it is over by then.
        streams: The only streams to select; by default all but LEFT_OUT.
        machine: What the clock of the machine shows that it runs on.
    """
    result = Run()
    with _logged() as log, _signals_kept():
        deadline = 0.02 * (1 + ending.messages % 10) if ending.how == "deadline" else 0.0
        given = json.loads(json.dumps(state or {}))
        quick = QuickRun(config, first=first, deadline=deadline, machine=machine)
        tap = Tap(quick, given)
        for stream in tap.streams.values():
            chosen = stream.name not in LEFT_OUT
            stream.selected = chosen if streams is None else stream.name in streams
        output = Output(_interference(quick, ending))
        try:
            with _as_stdout(output):
                tap.sync_all()
        except EmagError as error:
            result.code, result.error = error.exit_code, error
        finally:
            quick.close()
    result.lines, result.log = output.lines, log.getvalue()
    assert not quick.killed, "the run did not end within its grace"
    if ending.how == "killed":
        result.lines = result.lines[: ending.messages]
        result.code = 128 + signal.SIGKILL
    del tap, quick
    if threading.active_count() > 200:
        gc.collect()
    return result


def _interference(run: QuickRun, ending: Ending) -> Callable[[int], None]:
    def written(before: int) -> None:
        if ending.how == "target gone" and before >= ending.messages:
            raise BrokenPipeError
        if ending.how == "signal" and before == ending.messages:
            run.watchdog.signal(signal.SIGTERM)

    return written


@contextmanager
def _as_stdout(output: Output) -> Iterator[None]:
    before, sys.stdout = sys.stdout, output
    try:
        yield
    finally:
        sys.stdout = before


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Give back the signals that a tap takes for itself, so that they reach this process again."""
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


@contextmanager
def _logged() -> Iterator[io.StringIO]:
    """Catch what the root logger's handlers get, as a console would show it."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    root = logging.getLogger()
    others, root.handlers = root.handlers, [handler]
    try:
        yield text
    finally:
        root.handlers = others
