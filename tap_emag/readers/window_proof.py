"""Decides a window's next request, and proves the window complete. Pure.

A window is older than the server's clock. So rows can leave it (a change moves an order to the
present) but none can enter it. Four proofs are therefore possible that a window was read
completely, however the API sorts:

* **a short reply**: it has fewer rows than a full page; one reply is one snapshot. The size of a
  full page is not assumed: see `page_size`.
* **an empty second page**: where the size is unknown, page 2 is read, and when it is empty, page 1
  once more. If that brings as many rows as before, the window is complete. Proof: let S be the size
  of a page and T the number of rows, at the times 1, 2, 3 of the three replies; T never rises, and
  S only falls or only rises. Page 2 was empty, so T2 <= S2. Were rows missing from the third reply,
  it would have had S3 < T3 rows, as many as the first one: min(S1, T1) = S3. Either S1 = S3, then
  S2 = S3 and T3 <= T2 <= S3; or T1 = S3, then T3 <= T1 = S3. Both contradict S3 < T3.
* **the last page first**: the API counts the window, and its last page is read before all others.
  It is short, so it shows how many rows there are at that moment, if all pages before it turn out
  to be full: a second count, which must equal the first. Then the others are read. All rows that
  they bring were there when the last page was read, as none enters. So if as many distinct ids as
  counted have been seen, these are all rows of that moment, whichever have left since. The last
  page is always the short one, even if it is empty, so that a count that is too low cannot pass. If
  the pages before it are not full, the size is in doubt, and only then the count.
* **two equal passes**, for a second that cannot be split: the pages are read one by one up to an
  empty one until two passes in a row saw the same ids. A row of the first pass that left would be
  missing from the second, so no row left, and none was missed. A pass whose full pages are not all
  of one size is invalid.

A window without a proof is split and read again.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_emag.errors import ContractError, UnsteadyError
from tap_emag.readers.calendar import DAY, Window, text_of
from tap_emag.readers.parts import COUNT, Ask, ProvenWindow, Split
from tap_emag.schema.identity import identities, is_double

if TYPE_CHECKING:
    from tap_emag.api.client import Page
    from tap_emag.readers.calendar import Calendar
    from tap_emag.readers.count_reliability import CountReliability
    from tap_emag.readers.parts import Row, TimeField

WINDOW_ROWS = 2500  # rows in a window: 25 pages and one count make 96 rows a request
SPLIT_ABOVE_ROWS = 4000  # a window with more rows is split before it is read
SHORT_REPLY_ROWS = 68  # rows in a window that one short reply is to prove
LOOK_SPAN = 2 * DAY  # up to this length, page 1 of a window of unknown density is tried first
PROBE_SPAN = 27 * DAY  # of the one page that may show that pages can have more rows
MOST_PARTS = 16  # of one split, however many rows the window has
UNHEARD_OF = 100_000  # rows in a window that cannot be split: such a count is wrong
MOST_PASSES = 20
MOST_LOOKS = 3  # at a first page that has other rows after each empty second page


class Look(NamedTuple):
    """A first page that may be the complete window, but is not proven to be."""

    rows: int
    number: int  # in which it was asked for
    asked: int  # pages that had been asked for when it came
    second_page_is_empty: bool = False  # page 2 was read since, and was empty


@dataclass(eq=False)
class WindowProof:
    """The state of one window: send the requests of `next_ask`, pass replies to `paged`."""

    window: Window
    calendar: Calendar
    count_reliability: CountReliability
    time_field: TimeField
    expected: float | None = None  # rows, by the density of the windows before
    whole: float | None = None  # rows counted in the window that this one is a part of
    tried: bool = False  # part of a window that was split because it had too many rows
    seam: int | None = None  # after it, rows may be stored late: see `_at_seam`
    begun: bool = False  # rows of it were asked for, and are kept
    result: ProvenWindow | Split | None = None
    _asks: deque[int] = field(default_factory=deque)
    _under_way: int = 0
    _seen: dict[Any, tuple[int | None, Row]] = field(default_factory=dict)
    _count: int | None = None
    _uncounted: bool = False  # its count has failed
    _size: int = 0  # rows on each page but the last, by the proof by a count
    _last: int = 0  # the page that will be short; 0 outside the proof by a count
    _rows: dict[int, int] = field(default_factory=dict)  # that came, by page
    _measured: bool = False  # the size of pages was in doubt already
    _full: int = 0  # rows on a first page that was full
    _full_before: bool = False  # and a count was lower
    _fits: bool = False  # on one page, by its count
    _look: Look | None = None
    _looks: int = 0
    _probe: bool | None = None  # whether a probe is under way; None before it
    _passes: int = 0
    _pass_before: frozenset[Any] | None = None

    def __post_init__(self) -> None:
        unknown = self.expected is None
        few = SHORT_REPLY_ROWS * self.count_reliability.pages.share
        many = self.window.seconds > LOOK_SPAN if unknown else (self.expected or 0) >= few
        self._asks.append(COUNT if many and self._counts else 1)

    @property
    def idle(self) -> bool:
        """Return whether no request of this window is under way."""
        return self._under_way == 0

    @property
    def wants_count(self) -> bool:
        """Return whether the next request is a count."""
        return bool(self._asks) and self._asks[0] == COUNT

    @property
    def wants_start(self) -> bool:
        """Return whether the next request is its count, or the first of its pages."""
        return bool(self._asks) and not self.begun

    @property
    def rows(self) -> float:
        """Return how many rows it has: as came, as counted, or by the density of those before."""
        if self._look:
            return self._look.rows
        if self._count is not None:
            return self._count
        return WINDOW_ROWS if self.expected is None else self.expected

    @property
    def look(self) -> Look | None:
        """Return the first page that is not proven to be the complete window, if there is one."""
        return None if self.result else self._look

    @property
    def waits(self) -> bool:
        """Return whether a look waits: pages of other windows may yet prove it."""
        return self.look is not None and self.idle and not self._asks

    @property
    def _counts(self) -> bool:
        return self.count_reliability.counts and not self._uncounted

    def limit(self, until: int) -> None:
        """End the window at `until`, a cut, if it would end later; only while idle."""
        if until < self.window.until:
            self.window = Window(self.window.after, max(until, self.window.after))

    def next_ask(self) -> Ask | None:
        """Return a request that can be sent now, or None while replies are awaited."""
        if self._look and self.waits:
            self._look_closer(self._look)
        if self.result is not None or not self._asks:
            return None
        self._under_way += 1
        page, window = self._asks.popleft(), self.window
        self.begun = self.begun or page != COUNT
        if self._probe:
            wide = self.calendar.cut_before(window.until - PROBE_SPAN)
            window = Window(min(wide, window.after), window.until)
        return Ask(page, window.bounds, 0 if page == COUNT else self.count_reliability.pages.ask())

    def counted(self, count: int | None, settled: int) -> None:
        """Take the reply to a count, None if there was none; `settled` as for a page."""
        self._under_way -= 1
        if count is None:
            self._do_without()
            return
        self.count_reliability.failures = 0
        self._size = self.count_reliability.pages.full
        if settled < self.window.until:
            # This machine's clock was ahead: rows may still join those that were counted.
            self._begin_anew(settled)
        elif count < self._full and not self._full_before:
            # Rows have left since page 1 was read, or counts are wrong: page 1 shows which.
            self._full_before = True
            self._asks.append(1)
        elif count < self._full:
            self.count_reliability.counts = False
            self._resolve_full(self._full)
        elif count < self._size and self._looks < MOST_LOOKS:
            self._fits = True
            self._asks.append(1)
        elif count < self._size:
            self._halve(count)
        elif parts := self._at_seam():
            self.result = Split(parts, count)
        else:
            self._take_count(count)

    def _do_without(self) -> None:
        """Go on after a count that failed."""
        self.count_reliability.failed()
        self._uncounted = True
        if self._full:
            self._resolve_full(self._full)
        else:
            self._asks.append(1)

    def _take_count(self, count: int) -> None:
        """Split a window with too many rows; read the pages of any other."""
        if count > SPLIT_ABOVE_ROWS and self._parts(min(count // WINDOW_ROWS + 1, MOST_PARTS)):
            if self.whole is not None and count >= self.whole:
                self.count_reliability.unmoved()
            if self.count_reliability.counts:
                self._split(min(count // WINDOW_ROWS + 1, MOST_PARTS), count)
            else:
                self._asks.append(1)
        elif count > UNHEARD_OF:
            self.count_reliability.counts = False
            self._begin_pass()
        else:
            self._plan(count)

    def _begin_anew(self, settled: int) -> None:
        """Count again the part that was over at `settled`, which may be empty."""
        self.limit(self.calendar.cut_before(settled))
        self._seen.clear()
        if self.window.seconds:
            self._asks.append(COUNT)
        else:
            self._seal()

    def _plan(self, count: int) -> None:
        """Ask for the last page."""
        self._count = count
        self._last = count // self._size + 1
        self._rows.clear()
        self._asks.append(self._last)

    def _at_seam(self) -> list[Window]:
        """Return the parts before and after the seam, if the window has both.

        In a count, a row that is stored late makes up for one that leaves; then another row may
        slip between pages unnoticed. The next run reads the part after the seam again, but not the
        part before it. So one count, or several pages, must never prove both together.
        """
        if self.seam is None or not self.window.after < self.seam < self.window.until:
            return []
        return [Window(self.window.after, self.seam), Window(self.seam, self.window.until)]

    def paged(self, ask: Ask, page: Page, settled: int) -> None:
        """Take a page; `settled` is the newest local second that was over when it was made."""
        self._under_way -= 1
        self.count_reliability.pages.saw(ask.number, len(page.rows))
        if self._probe:
            self._probe = False
            self.confirm()
            return
        if self._look and ask.page > 1:
            self._take_second_page(page, self._look)
            return
        before = len(self._seen)
        for key, row in zip(identities(page.rows, self.time_field.key), page.rows, strict=True):
            self._add_row(key, row, ask)
        self._rows[ask.page] = len(page.rows)
        if self._passes:
            self._paged_in_pass(ask, len(self._seen) - before)
        elif self._last:
            self._paged_in_count()
        else:
            self._look_at(len(page.rows), ask.number, settled)

    def confirm(self) -> None:
        """Seal the window if pages that were asked for since prove that its look is complete."""
        look, pages = self.look if self.waits else None, self.count_reliability.pages
        if look and pages.is_short(look.rows, look.number, look.asked):
            self._seal()
        elif look and pages.wants_again(look.rows, look.number, look.asked):
            self._seen.clear()
            self._asks.append(1)

    def _add_row(self, key: str, row: Row, ask: Ask) -> None:
        time_field = self.time_field
        second = time_field.second(row)
        if second is not None and not self.window.covers(second):
            raise ContractError(
                f"{time_field.resource}/read: asked for {ask.bounds[0]} to {ask.bounds[1]}, got a"
                f" row of {text_of(second)}: the filter was ignored, so nothing can be proven"
                " complete"
            )
        self._seen[key] = second, row

    def _look_at(self, rows: int, number: int, settled: int) -> None:
        """Take the first page, which may be the only one."""
        before, pages = self._look, self.count_reliability.pages
        self._look = None
        again = before is not None and before.second_page_is_empty and rows == before.rows
        nothing_over = self.calendar.cut_before(settled) <= self.window.after
        if again or nothing_over or pages.is_few(rows):
            self.limit(self.calendar.cut_before(settled))
            self._seal()
        elif (pages.is_full(rows) and not self._may_fit(rows)) or self._looks >= MOST_LOOKS:
            if rows >= pages.full:
                pages.learn(rows)
            self._resolve_full(rows)
        else:
            # Rows may still join the seconds that were not over then: do not claim those.
            self.limit(self.calendar.cut_before(settled))
            self._look = Look(rows, number, pages.asked)

    def _may_fit(self, rows: int) -> bool:
        """Return whether page 1 may be complete though it is full by what was asked for.

        By the count it is, and pages are known to have more rows than that.
        """
        return self._fits and rows < self.count_reliability.pages.full

    def _look_closer(self, look: Look) -> None:
        """Find out whether a look was complete.

        Where a page before it had more rows, a page of a longer time may show that pages still can.
        If there was none, or it does not, page 2 is read, and then page 1 again.
        """
        probed = self._probe is not None or self._measured
        backed = self.count_reliability.pages.more_came_before(look.rows, look.number)
        if backed and not probed and self.window.seconds <= PROBE_SPAN / 2:
            self._probe = True
            self._asks.append(1)
        elif parts := self._at_seam():
            self.result = Split(parts, look.rows)
        else:
            self._asks.append(2)

    def _take_second_page(self, page: Page, look: Look) -> None:
        """Take page 2: rows on it mean that page 1 was full."""
        self._seen.clear()
        if page.rows:
            self._look = None
            self.count_reliability.pages.learn(look.rows)
            self._resolve_full(look.rows)
        else:
            self._look = look._replace(second_page_is_empty=True)
            self._looks += 1
            self._asks.append(1)

    def _resolve_full(self, rows: int) -> None:
        """Go on after a full first page: count; where counts are of no use, split or repeat."""
        self._full = rows
        few = SHORT_REPLY_ROWS * self.count_reliability.pages.share
        fits_in_two = not self.tried and few / 2 <= (self.expected or 0) < few
        if (fits_in_two or not self._counts) and self._split_for_short_replies():
            return
        self._seen.clear()
        if self._counts:
            self.begun = False  # nothing is kept, and there may be no room for what is counted
            self._asks.append(COUNT)
        else:
            self._begin_pass()

    def _split_for_short_replies(self) -> bool:
        pages = self.count_reliability.pages
        # Of a window of unknown density it is only known that it has more rows than a page.
        rows = 1.5 * pages.full if self.expected is None else max(self.expected, pages.full)
        parts = min(int(rows / (SHORT_REPLY_ROWS * pages.share)) + 1, MOST_PARTS)
        return bool(self._parts(parts)) and self._split(parts, rows)

    def _paged_in_count(self) -> None:
        if not self.idle or self._asks:
            return
        rows, count = (self._last - 1) * self._size + self._rows[self._last], self._count or 0
        if len(self._rows) == 1:
            # Where they differ, page 1 shows whether that is due to the size of pages.
            self._asks.extend(range(1, self._last) if rows == count else [1])
        elif self._is_uneven(agrees=rows == count):
            self._measure_or_split(rows, count)
        elif rows == len(self._seen) == count:
            self.count_reliability.agreed()
            self._seal()
        else:
            self._disagree(rows if rows != count else len(self._seen), count)

    def _is_uneven(self, *, agrees: bool) -> bool:
        """Return whether pages had unexpected sizes that rows which left cannot explain.

        Rows that left explain a smaller page only if all later pages are empty. The last page was
        read before: where it `agrees` with the count, all rows were there by then.
        """
        came = [self._rows.get(page, self._size) for page in range(1, self._last)]
        later = [*came, 0 if agrees else self._rows[self._last]]
        return any(
            rows > self._size or (rows < self._size and any(later[page:]))
            for page, rows in enumerate(came, start=1)
        )

    def _measure_or_split(self, rows: int, count: int) -> None:
        """Learn the size of pages anew, once; the second time, doubt the count."""
        if self._measured:
            self._disagree(min(rows, count), count)
            return
        self._measured = True
        self.count_reliability.pages.doubt()
        self._last, self._count = 0, None
        self._seen.clear()
        self._asks.append(1)

    def _disagree(self, rows: int, count: int) -> None:
        self.count_reliability.disagreed(rows, count)
        self._last = 0
        self._halve(rows)

    def _halve(self, rows: float) -> None:
        """Split a window whose rows keep changing; read it in passes if it cannot be split."""
        self._seen.clear()
        if self._parts(2):
            self._split(2, rows, unsteady=True)
        else:
            self._begin_pass()

    def _begin_pass(self) -> None:
        self._passes += 1
        if self._passes > MOST_PASSES:
            raise UnsteadyError(
                f"{self.time_field.resource}/read: the rows of {self.window.bounds[0]} kept"
                f" changing through {MOST_PASSES} passes; run again when less changes"
            )
        self._seen.clear()
        self._rows.clear()
        self._asks.append(1)

    def _paged_in_pass(self, ask: Ask, news: int) -> None:
        rows, first = self._rows[ask.page], self._rows[1]
        if rows and not news and rows == first:
            raise ContractError(
                f"{self.time_field.resource}/read: page {ask.page} repeats the rows of earlier"
                " pages, so nothing can be proven complete"
            )
        if rows:
            self._asks.append(ask.page + 1)
            return
        came = list(self._rows.values())[:-1]
        even = set(came[:-1]) <= {first} and max(came, default=0) <= first
        seen = frozenset(self._seen)
        if even and seen == self._pass_before:
            self._seal()
            return
        self._pass_before = seen if even else None
        self._begin_pass()

    def _parts(self, parts: int) -> list[Window]:
        windows = self.window.split(parts, self.calendar)
        return windows if len(windows) > 1 else []

    def _split(self, parts: int, rows: float, *, unsteady: bool = False) -> bool:
        self.result = Split(self._parts(parts), rows, unsteady)
        return True

    def _seal(self) -> None:
        rows, doubles = [], []
        for key, (second, row) in self._seen.items():
            if is_double(key):
                doubles.append(row)
            elif second is None or self.window.claims(second):
                rows.append((second or 0, key.zfill(20), row))
        rows.sort(key=lambda item: item[:2])
        self.result = ProvenWindow(self.window, [row for _, _, row in rows], doubles)
