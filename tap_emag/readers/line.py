"""The windows under way: plans them, keeps requests in flight, hands them on sealed and in order.

How many rows may wait unread is bounded, so a slow target slows the reading and memory stays flat.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from concurrent.futures import FIRST_COMPLETED, wait
from typing import TYPE_CHECKING, Any

from tap_emag.client import Page
from tap_emag.readers.reading import (
    FEW,
    SOME,
    TARGET,
    Ask,
    Reading,
    Sealed,
    Split,
)
from tap_emag.windows import LONGEST, Window, next_window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from datetime import datetime

    from tap_emag.client import Count
    from tap_emag.readers.windowed import WindowReader

OPEN_ROWS = 10_000  # being read, or waiting to be written
OPEN_WINDOWS = 24
COUNTED_AHEAD = 4  # windows
SMALLEST_TARGET = 200  # rows
CALMER, BUSIER = 1.25, 0.5  # what a sealed and an unsealed window make of the target
SPARSE = 300  # rows in the longest window
FIRST_LOOKS = 2  # sparse windows under way at first: each one that fits its page makes it one more
MEMORY = 0.4  # part of what earlier windows weighed, for each later one
POLL = 0.1  # seconds


class Line:
    """The windows of one range: `run` has a thread of its own, iterating is for the caller's."""

    def __init__(
        self, reader: WindowReader, after: int, end: int | None, filters: dict[str, Any]
    ) -> None:
        """Begin behind the local second `after`; see WindowReader.read."""
        self.after = after
        self.stopped = threading.Event()
        self._reader = reader
        self._filters = filters
        self._end = end
        self._planned = after
        self._goal: int | None = None
        self._seam: int | None = None  # behind it, rows may be stored late
        self._rows_lately = self._seconds_lately = 0.0
        self._target: float = TARGET
        self._looks = FIRST_LOOKS
        self._readings: list[Reading] = []
        self._under_way: dict[Future[Page | Count | None], tuple[Reading, Ask]] = {}
        self._out: queue.SimpleQueue[Sealed | BaseException | None] = queue.SimpleQueue()
        self._waiting_rows = 0
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Sealed]:
        """Deliver the sealed windows, oldest first.

        Raises:
            EmagError: What the client raises, or that the rows never held still.
        """
        try:
            while (item := self._next()) is not None:
                if isinstance(item, BaseException):
                    raise item
                with self._lock:
                    self._waiting_rows -= len(item.rows)
                yield item
        finally:
            self.stopped.set()

    def _next(self) -> Sealed | BaseException | None:
        """Wait for the next item; when the run must end, only for what is complete already."""
        while True:
            with contextlib.suppress(queue.Empty):
                return self._out.get(timeout=POLL)
            self._reader.life.check()

    def run(self) -> None:
        """Read until everything is delivered, something fails, or the caller has enough."""
        try:
            self._greet()
            while not self.stopped.is_set() and (self._readings or self._planned < self._present()):
                self._plan()
                self._send()
                self._receive()
                self._deliver()
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            self._out.put(error)
        else:
            self._out.put(None)
        for future in self._under_way:
            future.cancel()

    def _greet(self) -> None:
        """Learn the server's time where this machine's clock says there is nothing to read."""
        clock = self._reader.client.clock
        if not clock.known and self._planned >= self._present():
            self._reader.ask(Ask(1, Window(self._planned - 1, self._planned).bounds), self._filters)
        if clock.known:
            self._set_goal(clock.now())

    def _set_goal(self, now: datetime) -> None:
        self._goal = self._reached(now)
        if self._reader.late:
            calendar = self._reader.calendar
            sure = calendar.instant(self._goal) - self._reader.late
            self._seam = calendar.cut_before(calendar.local(sure))

    def _reached(self, now: datetime) -> int:
        """Return the last cut that is over for good at `now`, or the end that was asked for."""
        reached = self._reader.calendar.cut_before(self._reader.settled(now))
        return reached if self._end is None else min(reached, self._end)

    def _present(self) -> int:
        """Return where to stop: by this machine's clock until the server has said its time."""
        return self._reached(self._reader.client.clock.now()) if self._goal is None else self._goal

    def _plan(self) -> None:
        """Put further windows in line while there is room."""
        goal = self._present()
        while self._planned < goal and self._room():
            window = next_window(self._planned, goal, self._length(), self._reader.calendar)
            expected = None if self._density is None else self._density * window.seconds
            self._readings.append(self._reading(window, expected))
            self._planned = window.until

    def _room(self) -> bool:
        if not self._readings:
            # Nobody may be there to take rows yet: orders of one type wait for those of the other.
            return self._waiting_rows < OPEN_ROWS
        most = self._looks if self._sparse else OPEN_WINDOWS
        if self._goal is None or len(self._readings) >= most:
            return False
        rows = sum(TARGET if r.expected is None else r.expected for r in self._readings)
        return rows + self._waiting_rows < OPEN_ROWS

    def _length(self) -> int:
        """Return how many seconds the next window should span.

        Where the longest window would hold few pages, its count and its last, half empty page weigh
        too much; short replies do with fewer requests.
        """
        if not self._density:
            return LONGEST
        rows = self._target if self._reader.trust.counts and not self._sparse else FEW
        return max(1, int(min(rows / self._density, LONGEST)))

    @property
    def _sparse(self) -> bool:
        return self._density is not None and self._density * LONGEST < SPARSE

    @property
    def _density(self) -> float | None:
        """Rows a second by the latest windows, the newest weighing most; None when unknown."""
        return self._rows_lately / self._seconds_lately if self._seconds_lately else None

    def _met(self, rows: int, window: Window) -> None:
        self._rows_lately = self._rows_lately * MEMORY + rows
        self._seconds_lately = self._seconds_lately * MEMORY + window.seconds

    def _reading(self, window: Window, expected: float | None, *, tried: bool = False) -> Reading:
        reader = self._reader
        return Reading(window, reader.calendar, reader.trust, reader.axis, expected, tried)

    def _send(self) -> None:
        """Send what can be sent: the oldest windows first, but the next windows' counts in time.

        A window's last page waits for all its others; the windows behind it fill that pause, if it
        is known by then what pages they have.
        """
        if self._goal is not None:
            # Planned by a clock that was ahead: nothing of it is over, and nothing may be sealed.
            goal = self._goal
            self._readings = [r for r in self._readings if r.window.after < goal or not r.idle]
        early = [r for r in self._readings[:COUNTED_AHEAD] if r.wants_count]
        for reading in [*early, *self._readings]:
            if self._goal is not None and reading.idle:
                reading.limit(self._goal)
            while len(self._under_way) < self._reader.concurrency and (ask := reading.next_ask()):
                future = self._reader.executor.submit(self._reader.ask, ask, self._filters)
                self._under_way[future] = (reading, ask)

    def _receive(self) -> None:
        if not self._under_way:
            self.stopped.wait(POLL)  # the caller is busy with rows
            return
        done, _ = wait(self._under_way, timeout=POLL, return_when=FIRST_COMPLETED)
        for future in done:
            reading, ask = self._under_way.pop(future)
            self._take(reading, ask, future.result())

    def _take(self, reading: Reading, ask: Ask, answer: Page | Count | None) -> None:
        if self._goal is None:
            self._set_goal(answer.taken if answer else self._reader.client.clock.now())
        reading.seam = self._seam
        if isinstance(answer, Page):
            reading.paged(ask, answer, self._reader.settled(answer.taken))
        elif answer is None:
            reading.counted(None, reading.window.until)
        else:
            reading.counted(answer.rows, self._reader.settled(answer.taken))
            self._met(answer.rows, reading.window)

    def _deliver(self) -> None:
        """Hand on the sealed windows at the head of the line; replace the split ones."""
        self._readings = [part for reading in self._readings for part in self._resolved(reading)]
        while self._readings and isinstance(sealed := self._readings[0].result, Sealed):
            del self._readings[0]
            with self._lock:
                self._waiting_rows += len(sealed.rows)
            self._out.put(sealed)

    def _resolved(self, reading: Reading) -> Iterator[Reading]:
        split = reading.result
        if not isinstance(split, Split):
            self._learn(reading)
            yield reading
            return
        if split.unsteady:
            self._target = max(SMALLEST_TARGET, self._target * BUSIER)
        self._looks = max(FIRST_LOOKS, self._looks // 2)
        tried = not split.unsteady and split.rows < SOME
        for window in split.windows:
            part = self._reading(window, split.rows / len(split.windows), tried=tried)
            part.whole = None if split.unsteady else split.rows
            yield part

    def _learn(self, reading: Reading) -> None:
        """Keep in mind how dense a sealed window was; once, when it is delivered."""
        if isinstance(reading.result, Sealed) and reading is self._readings[0]:
            window = reading.result.window
            self._met(len(reading.result.rows), window)
            self._target = min(TARGET, self._target * CALMER)
            self._looks = min(OPEN_WINDOWS, self._looks + 1)
