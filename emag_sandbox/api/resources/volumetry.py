"""`order/volumetry/read`: measures of an order's products; its envelope is not documented."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emag_sandbox.api.filters import Refused, integer
from emag_sandbox.api.resources.base import in_envelope
from emag_sandbox.wire.encoder import Style
from emag_sandbox.wire.orders import volumetry_wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emag_sandbox.api.resources.base import Action, Answer, Call

BY_SELLER: Final = 3


class Volumetry:
    """Measures of the products of one order, which the request names."""

    name = "order/volumetry"
    bucket = "orders"

    @property
    def actions(self) -> Mapping[str, Action]:
        """What can be done."""
        return {"read": _read}


def _read(call: Call) -> Answer:
    order_id, product = integer(call.params, "order_id"), integer(call.params, "product_id")
    if order_id is None:
        message = "order_id is mandatory"
        raise Refused(message)
    key = (integer(call.params, "type") or BY_SELLER, order_id)
    book = call.world.volumetry_book
    with call.world.lock:
        try:
            row = book.row(key)
        except KeyError:
            return in_envelope(call, [])
    if product is not None:
        row["volumetric_data"] = [
            each for each in row["volumetric_data"] if each["product_id"] == product
        ]
    luck = book.luck(key)
    if not row["volumetric_data"] and luck >> 8 & 1:
        return in_envelope(call, [])
    return in_envelope(call, [volumetry_wire(call.encoder, row, luck, Style.of(call.config))])
