"""`rma/read` and `rma/count`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emag_sandbox.api.filters import Refused, between, integer
from emag_sandbox.api.resources.base import cached, count_of, page_of
from emag_sandbox.shop.order_index import TYPES
from emag_sandbox.shop.returns import ReturnQuery
from emag_sandbox.shop.seeded_random import mix
from emag_sandbox.wire.returns import return_wire

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emag_sandbox.api.resources.base import Action, Answer, Call


class Returns:
    """Returns: filtered by id, order, product, type, one status and the time of opening."""

    name = "rma"
    bucket = "other"

    @property
    def actions(self) -> Mapping[str, Action]:
        """What can be done."""
        return {"read": _read, "count": _count}


def _read(call: Call) -> Answer:
    with call.world.lock:
        return page_of(call, _selected(call), _encoded)


def _count(call: Call) -> Answer:
    with call.world.lock:
        return count_of(call, len(_selected(call)))


def _selected(call: Call) -> Sequence[int]:
    params, world, config = call.params, call.world, call.config
    kind = config.default_return_type if "type" not in params else integer(params, "type")
    if kind not in (*TYPES, None):
        message = f"Invalid value for type: {kind}"
        raise Refused(message)
    query = ReturnQuery(
        id=integer(params, "emag_id"),
        order_id=integer(params, "order_id"),
        product_id=integer(params, "product_id"),
        product_emag_id=integer(params, "product_emag_id"),
        status=integer(params, "request_status"),
        type=kind,
        opened=between(params, "rma", "date_start", "date_end", config, world.local),
    )
    if integer(params, "id") is not None:
        # The seller's own number of a return, which no return has: its key left the rows in 4.4.6.
        return []
    shown = int if config.filter_time == "instant" else world.local.naive
    return world.return_book.select(query, world.now(), config.sort, shown)


def _encoded(call: Call, number: int) -> bytes:
    book, now = call.world.return_book, call.world.now()
    version = book.version(number, now)
    salt = mix(call.config.seed, 83, number, *version)
    return cached(
        call,
        ("rma", number, version),
        lambda style: return_wire(
            call.encoder, call.world.local, book.row(number, now), salt, style
        ),
    )
