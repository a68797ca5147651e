"""`order/read` and `order/count`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emag_sandbox.api.filters import Refused, integer, integers, span
from emag_sandbox.api.resources.base import count_of, page_of
from emag_sandbox.shop.order_index import TYPES, OrderQuery
from emag_sandbox.shop.seeded_random import mix
from emag_sandbox.wire.encoder import Style
from emag_sandbox.wire.orders import order_wire

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emag_sandbox.api.resources.base import Action, Answer, Call

STATUSES: Final = frozenset(range(6))


class Orders:
    """Orders: filtered by id, type, status, payment and time."""

    name = "order"
    bucket = "orders"

    @property
    def actions(self) -> Mapping[str, Action]:
        """What can be done."""
        return {"read": _read, "count": _count}


def _read(call: Call) -> Answer:
    with call.world.lock:
        return page_of(call, _selected(call), _encoded)


def _count(call: Call) -> Answer:
    with call.world.lock:
        return count_of(call, len(_selected(call, of_count=True)))


def _selected(call: Call, *, of_count: bool = False) -> Sequence[int]:
    query = _query(call, of_count=of_count)
    numbers = call.world.order_book.index.select(query, call.config.sort)
    payments, complete = (
        integers(call.params, name) for name in ("payment_mode_id", "is_complete")
    )
    if payments is None and complete is None:
        return numbers
    kept = []
    for number in numbers:
        row = call.world.order_book.row(number)
        if (payments is None or row["payment_mode_id"] in payments) and (
            complete is None or int(row["is_complete"]) in complete
        ):
            kept.append(number)
    return kept


def _query(call: Call, *, of_count: bool) -> OrderQuery:
    params, config, local = call.params, call.config, call.world.local
    # Documented: 3 for a read. None is named for a count, which may include both types.
    default = config.default_count_type if of_count else config.default_type
    kind = default if "type" not in params else integer(params, "type")
    if kind not in (*TYPES, None):
        message = f"Invalid value for type: {kind}"
        raise Refused(message)
    statuses = integers(params, "status")
    if statuses is not None and not statuses <= STATUSES:
        message = "Invalid value for status"
        raise Refused(message)
    return OrderQuery(
        id=integer(params, "id"),
        statuses=statuses,
        type=kind,
        modified=span(params, "modified", config, local, of_count=of_count),
        created=span(params, "created", config, local, of_count=of_count),
    )


def _encoded(call: Call, number: int) -> bytes:
    book, style = call.world.order_book, Style.of(call.config)
    version = book.version(number)
    key = ("order", number, version, style)
    found = call.cache.get(key)
    if found is None:
        salt = mix(call.config.seed, 81, number, version)
        found = order_wire(call.encoder, book.row(number), salt, style)
        call.cache.put(key, found)
    return found
