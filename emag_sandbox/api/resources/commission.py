"""`commission/estimate/{id}`, outside the API proper and with an envelope of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emag_sandbox.api.filters import WHOLE
from emag_sandbox.api.resources.base import Answer, rows_of
from emag_sandbox.wire.reference import COMMISSION

if TYPE_CHECKING:
    from emag_sandbox.api.resources.base import Call

INVALID: Final = b'{"code":400,"message":"Invalid URL"}'
UNKNOWN: Final = b'{"code":404,"message":"This offer does not exist"}'


class Commissions:
    """The commission that is estimated for an offer."""

    name = "commission"
    action = "estimate"
    bucket = "other"
    path = "/api/v1/commission/estimate/"

    def answer(self, call: Call) -> Answer:
        """The answer."""
        given = call.params["id"]
        if not WHOLE.fullmatch(given):
            return Answer(INVALID, bare=True, status=400)
        try:
            row = call.world.fee_book.commission(int(given))
        except KeyError:
            return Answer(UNKNOWN, bare=True, status=404)
        data = rows_of(call, [row], COMMISSION, 97 + int(given))[0]
        return Answer(b'{"code":200,"data":' + data + b"}", 1, bare=True)
