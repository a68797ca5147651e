"""All returns: which there are, how they change, and each in full."""
# ruff: noqa: PLR2004 - shares and sizes of invented data need no names

from __future__ import annotations

from array import array
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from emag_sandbox.shop.localtime import DAY
from emag_sandbox.shop.return_life import ENDS, ended, life, moved_on, reached
from emag_sandbox.shop.return_rows import Case, goods, own_luck, return_
from emag_sandbox.shop.seeded_random import mix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from emag_sandbox.config import SandboxConfig
    from emag_sandbox.shop.order_index import Span
    from emag_sandbox.shop.orders import OrderBook
    from emag_sandbox.shop.return_life import Event

SHARE: Final = 0.06
FIRST_ID: Final = 4_300_000
STEP: Final = 3
BEYOND_32_BITS: Final = 1 << 32
DELIVERED: Final = frozenset((4, 5))


class ReturnQuery(NamedTuple):
    """What a request asks for; None leaves a side open."""

    id: int | None = None
    order_id: int | None = None
    product_id: int | None = None
    product_emag_id: int | None = None
    status: int | None = None
    type: int | None = None
    opened: Span | None = None


class ReturnBook:
    """All returns, made on demand.

    Times are instants in seconds. Not thread-safe: the world's lock guards it.
    """

    def __init__(self, config: SandboxConfig, orders: OrderBook, now: int) -> None:
        """Plan `config.returns` returns of the orders that exist at `now`."""
        self._seed, self._orders, self.start = config.seed, orders, now
        self._placed = config.orders
        wanted = round(config.orders * SHARE) if config.returns is None else config.returns
        self._wanted = wanted if config.orders else 0
        self._filled = False
        self._order = array("q")
        self._opened = array("q")
        self._events: list[tuple[Event, ...]] = []
        self._turns: dict[int, int] = {}
        self._notes: dict[int, list[int]] = {}
        self._by_id: dict[int, int] = {}
        self._goods: dict[int, list[tuple[int | None, int | None]]] = {}

    def numbers(self) -> range:
        """The returns there are."""
        self._fill()
        return range(len(self._order))

    def id(self, number: int) -> int:
        """The emag_id of a return: growing with its number, a few of them beyond 32 bits."""
        luck = mix(self._seed, 107, number)
        plain = FIRST_ID + number * STEP + luck % STEP
        return plain + BEYOND_32_BITS if luck >> 8 & 63 == 0 else plain

    def number(self, emag_id: int) -> int:
        """The number of the return with an emag_id.

        Raises:
            KeyError: when there is no such return.
        """
        self._fill()
        return self._by_id[emag_id]

    def events(self, number: int) -> tuple[Event, ...]:
        """All past events of a return and, unless a test changes it, its future ones."""
        return self._events[number]

    def status(self, number: int, now: int) -> int:
        """The status of a return at an instant."""
        return reached(self._events[number], now)[-1].status

    def version(self, number: int, now: int) -> tuple[int, int]:
        """Something that differs whenever a return's row does."""
        return len(reached(self._events[number], now)), self._turns.get(number, 0)

    def row(self, number: int, now: int) -> dict[str, Any]:
        """A return in full, as it is at an instant."""
        parent = number and mix(self._seed, 108, number) % 40 == 0
        case = Case(
            number,
            self.id(number),
            self.id(number - 1) if parent else None,
            self._opened[number],
            reached(self._events[number], now),
            self._notes.get(number, ()),
        )
        order = self._orders.first(self._order[number])
        return return_(self._seed, case, order, self._orders.market)

    def orders(self) -> set[int]:
        """The numbers of the orders that have a return."""
        return set(self._order)

    def order(self, number: int) -> tuple[int, int]:
        """The type and id of the order that a return belongs to."""
        return self._orders.key(self._order[number])

    def currency(self, number: int) -> str:
        """The currency of the order that a return belongs to."""
        return str(self._orders.first(self._order[number])["currency"])

    def luck(self, number: int) -> int:
        """The draw that a return's lasting features come from."""
        return own_luck(self._seed, number)

    def unfinished(self, now: int) -> list[int]:
        """The returns that have not come to an end."""
        return [number for number in self.numbers() if self.status(number, now) not in ENDS]

    def touch(self, numbers: Iterable[int], instant: int) -> list[int]:
        """Let some returns take their next step at an instant, remark on ended ones; their ids."""
        touched = []
        for number in numbers:
            turn = self._turns[number] = self._turns.get(number, 0) + 1
            if self.status(number, instant) in ENDS:
                self._notes.setdefault(number, []).append(instant)
            else:
                self._events[number] = moved_on(
                    self._events[number], instant, self._seed, number, turn, self.start
                )
            touched.append(self.id(number))
        return touched

    def close(self, numbers: Iterable[int], instant: int) -> list[int]:
        """Take some returns to their usual end at an instant; their ids."""
        closed = []
        for number in numbers:
            self._turns[number] = self._turns.get(number, 0) + 1
            self._events[number] = ended(self._events[number], instant)
            closed.append(self.id(number))
        return closed

    def open(self, orders: Iterable[int], instant: int) -> list[int]:
        """Open a return of each of some orders at an instant; their ids."""
        self._fill()
        return [self._append(order, instant) for order in orders]

    def select(
        self, query: ReturnQuery, now: int, sort: str, shown: Callable[[int], int]
    ) -> list[int]:
        """The numbers of the returns a request asks for, in the order asked for.

        `shown` turns an instant into what the query's bounds are compared with.
        """
        rows = [number for number in self._candidates(query) if self._asked(number, query, now)]
        if query.opened is not None:
            rows = [row for row in rows if query.opened.holds(shown(self._opened[row]))]
        if sort == "arbitrary":
            rows.sort(key=lambda number: mix(self.id(number)))
        elif sort.startswith("modified"):
            rows.sort(key=lambda row: (reached(self._events[row], now)[-1].instant, self.id(row)))
        else:
            rows.sort(key=self.id)
        if sort.endswith("desc"):
            rows.reverse()
        return rows

    def _candidates(self, query: ReturnQuery) -> Iterable[int]:
        numbers = self.numbers()
        if query.id is None:
            return numbers
        return [self._by_id[query.id]] if query.id in self._by_id else []

    def _asked(self, number: int, query: ReturnQuery, now: int) -> bool:
        kind, order_id = self.order(number)
        if query.type not in (None, kind) or query.order_id not in (None, order_id):
            return False
        if query.status is not None and query.status != self.status(number, now):
            return False
        if query.product_id is None and query.product_emag_id is None:
            return True
        return any(
            query.product_id in (None, product) and query.product_emag_id in (None, article)
            for product, article in self._sent(number)
        )

    def _sent(self, number: int) -> list[tuple[int | None, int | None]]:
        found = self._goods.get(number)
        if found is None:
            order = self._orders.first(self._order[number])
            found = self._goods[number] = [
                (line["product_id"], line["mkt_id"]) for line, _ in goods(self._seed, number, order)
            ]
        return found

    def _fill(self) -> None:
        if self._filled:
            return
        self._filled = True
        orders = range(self._placed)
        pool = [number for number in orders if self._orders.first_status(number) in DELIVERED]
        rng = Random(mix(self._seed, 101))
        drawn = rng.choices(pool or orders, k=self._wanted) if self._wanted else []
        for opened, order in sorted((self._opening(rng, order), order) for order in drawn):
            self._append(order, opened)

    def _opening(self, rng: Random, order: int) -> int:
        """Days to weeks after the order; one return in ten is recent, so that some are open."""
        placed = self._orders.index.dates[order]
        age = max(self.start - placed, 1)
        wait = DAY + int(rng.random() * 25 * DAY)
        if rng.random() < 0.1:
            return self.start - int(rng.random() * min(age, 10 * DAY))
        return placed + (wait if wait < age else int(rng.random() * age))

    def _append(self, order: int, opened: int) -> int:
        number = len(self._order)
        self._order.append(order)
        self._opened.append(opened)
        self._events.append(life(self._seed, number, opened, self.start))
        self._by_id[self.id(number)] = number
        return self.id(number)
