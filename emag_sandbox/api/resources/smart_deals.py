"""`smart-deals-price-check?productId=`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emag_sandbox.api.filters import WHOLE
from emag_sandbox.api.resources.base import Answer, rows_of
from emag_sandbox.wire.reference import SMART_DEAL

if TYPE_CHECKING:
    from emag_sandbox.api.resources.base import Call

INVALID: Final = (
    b'{"message": "Validation errors in your request",'
    b' "errors": [{"message": "This value should be an id.", "field": "productId"}]}'
)
UNKNOWN: Final = b'{"message": "This offer does not exist"}'


class SmartDeals:
    """The price at which an offer would be a smart deal."""

    name = "smart-deals-price-check"
    action = "read"
    bucket = "other"
    path = "/api-3/smart-deals-price-check"

    def answer(self, call: Call) -> Answer:
        """The answer."""
        given = call.params.get("productId", "")
        if not WHOLE.fullmatch(given):
            return Answer(INVALID, bare=True, status=400)
        try:
            row = call.world.fee_book.smart_deal(int(given))
        except KeyError:
            return Answer(UNKNOWN, bare=True, status=404)
        return Answer(rows_of(call, [row], SMART_DEAL, 96 + int(given))[0], 1)
