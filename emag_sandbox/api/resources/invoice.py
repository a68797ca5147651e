"""`invoice/categories` and `invoice/read`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emag_sandbox.api.filters import between, integer, paging, text
from emag_sandbox.api.resources.base import Answer, cached, list_of, rows_of
from emag_sandbox.shop import invoice_rows
from emag_sandbox.shop.invoices import InvoiceQuery
from emag_sandbox.shop.seeded_random import mix
from emag_sandbox.wire.invoices import invoice_wire
from emag_sandbox.wire.reference import INVOICE_CATEGORY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from emag_sandbox.api.resources.base import Action, Call

MOST_ROWS: Final = 1000
ENVELOPES: Final = ("results", "bare", "list")


class Invoices:
    """eMAG's invoices to the seller: filtered by category, number and date."""

    name = "invoice"
    bucket = "other"

    @property
    def actions(self) -> Mapping[str, Action]:
        """What can be done."""
        return {"categories": _categories, "read": _read}


def asked(call: Call) -> InvoiceQuery:
    """What a request for invoices asks for."""
    return InvoiceQuery(
        category=text(call.params, "category"),
        number=text(call.params, "number"),
        order_id=integer(call.params, "order_id"),
        dated=between(call.params, "invoice", "date_start", "date_end", call.config),
    )


def invoices_of(call: Call, numbers: Sequence[int], encode: Callable[[Call, int], bytes]) -> Answer:
    """A page of invoices, in the envelope of the knob; `mixed` takes each in turn."""
    page, size = paging(call.params, call.config, MOST_ROWS, cap=call.config.page_cap(turn=True))
    rows = [encode(call, number) for number in numbers[(page - 1) * size : page * size]]
    envelope = call.config.invoice_envelope
    if envelope == "mixed":
        envelope = ENVELOPES[call.turn % len(ENVELOPES)]
    listed = list_of(rows)
    if envelope == "list":
        return listed
    total = str(len(numbers)).encode()
    inner = b'{"total_results":' + total + b',"invoices":' + listed.results + b"}"
    return Answer(inner, len(rows), bare=envelope == "bare")


def _categories(call: Call) -> Answer:
    return list_of(rows_of(call, invoice_rows.categories(), INVOICE_CATEGORY, 95))


def _read(call: Call) -> Answer:
    book, query = call.world.invoice_book, asked(call)._replace(order_id=None)
    return invoices_of(call, book.select(query, call.world.now(), call.config.sort), _encoded)


def _encoded(call: Call, number: int) -> bytes:
    book, salt = call.world.invoice_book, mix(call.config.seed, 86, number)
    return cached(
        call,
        ("invoice", number),
        lambda style: invoice_wire(call.encoder, book.row(number), salt, style),
    )
