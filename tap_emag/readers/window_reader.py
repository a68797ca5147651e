"""Plans windows, keeps several requests in flight, and delivers proven windows in order.

The number of waiting rows is bounded: so a slow target slows the reading, and memory stays flat.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from tap_emag.api.client import Page
from tap_emag.errors import ContractError
from tap_emag.readers.calendar import LONGEST, Window, next_window
from tap_emag.readers.count_reliability import CountReliability
from tap_emag.readers.counts import count_or_none
from tap_emag.readers.parts import COUNT, Ask, ProvenWindow, Split
from tap_emag.readers.window_proof import (
    LOOK_SPAN,
    SHORT_REPLY_ROWS,
    WINDOW_ROWS,
    WindowProof,
)
from tap_emag.schema.column_types import parse_integer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from concurrent.futures import Executor, Future
    from datetime import datetime

    from tap_emag.api.client import Client, Count
    from tap_emag.readers.calendar import Calendar
    from tap_emag.readers.parts import TimeField
    from tap_emag.watchdog import Watchdog

OPEN_ROWS = 8_000  # that are being read or wait for the caller
ASIDE_ROWS = 4_000  # the same until the caller takes the first: it may read another range before
OPEN_WINDOWS = 24
# Windows whose first requests are sent early; so many more than OPEN_ROWS has room for are counted.
STARTED_AHEAD = 4
SMALLEST_TARGET = 200  # rows
CALMER, BUSIER = 1.25, 0.5  # factors of the target after a proven and after an unsteady window
MEMORY = 0.4  # weight of the earlier windows' density, against a later one
PATIENCE = 12  # pages asked for since the oldest unproven look, until a request is sent for it
POLL = 0.1  # seconds


class WindowPipeline:
    """The windows of one range: `run` has its own thread, the caller's thread iterates."""

    def __init__(
        self, reader: WindowReader, after: int, end: int | None, filters: dict[str, Any]
    ) -> None:
        """Begin after the local second `after`; see WindowReader.start."""
        self.after = after
        self.stopped = threading.Event()
        self._reader = reader
        self._filters = filters
        self._end = end
        self._planned = after
        self._goal: int | None = None
        self._seam: int | None = None  # after it, rows may be stored late
        self._rows_lately = self._seconds_lately = 0.0
        self._target: float = WINDOW_ROWS
        self._proofs: list[WindowProof] = []
        self._under_way: dict[Future[Page | Count | None], tuple[WindowProof, Ask]] = {}
        self._out: queue.SimpleQueue[ProvenWindow | BaseException | None] = queue.SimpleQueue()
        self._waiting_rows = 0
        self._most_rows = self._most_planned = ASIDE_ROWS
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[ProvenWindow]:
        """Yield the proven windows, oldest first.

        Raises:
            EmagError: From the client, or because the rows kept changing.
        """
        self._most_rows = OPEN_ROWS
        self._most_planned = OPEN_ROWS + STARTED_AHEAD * WINDOW_ROWS
        try:
            while (item := self._next()) is not None:
                if isinstance(item, BaseException):
                    raise item
                with self._lock:
                    self._waiting_rows -= len(item.rows)
                yield item
        finally:
            self.stopped.set()

    def _next(self) -> ProvenWindow | BaseException | None:
        """Wait for the next item; when the run must end, return only complete windows."""
        while True:
            with contextlib.suppress(queue.Empty):
                return self._out.get(timeout=POLL)
            self._reader.watchdog.check()

    def run(self) -> None:
        """Read until everything is delivered, something fails, or the caller has enough."""
        try:
            self._greet()
            while not self.stopped.is_set() and (self._proofs or self._planned < self._present()):
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
        """Ask for the server's time if, by this machine's clock, there is nothing to read."""
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
        """Return the last cut that is over for good at `now`, at most the end asked for."""
        reached = self._reader.calendar.cut_before(self._reader.settled(now))
        return reached if self._end is None else min(reached, self._end)

    def _present(self) -> int:
        """Return where to stop: by this machine's clock until the server's time is known."""
        return self._reached(self._reader.client.clock.now()) if self._goal is None else self._goal

    def _plan(self) -> None:
        """Add further windows while there is room."""
        goal = self._present()
        while self._planned < goal and self._room():
            end = self._end_before(goal)
            window = next_window(self._planned, end, self._length(), self._reader.calendar)
            expected = None if self._density is None else self._density * window.seconds
            self._proofs.append(self._proof(window, expected))
            self._planned = window.until

    def _end_before(self, goal: int) -> int:
        """Return where the next windows end: at the seam, if one page may not have all up to it.

        A window across the seam is split there if it has more rows than a page, after its count.
        """
        seam, seconds = self._seam, goal - self._planned
        if seam is None or not self._planned < seam < goal:
            return goal
        if self._density is None:
            return seam if seconds > LOOK_SPAN else goal
        return seam if self._density * seconds >= SHORT_REPLY_ROWS * self._share else goal

    def _room(self) -> bool:
        if not self._proofs:
            # The caller may take rows only later: orders of one type wait for those of the other.
            return self._waiting_rows < self._most_rows
        if self._goal is None or len(self._proofs) >= OPEN_WINDOWS:
            return False
        rows = sum(proof.rows for proof in self._proofs)
        return rows + self._waiting_rows < self._most_planned

    def _length(self) -> int:
        """Return how many seconds the next window should span."""
        if not self._density:
            return LONGEST
        counts = self._reader.count_reliability.counts
        rows = self._target if counts else SHORT_REPLY_ROWS * self._share
        return max(1, int(min(rows / self._density, LONGEST)))

    @property
    def _share(self) -> float:
        return self._reader.count_reliability.pages.share

    @property
    def _density(self) -> float | None:
        """Return rows per second by the latest windows, the newest weighing most, if known."""
        return self._rows_lately / self._seconds_lately if self._seconds_lately else None

    def _learn_density(self, rows: int, window: Window) -> None:
        self._rows_lately = self._rows_lately * MEMORY + rows
        self._seconds_lately = self._seconds_lately * MEMORY + window.seconds

    def _proof(self, window: Window, expected: float | None, *, tried: bool = False) -> WindowProof:
        reader = self._reader
        return WindowProof(
            window,
            reader.calendar,
            reader.count_reliability,
            reader.time_field,
            expected,
            tried=tried,
        )

    def _send(self) -> None:
        """Send requests: the oldest windows first, but the first ones of the next windows before.

        A window's pages wait for its count, and then for its last page: those of the windows before
        fill these pauses. A first page that is read early is proven by the pages that follow.
        """
        if self._goal is not None:
            # This machine's clock was ahead: drop planned windows of which no second is over.
            goal = self._goal
            self._proofs = [r for r in self._proofs if r.window.after < goal or not r.idle]
        readable = self._readable()
        waiting = self._waiting_looks(readable)
        early = [r for r in self._proofs[:STARTED_AHEAD] if r.wants_start]
        for proof in [*early, *self._proofs]:
            if self._goal is not None and proof.idle:
                proof.limit(self._goal)
            if proof in waiting or proof not in readable:
                continue
            while len(self._under_way) < self._reader.concurrency and (ask := proof.next_ask()):
                future = self._reader.executor.submit(self._reader.ask, ask, self._filters)
                self._under_way[future] = (proof, ask)

    def _readable(self) -> AbstractSet[WindowProof]:
        """Return the windows that there is room for: later ones may only be counted."""
        before = accumulate((proof.rows for proof in self._proofs), initial=self._waiting_rows)
        return {
            proof
            for proof, rows in zip(self._proofs, before, strict=False)  # and the sum of all
            if proof.begun or proof.wants_count or rows < self._most_rows
        }

    def _waiting_looks(self, readable: AbstractSet[WindowProof]) -> AbstractSet[WindowProof]:
        """Return the windows whose first page may be complete, and that no request is sent for.

        Pages of other windows may prove them. If that takes too long, the one with most rows is
        looked at again: its proof proves the others too.
        """
        looks = {proof: proof.look for proof in self._proofs if proof.look}
        waiting = {proof: look for proof, look in looks.items() if proof.waits}
        if not waiting or len(waiting) < len(looks):
            return waiting.keys()
        oldest = min(look.asked for look in waiting.values())
        to_come = self._under_way or any(not (r.look or r.result) for r in readable)
        if to_come and self._reader.count_reliability.pages.asked - oldest < PATIENCE:
            return waiting.keys()
        largest = max(waiting, key=lambda proof: waiting[proof].rows)
        return waiting.keys() - {largest}

    def _receive(self) -> None:
        if not self._under_way:
            self.stopped.wait(POLL)  # the caller is busy with rows
            return
        done, _ = wait(self._under_way, timeout=POLL, return_when=FIRST_COMPLETED)
        for future in done:
            proof, ask = self._under_way.pop(future)
            self._take(proof, ask, future.result())

    def _take(self, proof: WindowProof, ask: Ask, answer: Page | Count | None) -> None:
        if self._goal is None and answer:
            self._set_goal(answer.taken)
        proof.seam = self._seam
        if isinstance(answer, Page):
            proof.paged(ask, answer, self._settled(answer))
        elif answer is None:
            proof.counted(None, proof.window.until)
        else:
            proof.counted(answer.rows, self._settled(answer))
            self._learn_density(answer.rows, proof.window)

    def _settled(self, answer: Page | Count) -> int:
        """Return the newest second over for good when the answer was made, at least the goal.

        The goal was over by then, and a window that ended before it would leave a gap.
        """
        settled = self._reader.settled(answer.taken)
        return settled if self._goal is None else max(settled, self._goal)

    def _deliver(self) -> None:
        """Pass the oldest windows to the caller while they are proven; replace the split ones."""
        for proof in self._proofs:
            proof.confirm()
        self._proofs = [part for proof in self._proofs for part in self._resolved(proof)]
        while self._proofs and isinstance(sealed := self._proofs[0].result, ProvenWindow):
            del self._proofs[0]
            with self._lock:
                self._waiting_rows += len(sealed.rows)
            self._out.put(sealed)

    def _resolved(self, proof: WindowProof) -> Iterator[WindowProof]:
        split = proof.result
        if not isinstance(split, Split):
            self._learn(proof)
            yield proof
            return
        if split.unsteady:
            self._target = max(SMALLEST_TARGET, self._target * BUSIER)
        tried = not split.unsteady
        density = split.rows / sum(window.seconds for window in split.windows)
        for window in split.windows:
            part = self._proof(window, density * window.seconds, tried=tried)
            part.whole = None if split.unsteady else split.rows
            yield part

    def _learn(self, proof: WindowProof) -> None:
        """Remember how dense a proven window was; once, when it is delivered."""
        if isinstance(proof.result, ProvenWindow) and proof is self._proofs[0]:
            window = proof.result.window
            self._learn_density(len(proof.result.rows), window)
            self._target = min(WINDOW_ROWS, self._target * CALMER)


BEHIND_CLOCK = timedelta(seconds=2)


@dataclass(frozen=True)
class WindowReader:
    """Reads one resource by windows of time; `concurrency` is how many requests it has at once.

    `late` is how old a row's time may be when eMAG stores it: reading that far back again finds it.
    """

    client: Client
    time_field: TimeField
    calendar: Calendar
    executor: Executor
    watchdog: Watchdog
    concurrency: int
    late: timedelta = timedelta(0)
    count_reliability: CountReliability = field(default_factory=CountReliability)

    def start(self, after: int, end: int | None, filters: Mapping[str, Any]) -> WindowPipeline:
        """Begin to read every window of (after, now] or (after, end].

        A thread of its own sends the requests, so that the caller can write the rows of one range
        while the next is being read.

        Args:
            after: Local second after which to begin, a cut of the calendar.
            end: Local second to stop at, a cut. None, or one still to come, means the present: two
                seconds before the server's time at the first reply.
            filters: Further parameters of each request, such as the order type.

        Returns:
            The windows under way; iterate it for the proven ones, oldest first.
        """
        line = WindowPipeline(self, after, end, dict(filters))
        threading.Thread(target=line.run, name="windows", daemon=True).start()
        return line

    def ask(self, ask: Ask, filters: Mapping[str, Any]) -> Page | Count | None:
        """Send one request of a window; None when the API refuses to count, or fails to."""
        time_field = self.time_field
        asked = {**filters, time_field.after: ask.bounds[0], time_field.before: ask.bounds[1]}
        if ask.page != COUNT:
            page = self.client.read(time_field.resource, ask.page, asked)
            if time_field.typed:
                check_type(time_field.resource, page.rows, filters["type"])
            return page
        return count_or_none(self.client, time_field.resource, asked)

    def settled(self, now: datetime) -> int:
        """Return the newest local second that is over for good, two seconds before `now`."""
        return self.calendar.horizon(now - BEHIND_CLOCK)


def check_type(resource: str, rows: Iterable[Mapping[str, Any]], kind: int) -> None:
    """Check that all rows with a type have the one that was asked for.

    Raises:
        ContractError: A row is of another type.
    """
    for row in rows:
        found = type_of(row)
        if found not in (None, kind):
            raise ContractError(
                f"{resource}/read: asked for type {kind}, got a row of type {found}: the filter was"
                " ignored, so nothing can be proven complete"
            )


def type_of(row: Mapping[str, Any]) -> int | None:
    """Return the type of an order or a return, None if it has none."""
    try:
        return parse_integer(row.get("type"))
    except ValueError:
        return None
