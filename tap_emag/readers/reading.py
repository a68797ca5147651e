"""One window being read: what to ask next, and what the replies prove. Pure.

A window lies behind the server's clock. So rows can leave it (whoever touches an order moves it to
the present) but none can enter it. That makes three proofs possible that a window was read whole,
whatever order the API sorts by:

* **a short reply**: fewer rows than a page holds came back; one reply is one snapshot.
* **two equal counts**: the API counts the window; all pages but the last are read; when they are
  all back, the last one is. It is short, so it says how many rows there are at that moment: the
  second count. If it equals the first, nothing left in between, no page shifted, and as many
  distinct ids as counted have been seen. The last page is therefore always the short one, even if
  it is empty, so that a count that is too low cannot pass.
* **two equal passes**, for a second that cannot be split: the pages are read one by one up to a
  short one until two passes in a row saw the same ids. A row of the first pass that left would be
  missing from the second, so nothing left, so nothing was missed.

What cannot be proven is split and read again.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_emag.client import PAGE_SIZE
from tap_emag.errors import ContractError, UnsteadyError
from tap_emag.tables.raw import identities, is_double
from tap_emag.types import parse_naive
from tap_emag.windows import DAY, Window, second_of, text_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tap_emag.client import Page
    from tap_emag.windows import Calendar

COUNT = 0  # an Ask for the count; any other number is a page
TARGET = 2500  # rows in a window: 25 pages and one count make 96 rows a request
MOST = 4000  # a window that holds more is split before it is read
FEW = 68  # rows in a window that one short reply is to prove
SOME = 150  # from as many expected rows on, counting is cheaper than a try with a short reply
LOOK_SPAN = 2 * DAY  # up to this length a window of unknown density is looked at, not counted
MOST_PARTS = 16  # that a window is split into at once, whatever its count says
UNHEARD_OF = 100_000  # rows in a window that cannot be split: no count says that in earnest
MOST_PASSES = 20
MOST_SAME = 15  # times that a part counts as much as the whole; a second full of rows needs 14
MOST_DISAGREEMENTS = 6  # in a row, until counts are held for useless

Row = dict[str, Any]


@dataclass(frozen=True)
class Axis:
    """What windows of a resource lie on: a naive local time that each row carries.

    `after` and `before` are the names of the two bounds in a request; `moment` parses the time.
    Rows may leave a window by their time being set to the present, but never enter it.
    """

    resource: str
    key: str
    stamp: str
    after: str
    before: str
    moment: Callable[[Any], datetime | None] = parse_naive

    def second(self, row: Row) -> int | None:
        """Return the local second a row belongs to, None if it says none."""
        moment = self.moment(row.get(self.stamp))
        return None if moment is None else second_of(moment)


class Ask(NamedTuple):
    """A request to send for a window: its count, or one of its pages."""

    page: int
    bounds: tuple[str, str]


@dataclass
class Trust:
    """Whether the API's counts are any good, as far as this run has seen.

    A count that is always too low by what happens to leave would pass for equal. So the first one
    is tried: the last page is read at once, and says whether it is right.
    """

    counts: bool = True
    tried: bool = False
    proven: bool = False
    disagreements: int = 0
    same: int = 0

    def agreed(self) -> None:
        """Note a count that was confirmed by the rows."""
        self.disagreements = 0

    def disagreed(self, rows: int, count: int) -> None:
        """Note that the rows were not as many as counted: some left meanwhile, or it is wrong."""
        self.disagreements += 1
        # Nobody can enter a window, so a count that is too low was wrong when it was made.
        if rows > count or self.disagreements >= MOST_DISAGREEMENTS:
            self.counts = False

    def unmoved(self) -> None:
        """Note that a part of a window counts as many rows as the whole.

        All of them may have come in one second; but counts that are always the same are wrong.
        """
        self.same += 1
        if self.same > MOST_SAME:
            self.counts = False


@dataclass(frozen=True)
class Sealed:
    """A window proven to be read whole: its rows by time and id, each once.

    Rows without a readable time come first: they belong to no second, so every window that meets
    them delivers them. Rows without an id are told apart by their content. Of rows that share an id
    in one reply the later ones are `doubles`; whoever takes those finds another place for them.
    """

    window: Window
    rows: list[Row]
    doubles: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Split:
    """A window to be read anew in parts; `rows` is about how many it holds.

    `unsteady` tells that it would not hold still, not that it was too large.
    """

    windows: list[Window]
    rows: float
    unsteady: bool = False


@dataclass
class Reading:
    """The state of one window: feed it replies with `take`, send what `next_ask` gives."""

    window: Window
    calendar: Calendar
    trust: Trust
    axis: Axis
    expected: float | None = None  # rows, by the density of the windows before
    whole: float | None = None  # rows counted in the window that this one is a part of
    tried: bool = False  # part of a window that was expected to fit one page, and did not
    seam: int | None = None  # behind it, rows may be stored late: see `_at_seam`
    result: Sealed | Split | None = None
    _asks: deque[int] = field(default_factory=deque)
    _under_way: int = 0
    _seen: dict[Any, Row] = field(default_factory=dict)
    _count: int | None = None
    _last: int = 0  # the page that will be short; 0 outside the proof by counts
    _trying: bool = False  # the last page, read first, is to say whether the count is right
    _was_full: bool = False
    _passes: int = 0
    _pass_before: frozenset[Any] | None = None

    def __post_init__(self) -> None:
        unknown = self.expected is None
        many = self.window.seconds > LOOK_SPAN if unknown else (self.expected or 0) >= SOME
        self._asks.append(COUNT if many and self.trust.counts else 1)

    @property
    def idle(self) -> bool:
        """Tell whether no request of this window is under way."""
        return self._under_way == 0

    @property
    def wants_count(self) -> bool:
        """Tell whether the next request is a count."""
        return bool(self._asks) and self._asks[0] == COUNT

    def limit(self, until: int) -> None:
        """Let the window end at `until`, a cut, if it would end later; only while idle."""
        if until < self.window.until:
            self.window = Window(self.window.after, max(until, self.window.after))

    def next_ask(self) -> Ask | None:
        """Return a request that can be sent now, or None while replies are awaited."""
        if self.result is not None or not self._asks:
            return None
        self._under_way += 1
        return Ask(self._asks.popleft(), self.window.bounds)

    def counted(self, count: int | None, settled: int) -> None:
        """Take the reply to a count, None if the API cannot count; `settled` as for a page."""
        self._under_way -= 1
        if count is not None and settled < self.window.until:
            # The machine's own clock was ahead: what was counted may still be joined by rows.
            self.limit(self.calendar.cut_before(settled))
            if self.window.seconds:
                self._asks.append(COUNT)
            else:
                self._seal()  # nothing of it is over yet
        elif count is None or (count < PAGE_SIZE and self._was_full):
            # It says so few, while a full page has been seen: nobody can enter, so it is wrong.
            self.trust.counts = False
            self._resolve_full()
        elif count < PAGE_SIZE:
            self._asks.append(1)
        elif parts := self._at_seam():
            self.result = Split(parts, count)
        elif count > MOST and self._parts(min(count // TARGET + 1, MOST_PARTS)):
            if self.whole is not None and count >= self.whole:
                self.trust.unmoved()
            if self.trust.counts:
                self._split(min(count // TARGET + 1, MOST_PARTS), count)
            else:
                self._asks.append(1)
        elif count > UNHEARD_OF:
            self.trust.counts = False
            self._begin_pass()
        else:
            self._count = count
            self._last = count // PAGE_SIZE + 1
            self._trying = not self.trust.tried
            self.trust.tried = True
            self._asks.extend([self._last] if self._trying else range(1, self._last))

    def _at_seam(self) -> list[Window]:
        """Return the parts before and behind the seam, if the window has both.

        One row that is stored late makes up, in a count, for one that leaves; then another one may
        slip between pages unnoticed. What lies behind the seam is read again by the next run, what
        lies before it is not: so the two are never proven by one count.
        """
        if self.seam is None or not self.window.after < self.seam < self.window.until:
            return []
        return [Window(self.window.after, self.seam), Window(self.seam, self.window.until)]

    def paged(self, ask: Ask, page: Page, settled: int) -> None:
        """Take a page; `settled` is the newest local second that was over when it was made."""
        self._under_way -= 1
        before = len(self._seen)
        for key, row in zip(identities(page.rows, self.axis.key), page.rows, strict=True):
            self._meet(key, row, ask)
        if self._passes and not page.short and len(self._seen) == before:
            raise ContractError(
                f"{self.axis.resource}/read: page {ask.page} holds what earlier pages held, so"
                " nothing can be proven complete"
            )
        if self._passes:
            self._paged_in_pass(ask, page)
        elif self._last:
            self._paged_in_count(ask, page)
        elif page.short:
            self.limit(self.calendar.cut_before(settled))
            self._seal()
        else:
            self._was_full = True
            self._resolve_full()

    def _meet(self, key: str, row: Row, ask: Ask) -> None:
        axis = self.axis
        second = axis.second(row)
        if second is not None and not self.window.covers(second):
            raise ContractError(
                f"{axis.resource}/read: asked for {ask.bounds[0]} to {ask.bounds[1]}, got a row of"
                f" {text_of(second)}: the filter was ignored, so nothing can be proven complete"
            )
        self._seen[key] = row

    def _resolve_full(self) -> None:
        """Go on after a full first page: count, or where that is no use, split, or repeat."""
        fits_in_two = not self.tried and FEW / 2 <= (self.expected or 0) < SOME
        if (fits_in_two or not self.trust.counts) and self._split_for_short_replies():
            return
        self._seen.clear()
        if self.trust.counts:
            self._asks.append(COUNT)
        else:
            self._begin_pass()

    def _split_for_short_replies(self) -> bool:
        rows = SOME if self.expected is None else max(self.expected, PAGE_SIZE)
        parts = min(int(rows / FEW) + 1, MOST_PARTS)
        return bool(self._parts(parts)) and self._split(parts, rows)

    def _paged_in_count(self, ask: Ask, page: Page) -> None:
        if ask.page < self._last:
            if self.idle and not self._asks:
                self._asks.append(self._last)
            return
        rows, count = (self._last - 1) * PAGE_SIZE + len(page.rows), self._count or 0
        right = page.short and rows == count
        if self._trying:
            self._trying, self.trust.proven, self.trust.tried = False, right, right
            if right:
                self._seen.clear()
                self._asks.extend(range(1, self._last))
                return
        elif right and self.trust.proven and len(self._seen) == count:
            self.trust.agreed()
            self._seal()
            return
        self.trust.disagreed(rows, count)
        self._last = 0
        self._seen.clear()
        if self._parts(2):
            self._split(2, rows, unsteady=True)
        else:
            self._begin_pass()

    def _begin_pass(self) -> None:
        self._passes += 1
        if self._passes > MOST_PASSES:
            raise UnsteadyError(
                f"{self.axis.resource}/read: the rows of {self.window.bounds[0]} kept changing"
                f" through {MOST_PASSES} passes; run again when less changes"
            )
        self._seen.clear()
        self._asks.append(1)

    def _paged_in_pass(self, ask: Ask, page: Page) -> None:
        if not page.short:
            self._asks.append(ask.page + 1)
            return
        seen = frozenset(self._seen)
        if seen == self._pass_before:
            self._seal()
            return
        self._pass_before = seen
        self._begin_pass()

    def _parts(self, parts: int) -> list[Window]:
        windows = self.window.split(parts, self.calendar)
        return windows if len(windows) > 1 else []

    def _split(self, parts: int, rows: float, *, unsteady: bool = False) -> bool:
        self.result = Split(self._parts(parts), rows, unsteady)
        return True

    def _seal(self) -> None:
        rows, doubles = [], []
        for key, row in self._seen.items():
            second = self.axis.second(row)
            if is_double(key):
                doubles.append(row)
            elif second is None or self.window.claims(second):
                rows.append((second or 0, key.zfill(20), row))
        rows.sort(key=lambda item: item[:2])
        self.result = Sealed(self.window, [row for _, _, row in rows], doubles)
