"""Which orders there are and which of them a request asks for, in compact arrays."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from emag_sandbox.shop.seeded_random import mix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from emag_sandbox.shop.localtime import LocalTime

SHIFT: Final = 26
NUMBER: Final = (1 << SHIFT) - 1
EDGE: Final = 2 * 3600
REMEMBERED: Final = 64
TYPES: Final = (2, 3)


class Span(NamedTuple):
    """A range of naive times, either side of it open-ended, each bound in or out."""

    after: int | None
    before: int | None
    after_in: bool
    before_in: bool
    instants: bool

    def holds(self, moment: int) -> bool:
        """Whether a moment is in the range."""
        if self.after is not None and (
            moment < self.after or (moment == self.after and not self.after_in)
        ):
            return False
        return self.before is None or (
            moment < self.before or (moment == self.before and self.before_in)
        )


class OrderQuery(NamedTuple):
    """What a request asks for; None leaves a side open."""

    id: int | None = None
    statuses: frozenset[int] | None = None
    type: int | None = None
    modified: Span | None = None
    created: Span | None = None


class OrderIndex:
    """Facts of all orders by number, and per type the orders sorted by time and by id."""

    def __init__(self, local: LocalTime) -> None:
        """Start empty; `local` turns instants into what the marketplace's clock shows."""
        self._local = local
        self.ids = array("q")
        self.types = array("b")
        self.statuses = array("b")
        self.dates = array("q")
        self.modified = array("q")
        self._sorted = {(kind, key): array("q") for kind in TYPES for key in ("m", "d", "i")}
        self._found: OrderedDict[tuple[OrderQuery, str], tuple[int, Sequence[int]]] = OrderedDict()
        self.generation = 0

    def __len__(self) -> int:
        """How many orders there are."""
        return len(self.ids)

    def fill(self, rows: Iterable[tuple[int, int, int, int, int]]) -> None:
        """Add many orders at once, each as (id, type, status, date, modified)."""
        for id_, kind, status, date, modified in rows:
            self._append(id_, kind, status, date, modified)
        for kind in TYPES:
            numbers = [number for number, each in enumerate(self.types) if each == kind]
            for key, column in (("m", self.modified), ("d", self.dates), ("i", self.ids)):
                packed = sorted(column[number] << SHIFT | number for number in numbers)
                self._sorted[kind, key] = array("q", packed)
        self.generation += 1

    def add(self, id_: int, kind: int, status: int, date: int, modified: int) -> int:
        """Add one order and return its number."""
        number = len(self.ids)
        self._append(id_, kind, status, date, modified)
        for key, value in (("m", modified), ("d", date), ("i", id_)):
            rows = self._sorted[kind, key]
            packed = value << SHIFT | number
            rows.insert(bisect_left(rows, packed), packed)
        self.generation += 1
        return number

    def move(self, number: int, status: int, modified: int) -> None:
        """Give an order another status and modification time."""
        rows = self._sorted[self.types[number], "m"]
        rows.pop(bisect_left(rows, self.modified[number] << SHIFT | number))
        packed = modified << SHIFT | number
        rows.insert(bisect_left(rows, packed), packed)
        self.modified[number], self.statuses[number] = modified, status
        self.generation += 1

    def retype(self, number: int) -> None:
        """Give an order the other type."""
        before = self.types[number]
        [after] = set(TYPES) - {before}
        columns = (("m", self.modified), ("d", self.dates), ("i", self.ids))
        for key, column in columns:
            packed = column[number] << SHIFT | number
            rows, others = self._sorted[before, key], self._sorted[after, key]
            rows.pop(bisect_left(rows, packed))
            others.insert(bisect_left(others, packed), packed)
        self.types[number] = after
        self.generation += 1

    def with_id(self, id_: int) -> list[int]:
        """The numbers of the orders that have an id: none, one, or one of each type."""
        found = []
        for kind in TYPES:
            rows = self._sorted[kind, "i"]
            place = bisect_left(rows, id_ << SHIFT)
            if place < len(rows) and rows[place] >> SHIFT == id_:
                found.append(rows[place] & NUMBER)
        return found

    def select(self, query: OrderQuery, sort: str) -> Sequence[int]:
        """The numbers of the orders a request asks for, in the order asked for."""
        known = self._found.get((query, sort))
        if known is not None and known[0] == self.generation:
            return known[1]
        rows = self._sort(self._filter(query), sort)
        self._found[query, sort] = (self.generation, rows)
        if len(self._found) > REMEMBERED:
            self._found.popitem(last=False)
        return rows

    def _append(self, id_: int, kind: int, status: int, date: int, modified: int) -> None:
        self.ids.append(id_)
        self.types.append(kind)
        self.statuses.append(status)
        self.dates.append(date)
        self.modified.append(modified)

    def _filter(self, query: OrderQuery) -> list[int]:
        kinds = TYPES if query.type is None else (query.type,)
        if query.id is not None:
            rows = [number for number in self.with_id(query.id) if self.types[number] in kinds]
        elif query.modified is not None:
            rows = [row for kind in kinds for row in self._within(kind, "m", query.modified)]
        elif query.created is not None:
            rows = [row for kind in kinds for row in self._within(kind, "d", query.created)]
        else:
            rows = [row & NUMBER for kind in kinds for row in self._sorted[kind, "i"]]
        if query.id is not None and query.modified is not None:
            rows = self._kept(rows, self.modified, query.modified)
        if query.created is not None and not (query.id is None and query.modified is None):
            rows = self._kept(rows, self.dates, query.created)
        if query.statuses is not None:
            rows = [row for row in rows if self.statuses[row] in query.statuses]
        return rows

    def _kept(self, rows: list[int], column: Sequence[int], span: Span) -> list[int]:
        shown = self._shown(span)
        return [row for row in rows if span.holds(shown(column[row]))]

    def _within(self, kind: int, key: str, span: Span) -> list[int]:
        """Orders whose time is in a span: compared at the edges, sliced between them.

        Naive times run backwards only in the repeated hour, so rows two hours inside the bounds
        need no look.
        """
        rows, shown = self._sorted[kind, key], self._shown(span)
        first = 0 if span.after is None else self._place(rows, span.after, span, -EDGE)
        last = len(rows) if span.before is None else self._place(rows, span.before, span, EDGE)
        inner = first if span.after is None else self._place(rows, span.after, span, EDGE)
        outer = last if span.before is None else self._place(rows, span.before, span, -EDGE)
        inner, outer = (inner, outer) if inner <= outer else (last, last)
        head = [row & NUMBER for row in rows[first:inner] if span.holds(shown(row >> SHIFT))]
        tail = [row & NUMBER for row in rows[outer:last] if span.holds(shown(row >> SHIFT))]
        return head + [row & NUMBER for row in rows[inner:outer]] + tail

    def _place(self, rows: Sequence[int], bound: int, span: Span, slack: int) -> int:
        instant = bound if span.instants else self._local.instant(bound)
        return bisect_left(rows, max(0, instant + slack) << SHIFT)

    def _shown(self, span: Span) -> Callable[[int], int]:
        return int if span.instants else self._local.naive

    def _sort(self, rows: list[int], sort: str) -> Sequence[int]:
        ids, modified = self.ids, self.modified
        if sort == "arbitrary":
            rows.sort(key=lambda row: mix(ids[row]))
        elif sort.startswith("modified"):
            rows.sort(key=lambda row: (modified[row], ids[row]))
        else:
            rows.sort(key=ids.__getitem__)
        if sort.endswith("desc"):
            rows.reverse()
        return array("q", rows)
