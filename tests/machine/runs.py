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
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tap_emag import bookmarks
from tap_emag.errors import EmagError
from tap_emag.life import Life
from tap_emag.settings import Settings
from tap_emag.tap import TapEmag
from tests.acceptance.other_truth import CODES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# A request for each offer or category; invoices, which are read up to this machine's own today and
# not up to the sandbox's; and codes, which nobody asks for.
LEFT_OUT = {
    *("commissions", "smart_deals", "category_values"),
    *("invoices", "invoice_lines", "customer_invoices", "customer_invoice_lines"),
    *CODES,
}
HUNG = 0.3  # seconds without an answer
ANY_YEAR = timedelta(days=9999)  # by which a bookmark may lie ahead of this machine's clock
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


class Tap(TapEmag):
    """The tap, less patient than its settings may be, and in a process that must not end."""

    def __init__(self, *, first: datetime, deadline: float, **given: Any) -> None:  # noqa: ANN401
        self.first, self.deadline, self.killed = first, deadline, False
        super().__init__(**given)

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up a state whose bookmarks may lie in another year."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bookmarks, "SLACK", ANY_YEAR)
            super().load_state(state)

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
    def life(self) -> Life:
        """The run's life; it cannot end this process."""
        settings = self.settings
        return Life(settings.sync_timeout_seconds, settings.stall_timeout_seconds, kill=self._kill)

    def _kill(self, _code: int) -> None:
        self.killed = True

    def close(self) -> None:
        """End the threads and connections that a process would take with it."""
        for executor in self._executors.values():
            executor.shutdown(cancel_futures=True)
        if "client" in self.__dict__:
            self.client.close()


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
    config: dict[str, Any], first: datetime, state: dict[str, Any] | None, ending: Ending
) -> Run:
    """Run the tap once.

    Args:
        config: Settings.
        first: The first moment to read where there is no bookmark.
        state: What the run before has left, if anything.
        ending: How it is to end, unless it is over by then.
    """
    result = Run()
    with _logged() as log, _signals_kept():
        deadline = 0.02 * (1 + ending.messages % 10) if ending.how == "deadline" else 0.0
        given = json.loads(json.dumps(state or {}))
        tap = Tap(first=first, deadline=deadline, config=config, state=given)
        for stream in tap.streams.values():
            stream.selected = stream.name not in LEFT_OUT
        output = Output(_interference(tap, ending))
        try:
            with _as_stdout(output):
                tap.sync_all()
        except EmagError as error:
            result.code, result.error = error.exit_code, error
        finally:
            tap.close()
    result.lines, result.log = output.lines, log.getvalue()
    assert not tap.killed, "the run did not end within its grace"
    if ending.how == "killed":
        result.lines = result.lines[: ending.messages]
        result.code = 128 + signal.SIGKILL
    del tap
    if threading.active_count() > 200:
        gc.collect()
    return result


def _interference(tap: Tap, ending: Ending) -> Callable[[int], None]:
    def written(before: int) -> None:
        if ending.how == "target gone" and before >= ending.messages:
            raise BrokenPipeError
        if ending.how == "signal" and before == ending.messages:
            tap.life.signal(signal.SIGTERM)

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
