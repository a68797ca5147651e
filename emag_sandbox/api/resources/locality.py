"""`locality/read` and `locality/count`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.api.filters import between, integer, text
from emag_sandbox.api.resources.base import cached, count_of, page_of
from emag_sandbox.shop.localities import LocalityQuery
from emag_sandbox.shop.seeded_random import mix
from emag_sandbox.wire.reference import LOCALITY
from emag_sandbox.wire.tree import dressed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emag_sandbox.api.resources.base import Action, Answer, Call

# The filters of a count, as documented: one of a country counts the platform's own.
COUNTED: Final = frozenset(("emag_id", "name", "modified"))


class Localities:
    """Localities: those of the marketplace's country unless another is asked for."""

    name = "locality"
    bucket = "other"

    @property
    def actions(self) -> Mapping[str, Action]:
        """What can be done."""
        return {"read": _read, "count": _count}


def _read(call: Call) -> Answer:
    with call.world.lock:
        return page_of(call, _selected(call, call.params), _encoded)


def _count(call: Call) -> Answer:
    with call.world.lock:
        counted = call.params
        if call.config.count_filters == "documented":
            counted = {name: counted[name] for name in COUNTED & counted.keys()}
        return count_of(call, len(_selected(call, counted)))


def _selected(call: Call, params: dict[str, Any]) -> Sequence[int]:
    config, local = call.config, call.world.local
    query = LocalityQuery(
        id=integer(params, "emag_id"),
        name=text(params, "name"),
        region2=text(params, "region2"),
        country=text(params, "country_code"),
        modified=between(params, "locality", "modified", None, config, local),
    )
    shown = int if config.filter_time == "instant" else local.naive
    return call.world.locality_book.select(query, config.sort, shown)


def _encoded(call: Call, number: int) -> bytes:
    book, encoder = call.world.locality_book, call.encoder
    version = book.version(number)
    salt = mix(call.config.seed, 85, number, version)
    return cached(
        call,
        ("locality", number, version),
        lambda style: encoder.encode(
            dressed(encoder, book.row(number), LOCALITY, salt, style), style
        ),
    )
