"""The world's categories, places, accounts, invoices and fees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emag_sandbox.shop import accounts, invoice_rows, parcels
from emag_sandbox.shop.expected import exact

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from emag_sandbox.marketplaces import Marketplace
    from emag_sandbox.shop.categories import CategoryBook
    from emag_sandbox.shop.fees import FeeBook
    from emag_sandbox.shop.invoices import CustomerInvoiceBook, InvoiceBook
    from emag_sandbox.shop.localities import LocalityBook


class HasReference:
    """The part of the world that orders, offers and returns refer to."""

    lock: threading.RLock
    opened: int
    market: Marketplace
    category_book: CategoryBook
    locality_book: LocalityBook
    invoice_book: InvoiceBook
    customer_invoice_book: CustomerInvoiceBook
    fee_book: FeeBook

    def now(self) -> int:
        """The clock's instant, in integer seconds."""
        raise NotImplementedError

    def category(self, id_: int, language: str | None = None) -> dict[str, Any]:
        """A category in full, with all values of its characteristics.

        Raises:
            KeyError: when there is no such category.
        """
        return self.category_book.row(self.category_book.number(id_), language)

    def categories(self, language: str | None = None) -> Iterator[dict[str, Any]]:
        """Every category in full."""
        for number in range(self.category_book.count):
            yield self.category_book.row(number, language)

    def vat_rates(self) -> list[dict[str, Any]]:
        """Every VAT rate, as a fraction."""
        return accounts.vat_rates(self.market)

    def handling_times(self) -> list[dict[str, Any]]:
        """Every handling time, in days."""
        return accounts.handling_times()

    def courier_accounts(self) -> list[dict[str, Any]]:
        """Every courier account."""
        return [exact(row) for row in accounts.courier_accounts(self.opened, self.market)]

    def addresses(self) -> list[dict[str, Any]]:
        """Every address of the seller."""
        return accounts.addresses(self.market)

    def packages(self) -> list[dict[str, Any]]:
        """Every package of the seller, in cm and kg."""
        return parcels.packages()

    def localities(self) -> Iterator[dict[str, Any]]:
        """Every locality of every country."""
        for number in range(self.locality_book.count):
            with self.lock:
                row = self.locality_book.row(number)
            yield exact(row)

    def touch_localities(
        self, count: int = 1, *, ids: Iterable[int] | None = None, at: datetime | None = None
    ) -> list[int]:
        """Let `count` localities drawn at random, or those named, change; their ids."""
        with self.lock:
            book = self.locality_book
            if ids is None:
                numbers = self._drawn(list(range(book.count)), count)
            else:
                numbers = [book.number(each) for each in ids]
            return book.touch(numbers, self._instant(at))

    def invoice_categories(self) -> list[dict[str, Any]]:
        """Every category of eMAG's invoices to the seller."""
        return invoice_rows.categories()

    def invoices(self) -> Iterator[dict[str, Any]]:
        """Every invoice of eMAG's to the seller."""
        for number in range(self.invoice_book.count(self.now())):
            yield self.invoice_book.row(number)

    def customer_invoices(self) -> Iterator[dict[str, Any]]:
        """Every invoice to a customer."""
        with self.lock:
            count = self.customer_invoice_book.count()
        for number in range(count):
            with self.lock:
                row = self.customer_invoice_book.row(number)
            yield row

    def commission(self, offer_id: int) -> dict[str, Any]:
        """The commission that is estimated for an offer.

        Raises:
            KeyError: when there is no such offer.
        """
        with self.lock:
            return exact(self.fee_book.commission(offer_id))

    def smart_deal(self, offer_id: int) -> dict[str, Any]:
        """The price at which an offer would be a smart deal.

        Raises:
            KeyError: when there is no such offer.
        """
        with self.lock:
            return self.fee_book.smart_deal(offer_id)

    def _drawn(self, numbers: list[int], count: int) -> list[int]:
        raise NotImplementedError

    def _instant(self, moment: datetime | None) -> int:
        raise NotImplementedError
