"""All invoices: eMAG's to the seller, month by month, and the seller's to customers."""

from __future__ import annotations

from datetime import date
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from emag_sandbox.marketplaces import MARKETPLACES
from emag_sandbox.shop.billing import month_of
from emag_sandbox.shop.calm import calm
from emag_sandbox.shop.invoice_rows import CATEGORIES, customer_invoice, invoice
from emag_sandbox.shop.localtime import DAY
from emag_sandbox.shop.returns import DELIVERED
from emag_sandbox.shop.seeded_random import mix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emag_sandbox.config import SandboxConfig
    from emag_sandbox.shop.billing import Billing
    from emag_sandbox.shop.localtime import LocalTime
    from emag_sandbox.shop.order_index import Span
    from emag_sandbox.shop.orders import OrderBook

EPOCH: Final = 719_163  # the ordinal of 1 January 1970
SET: Final = len(CATEGORIES)
LINES_AN_INVOICE: Final = 500
STORNO_SHARE: Final = 5
ORDERS_AN_INVOICE: Final = 10


class InvoiceQuery(NamedTuple):
    """What a request asks for; None leaves a side open. `dated` is compared with midnights."""

    category: str | None = None
    number: str | None = None
    order_id: int | None = None
    dated: Span | None = None


class InvoiceBook:
    """eMAG's invoices to the seller: a set at the end of each month, or a given number."""

    def __init__(self, config: SandboxConfig, billing: Billing, local: LocalTime, now: int) -> None:
        """Know the invoices of `config.history_days` before `now`, and of the months to come."""
        self._seed, self._given, self._local = config.seed, config.invoices, local
        self._start = now
        self._market, self._billing = MARKETPLACES[config.marketplace], billing
        begun = month_of(local, now - int(config.history_days * DAY))
        self._months = max(month_of(local, now) - begun, 1)
        self._first = month_of(local, now) - self._months
        wanted = SET * max(1, -(-config.orders // self._months // LINES_AN_INVOICE))
        self._set = wanted if self._given is None else max(1, -(-self._given // self._months))

    def count(self, now: int) -> int:
        """How many invoices there are at an instant."""
        if self._given is not None:
            return self._given
        now = self._start if calm(now, self._start) else now
        return max(0, month_of(self._local, now) - self._first) * self._set

    def row(self, number: int) -> dict[str, Any]:
        """An invoice in full."""
        place = number % self._set
        category = CATEGORIES[place % SET]
        month = self._first + number // self._set
        parts = len(range(place % SET, self._set, SET))
        charges = list(self._billing.charges(category[0], month))[place // SET :: parts]
        return invoice(self._seed, number, category, self._date(number), self._market, charges)

    def select(self, query: InvoiceQuery, now: int, sort: str) -> list[int]:
        """The numbers of the invoices a request asks for, in the order asked for."""
        rows = [
            number
            for number in range(self.count(now))
            if query.category in (None, CATEGORIES[self._category(number)][0])
            and query.number in (None, f"X-DEMO-{100_001 + number}")
            and (query.dated is None or query.dated.holds(_midnight(self._date(number))))
        ]
        return _ordered(rows, sort)

    def _category(self, number: int) -> int:
        return number % self._set % SET

    def _date(self, number: int) -> date:
        year, month = divmod(self._first + number // self._set + 1, 12)
        return date.fromordinal(date(year, month + 1, 1).toordinal() - 1)


class Entry(NamedTuple):
    """A customer's invoice: which order it is for, when, and which invoice it reverses."""

    order: int
    instant: int
    reverses: int | None


class CustomerInvoiceBook:
    """The invoices to customers, made on demand."""

    def __init__(
        self, config: SandboxConfig, orders: OrderBook, local: LocalTime, now: int
    ) -> None:
        """Plan `config.customer_invoices` invoices for the orders that exist at `now`."""
        self._seed, self._orders, self._local, self._now = config.seed, orders, local, now
        self._given, self._placed = config.customer_invoices, config.orders
        self._entries: list[Entry] | None = None

    def count(self) -> int:
        """How many invoices there are."""
        return len(self._filled())

    def row(self, number: int) -> dict[str, Any]:
        """An invoice in full."""
        entry = self._filled()[number]
        order = self._orders.first(entry.order)
        return customer_invoice(
            number, order, self._date(entry), entry.reverses, self._orders.market
        )

    def select(self, query: InvoiceQuery, sort: str) -> list[int]:
        """The numbers of the invoices a request asks for, in the order asked for."""
        rows = [
            number
            for number, entry in enumerate(self._filled())
            if query.category in (None, "normal" if entry.reverses is None else "storno")
            and query.number in (None, f"C-DEMO-{200_001 + number}")
            and query.order_id in (None, self._orders.index.ids[entry.order])
            and (query.dated is None or query.dated.holds(_midnight(self._date(entry))))
        ]
        return _ordered(rows, sort)

    def _date(self, entry: Entry) -> date:
        return date.fromordinal(EPOCH + self._local.naive(entry.instant) // DAY)

    def _filled(self) -> Sequence[Entry]:
        if self._entries is None:
            self._entries = self._made()
        return self._entries

    def _made(self) -> list[Entry]:
        index, orders = self._orders.index, range(self._placed)
        pool = [number for number in orders if self._orders.first_status(number) in DELIVERED]
        wanted = len(pool) // ORDERS_AN_INVOICE if self._given is None else self._given
        if not orders or not wanted:
            return []
        rng = Random(mix(self._seed, 151))
        reversed_ = wanted // STORNO_SHARE
        drawn = sorted(rng.choices(pool or orders, k=wanted - reversed_))
        entries = [Entry(order, min(index.dates[order] + DAY, self._now), None) for order in drawn]
        entries.sort(key=lambda entry: (entry.instant, entry.order))
        for number in sorted(rng.sample(range(len(drawn)), min(reversed_, len(drawn)))):
            order, instant, _ = entries[number]
            later = instant + int(rng.random() * 20 * DAY)
            entries.append(Entry(order, min(later, self._now), number))
        return entries


def _ordered(rows: list[int], sort: str) -> list[int]:
    if sort == "arbitrary":
        rows.sort(key=mix)
    elif sort.endswith("desc"):
        rows.reverse()
    return rows


def _midnight(day: date) -> int:
    return (day.toordinal() - EPOCH) * DAY
