"""`commission/estimate/{id}`, which lives beside the API proper and has its own envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tap_emag.sandbox.filters import WHOLE
from tap_emag.sandbox.resources.base import Answer, rows_of
from tap_emag.sandbox.wire_reference import COMMISSION

if TYPE_CHECKING:
    from tap_emag.sandbox.resources.base import Call

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
