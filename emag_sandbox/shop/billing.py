"""What eMAG bills the seller for orders: commission, transport, and what is cancelled of both.

An order is charged in the month in which it was finalized, and credited in the month in which goods
came back. Each line of an invoice names its order, so the sums can be checked: commission less
cancelled commission plus its storno is the commission of the pieces that the customer kept. The
text documents neither what a line names nor a code for transport: both are invented.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from emag_sandbox.marketplaces import WORTH
from emag_sandbox.shop.catalogue import CENTI
from emag_sandbox.shop.fees import estimated_percent
from emag_sandbox.shop.localtime import DAY
from emag_sandbox.shop.order_rows import RETURNED, finalized_at
from emag_sandbox.shop.returns import DELIVERED

if TYPE_CHECKING:
    from emag_sandbox.shop.catalogue import Catalogue
    from emag_sandbox.shop.localtime import LocalTime
    from emag_sandbox.shop.orders import OrderBook

CHARGED: Final = ("FC", "FCD", "FT", "FCA", "FCSA", "FTA")
KEPT_MONTHS: Final = 4  # a page of invoices spans two or three
EPOCH: Final = 719_163  # the ordinal of 1 January 1970
USUAL_PERCENT: Final = Decimal(15)  # where no commission is estimated
DISCOUNTED: Final = 8  # one order in so many has a tenth of its commission off
DISCOUNT: Final = Decimal("0.1")
MISTAKEN: Final = 4  # one credit in so many is taken back in the next month, and given again


class Charge(NamedTuple):
    """An amount without VAT that an invoice has for an order; a discount is negative."""

    order: tuple[int, int]  # type and id
    amount: Decimal
    currency: str


class Billing:
    """The charges of each month, by category, for the orders that exist at the start."""

    def __init__(
        self, seed: int, orders: OrderBook, catalogue: Catalogue, local: LocalTime, placed: int
    ) -> None:
        """Bill the first `placed` orders, as they were at the start."""
        self._seed, self._orders, self._catalogue = seed, orders, catalogue
        self._local, self._placed = local, placed
        self._month = lru_cache(KEPT_MONTHS)(self._charged)
        self._months: tuple[dict[int, list[int]], dict[int, list[int]]] | None = None

    def charges(self, category: str, month: int) -> list[Charge]:
        """Return the charges of a category in a month, which is counted from the year 0."""
        return self._month(month)[category]

    def _charged(self, month: int) -> dict[str, list[Charge]]:
        """Make all charges of a month at once: what takes long is to make an order."""
        finalized, changed = self._filled()
        late = [number for number in changed.get(month - 1, ()) if number % MISTAKEN == 0]
        charges: dict[str, list[Charge]] = {category: [] for category in CHARGED}
        for numbers, categories in (
            (finalized.get(month, ()), ("FC", "FCD", "FT")),
            (changed.get(month, ()), ("FCA", "FTA")),
            (late, ("FCA", "FCSA")),
        ):
            for number in numbers:
                order = self._orders.first(number)
                key, currency = (order["type"], order["id"]), order["currency"]
                for category in categories:
                    if amount := self._amount(category, number, order):
                        charges[category].append(Charge(key, amount, currency))
        return charges

    def _amount(self, category: str, number: int, order: dict[str, Any]) -> Decimal:
        if category == "FC":
            return self._commission(order, "initial_qty")
        if category == "FCD":
            off = self._commission(order, "initial_qty") * DISCOUNT
            return Decimal(0) if number % DISCOUNTED else -off.quantize(CENTI)
        if category in ("FCA", "FCSA"):
            return self._commission(order, "storno_qty")
        is_billed = category == "FT" or order["status"] == RETURNED
        return self._transport(order) if is_billed else Decimal(0)

    def _commission(self, order: dict[str, Any], pieces: str) -> Decimal:
        return sum(
            (
                (line["sale_price"] * line[pieces] * self._percent(line) / 100).quantize(CENTI)
                for line in order["products"]
            ),
            Decimal(0),
        )

    def _transport(self, order: dict[str, Any]) -> Decimal:
        rate = self._orders.market.vat_rate(order["products"][0]["created"])
        cost: Decimal = (order["shipping_tax"] / (1 + rate)).quantize(CENTI)
        return cost

    def _percent(self, line: dict[str, Any]) -> Decimal:
        number = self._catalogue.number(int(line["part_number"].removeprefix("DEMO-")))
        found = estimated_percent(self._seed, number or 0)
        return USUAL_PERCENT if found is None else found

    def _filled(self) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
        if self._months is None:
            finalized: dict[int, list[int]] = defaultdict(list)
            changed: dict[int, list[int]] = defaultdict(list)
            index = self._orders.index
            for number in range(self._placed):
                if self._orders.first_status(number) in DELIVERED:
                    last = self._orders.first_modified(number)
                    done = finalized_at(self._seed, number, index.dates[number], last)
                    finalized[month_of(self._local, done)].append(number)
                    changed[month_of(self._local, last)].append(number)
            self._months = finalized, changed
        return self._months


def converted(charge: Charge, currency: str) -> Decimal:
    """Return the amount of a charge in the currency of an invoice."""
    if charge.currency == currency:
        return charge.amount
    return (charge.amount * WORTH[currency] / WORTH[charge.currency]).quantize(CENTI)


def month_of(local: LocalTime, instant: int) -> int:
    """Return the month of an instant on the marketplace's clock, counted from the year 0."""
    day = date.fromordinal(EPOCH + local.naive(instant) // DAY)
    return day.year * 12 + day.month - 1
