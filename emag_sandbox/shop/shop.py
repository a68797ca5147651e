"""The shop that the API serves: its exact rows, and the changes to them."""

from __future__ import annotations

import threading
from random import Random
from typing import TYPE_CHECKING, Any

from emag_sandbox.marketplaces import MARKETPLACES
from emag_sandbox.shop.awbs import AwbBook
from emag_sandbox.shop.billing import Billing
from emag_sandbox.shop.catalogue import Catalogue
from emag_sandbox.shop.categories import CategoryBook
from emag_sandbox.shop.expected import exact, instants
from emag_sandbox.shop.fees import FeeBook
from emag_sandbox.shop.invoices import CustomerInvoiceBook, InvoiceBook
from emag_sandbox.shop.localities import LocalityBook
from emag_sandbox.shop.localtime import LocalTime
from emag_sandbox.shop.offers import OfferBook
from emag_sandbox.shop.orders import OrderBook
from emag_sandbox.shop.parcels import VolumetryBook
from emag_sandbox.shop.returns import ReturnBook
from emag_sandbox.shop.seeded_random import mix
from emag_sandbox.shop.shop_reference import HasReference
from emag_sandbox.shop.shop_returns import HasReturns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from emag_sandbox.clock import Clock
    from emag_sandbox.config import SandboxConfig
    from emag_sandbox.shop.orders import Key


class Shop(HasReturns, HasReference):
    """What there is, exactly typed: Decimal, bool, int, aware UTC datetime, date, None.

    Safe to use from any thread; what one call does, no reader sees half of. An order is named by
    (type, id), or by its id alone.
    """

    def __init__(self, config: SandboxConfig, clock: Clock) -> None:
        """Make the world of a config, as it is at the clock's now."""
        self.lock = threading.RLock()
        self.clock = clock
        self.config = config
        self.market = MARKETPLACES[config.marketplace]
        self.local = LocalTime(config.zone)
        self._seed = config.seed
        self._turn = 0
        self.opened = now = self.now()
        catalogue = Catalogue(config.seed)
        self.order_book = OrderBook(config, catalogue, self.local, now)
        self.offer_book = OfferBook(config, catalogue, self.now)
        self.volumetry_book = VolumetryBook(config.seed, self.order_book)
        self.return_book = ReturnBook(config, self.order_book, now)
        self.awb_book = AwbBook(config.seed, self.return_book, self.market)
        self.category_book = CategoryBook(config.seed, config.categories, self.market.language)
        self.locality_book = LocalityBook(config.seed, config.localities, now, self.market.country)
        self.invoice_book = InvoiceBook(
            config,
            Billing(config.seed, self.order_book, catalogue, self.local, config.orders),
            self.local,
            now,
        )
        self.customer_invoice_book = CustomerInvoiceBook(config, self.order_book, self.local, now)
        self.fee_book = FeeBook(config.seed, self.offer_book, now)

    def now(self) -> int:
        """The clock's instant, in integer seconds."""
        return int(self.clock.now())

    def order(self, key: Key | int) -> dict[str, Any]:
        """An order in full.

        Raises:
            KeyError: when there is no such order.
        """
        with self.lock:
            return exact(self.order_book.row(self.order_book.number(key)))

    def order_keys(self) -> list[Key]:
        """Type and id of every order."""
        with self.lock:
            return list(self.order_book.keys())

    def orders(self) -> Iterator[dict[str, Any]]:
        """Every order in full."""
        for number in range(len(self.order_book.index)):
            with self.lock:
                row = self.order_book.row(number)
            yield exact(row)

    def volumetry(self, key: Key) -> dict[str, Any]:
        """What eMAG has measured of an order's products, in cm and kg.

        Raises:
            KeyError: when there is no such order.
        """
        with self.lock:
            return self.volumetry_book.row(key)

    def offer(self, offer_id: int) -> dict[str, Any]:
        """An offer in full.

        Raises:
            KeyError: when there is no such offer, or none any more.
        """
        with self.lock:
            return exact(self.offer_book.row(self.offer_book.number(offer_id)))

    def offer_ids(self) -> list[int]:
        """The id of every offer there is."""
        with self.lock:
            return [self.offer_book.id(number) for number in self.offer_book.numbers()]

    def offers(self) -> Iterator[dict[str, Any]]:
        """Every offer in full."""
        for offer_id in self.offer_ids():
            yield self.offer(offer_id)

    def touch_orders(
        self, count: int = 1, *, keys: Iterable[Key | int] | None = None, at: datetime | None = None
    ) -> list[Key]:
        """Let something happen to `count` orders drawn at random, or to those named; their keys.

        Their `modified` becomes `at` (now when None).
        """
        with self.lock:
            return self.order_book.touch(self._chosen(count, keys), self._instant(at))

    def retype_orders(
        self, count: int = 1, *, keys: Iterable[Key | int] | None = None
    ) -> list[Key]:
        """Let orders change their `type` now, drawn at random or named; their new keys.

        An order that was returned keeps its type: its return has it as well, and would not move.
        """
        with self.lock:
            returned = self.return_book.orders()
            chosen = [one for one in self._chosen(count, keys) if one not in returned]
            return self.order_book.retype(chosen, self._instant(None))

    def _chosen(self, count: int, keys: Iterable[Key | int] | None) -> list[int]:
        """The numbers of orders that are named, or of `count` drawn at random."""
        book = self.order_book
        if keys is None:
            return book.choose(count, self._luck())
        return [book.number(key) for key in keys]

    def add_orders(self, count: int = 1) -> list[Key]:
        """Place `count` orders now; their keys."""
        return self.burst(count)

    def burst(self, count: int, at: datetime | None = None) -> list[Key]:
        """Place `count` orders with exactly the same `modified`; their keys."""
        with self.lock:
            instant = self._instant(at)
            return [self.order_book.add(instant) for _ in range(count)]

    def place_order(self, modified: datetime | None = None, **overrides: object) -> Key:
        """Place one order with chosen fields, spelled as in the truth; its key.

        Whatever is not given is made up; `date` is `modified` unless given.

        Raises:
            ValueError: when there is an order of that type and id already.
        """
        with self.lock:
            instant = self._instant(modified)
            fields = instants(overrides)
            if "modified" in fields:
                del fields["modified"]
            placed = fields.get("date") or instant
            return self.order_book.add(placed, instant, **fields)

    def touch_offers(self, count: int = 1, *, ids: Iterable[int] | None = None) -> list[int]:
        """Let something change in `count` offers drawn at random, or in those named; their ids."""
        with self.lock:
            return self.offer_book.touch(self._offers(count, ids))

    def add_offers(self, count: int = 1) -> list[int]:
        """Put up `count` more offers; their ids."""
        with self.lock:
            return [self.offer_book.add() for _ in range(count)]

    def withdraw_offers(self, count: int = 1, *, ids: Iterable[int] | None = None) -> list[int]:
        """Take away `count` offers drawn at random, or those named; their ids."""
        with self.lock:
            return self.offer_book.withdraw(self._offers(count, ids))

    def _offers(self, count: int, ids: Iterable[int] | None) -> list[int]:
        if ids is None:
            return self.offer_book.choose(count, self._luck())
        return [self.offer_book.number(offer_id) for offer_id in ids]

    def _drawn(self, numbers: list[int], count: int) -> list[int]:
        return Random(self._luck()).sample(numbers, min(count, len(numbers)))

    def _luck(self) -> int:
        self._turn += 1
        return mix(self._seed, 61, self._turn)

    def _instant(self, moment: datetime | None) -> int:
        return self.now() if moment is None else int(moment.timestamp())
