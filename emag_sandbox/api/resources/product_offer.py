"""`product_offer/read` and `product_offer/count`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emag_sandbox.api.filters import integer, integers
from emag_sandbox.api.resources.base import count_of, page_of
from emag_sandbox.shop.offers import OfferQuery
from emag_sandbox.shop.seeded_random import mix
from emag_sandbox.wire.encoder import Style
from emag_sandbox.wire.offers import offer_wire

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emag_sandbox.api.resources.base import Action, Answer, Call


class ProductOffers:
    """Offers: they have no times, so only a full scan can read them."""

    name = "product_offer"
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
    params = call.params
    number, key = params.get("part_number"), params.get("part_number_key")
    query = OfferQuery(
        id=integer(params, "id"),
        part_number=None if number is None else str(number),
        part_number_key=None if key is None else str(key),
        status=integers(params, "status"),
        stock=integer(params, "general_stock"),
        estimated=integer(params, "estimated_stock"),
        validation=integers(params, "validation_status"),
        translation=integers(params, "translation_validation_status"),
        offer_validation=integers(params, "offer_validation_status"),
    )
    return call.world.offer_book.select(query, call.config.sort)


def _encoded(call: Call, number: int) -> bytes:
    book, style = call.world.offer_book, Style.of(call.config)
    version, alone = book.version(number), "id" in call.params
    key = ("offer", number, version, style, alone, book.terms.currency)
    found = call.cache.get(key)
    if found is None:
        salt = mix(call.config.seed, 82, number, version)
        found = offer_wire(call.encoder, book.row(number), salt, style, alone=alone)
        call.cache.put(key, found)
    return found
