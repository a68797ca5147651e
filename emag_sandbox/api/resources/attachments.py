"""`order/attachments/read`: the documents of one order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emag_sandbox.api.filters import Refused, integer
from emag_sandbox.api.resources.base import list_of
from emag_sandbox.shop.seeded_random import mix
from emag_sandbox.wire.encoder import Style, salted
from emag_sandbox.wire.orders import PAPER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emag_sandbox.api.resources.base import Action, Answer, Call


class Attachments:
    """Documents of orders. eMAG documents no filters; these are those of saving."""

    name = "order/attachments"
    bucket = "orders"

    @property
    def actions(self) -> Mapping[str, Action]:
        """What can be done."""
        return {"read": _read}


def _read(call: Call) -> Answer:
    order_id, kind = integer(call.params, "order_id"), integer(call.params, "order_type")
    if order_id is None:
        message = "order_id is mandatory"
        raise Refused(message)
    book, style = call.world.order_book, Style.of(call.config)
    with call.world.lock:
        try:
            number = book.number(order_id if kind is None else (kind, order_id))
        except KeyError:
            return list_of([])
        papers, salt = book.row(number)["attachments"], mix(call.config.seed, 88, number)
    encoder = call.encoder
    return list_of(
        [
            encoder.encode(encoder.dress(each, PAPER, salted(salt, place), style), style)
            for place, each in enumerate(papers)
        ]
    )
