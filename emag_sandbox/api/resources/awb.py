"""`awb/read`: one AWB by its id, or by that of its reservation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emag_sandbox.api.filters import Refused, integer
from emag_sandbox.api.resources.base import Answer
from emag_sandbox.wire.encoder import Style
from emag_sandbox.wire.returns import awb_wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emag_sandbox.api.resources.base import Action, Call

PRECONDITION: Final = 412


class Awbs:
    """AWBs of returns. No request lists them: the returns contain their ids."""

    name = "awb"
    bucket = "other"

    @property
    def actions(self) -> Mapping[str, Action]:
        """What can be done."""
        return {"read": _read}


def _read(call: Call) -> Answer:
    world, emag_id = call.world, integer(call.params, "emag_id")
    reservation = integer(call.params, "reservation_id")
    if reservation is None and emag_id is not None:
        reservation = world.awb_book.reservation(emag_id)
    if reservation is None:
        message = "emag_id or reservation_id is mandatory"
        raise Refused(message)
    with world.lock:
        try:
            row = world.awb_book.row(reservation, world.now())
        except KeyError:
            return Answer(b"[]")
    if emag_id not in (None, row["emag_id"]):
        return Answer(b"[]")
    if world.foreign_awb(reservation):
        message = "The vendor does not own this AWB"
        raise Refused(message, PRECONDITION)
    salt = world.awb_book.luck(reservation)
    return Answer(awb_wire(call.encoder, row, salt, Style.of(call.config)), 1)
