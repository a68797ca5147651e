"""Commissions of offers, and the prices that earn the Smart Deals badge."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from emag_sandbox.shop.catalogue import CENTI
from emag_sandbox.shop.localtime import DAY
from emag_sandbox.shop.seeded_random import mix

if TYPE_CHECKING:
    from emag_sandbox.shop.offers import OfferBook


def estimated_percent(seed: int, number: int) -> Decimal | None:
    """The commission, in percent, that is estimated for an article; None for a few."""
    luck = mix(seed, 161, number)
    return Decimal(80 + luck % 180) / 10 if luck >> 8 & 15 else None


class FeeBook:
    """Commissions and smart-deal prices, by offer."""

    def __init__(self, seed: int, offers: OfferBook, now: int) -> None:
        """Estimate for these offers; all estimates are older than `now`."""
        self._seed, self._offers, self._now = seed, offers, now

    def commission(self, offer_id: int) -> dict[str, Any]:
        """The commission, in percent, that is estimated for an offer.

        Raises:
            KeyError: when there is no such offer.
        """
        number = self._offers.number(offer_id)
        luck = mix(self._seed, 161, number)
        return {
            "value": estimated_percent(self._seed, number),
            "id": offer_id,
            "created": self._now - (luck >> 12) % (300 * DAY),
            "end_date": self._now + 30 * DAY if luck >> 20 & 7 == 0 else None,
        }

    def smart_deal(self, offer_id: int) -> dict[str, Any]:
        """The net price at which an offer would be a smart deal.

        Raises:
            KeyError: when there is no such offer.
        """
        number = self._offers.number(offer_id)
        luck, price = mix(self._seed, 162, number), self._offers.row(number)["sale_price"]
        cut = (price * (85 + luck % 12) / 100).quantize(CENTI)
        return {"smart_deals_price": cut if luck >> 8 & 3 else None}
