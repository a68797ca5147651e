"""`customer-invoice/read`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emag_sandbox.api.resources.base import cached
from emag_sandbox.api.resources.invoice import asked, invoices_of
from emag_sandbox.shop.seeded_random import mix
from emag_sandbox.wire.invoices import invoice_wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emag_sandbox.api.resources.base import Action, Answer, Call


class CustomerInvoices:
    """Invoices to customers: filtered by category, number, order and date."""

    name = "customer-invoice"
    bucket = "other"

    @property
    def actions(self) -> Mapping[str, Action]:
        """What can be done."""
        return {"read": _read}


def _read(call: Call) -> Answer:
    with call.world.lock:
        book = call.world.customer_invoice_book
        return invoices_of(call, book.select(asked(call), call.config.sort), _encoded)


def _encoded(call: Call, number: int) -> bytes:
    book, salt = call.world.customer_invoice_book, mix(call.config.seed, 87, number)
    return cached(
        call,
        ("customer-invoice", number),
        lambda style: invoice_wire(call.encoder, book.row(number), salt, style),
    )
