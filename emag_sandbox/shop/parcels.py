"""Sizes: the seller's packages, and what eMAG has measured of the products of orders."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.shop.seeded_random import mix

if TYPE_CHECKING:
    from emag_sandbox.shop.orders import Key, OrderBook

# Label, length, width, height (cm), weight (kg); the second one is the default.
PACKAGES: Final = (
    ("XS", "15", "10", "5.5", "0.5"),
    ("S", "20", "15", "10", "1.5"),
    ("M", "35", "25", "15", "3"),
    ("L", "50", "35.25", "30", "10"),
    ("XL", "80", "60", "50", "25"),
)
UNMEASURED: Final = 8  # one order in so many has no measures at all, and so many products


def packages() -> list[dict[str, Any]]:
    """Every package of the seller, one of them the default."""
    return [
        {
            "label": label,
            "length": Decimal(length),
            "width": Decimal(width),
            "height": Decimal(height),
            "weight": Decimal(weight),
            "is_default": place == 1,
        }
        for place, (label, length, width, height, weight) in enumerate(PACKAGES)
    ]


class VolumetryBook:
    """What eMAG has measured of the products of orders, one piece of each."""

    def __init__(self, seed: int, orders: OrderBook) -> None:
        """Measure the products of these orders."""
        self._seed, self._orders = seed, orders

    def luck(self, key: Key) -> int:
        """The draw that the features of an order's answer come from."""
        return mix(self._seed, 171, key[0], key[1])

    def row(self, key: Key) -> dict[str, Any]:
        """The measures of the products of an order; those of some products are not known.

        Raises:
            KeyError: when there is no such order.
        """
        row = self._orders.row(self._orders.number(key))
        products = dict.fromkeys(each["product_id"] for each in row["products"])
        known = [] if self.luck(key) % UNMEASURED == 0 else filter(None, products)
        return {
            "order_id": row["id"],
            "type": row["type"],
            "volumetric_data": [
                self._measures(product)
                for product in known
                if mix(self._seed, 172, product) % UNMEASURED
            ],
        }

    def _measures(self, product: int) -> dict[str, Any]:
        luck = mix(self._seed, 173, product)
        return {
            "product_id": product,
            "weight": Decimal(5 + luck % 3000) / 100,
            "length": Decimal(50 + (luck >> 16) % 1500) / 10,
            "width": Decimal(50 + (luck >> 32) % 1000) / 10,
            "height": Decimal(5 + (luck >> 48) % 800) / 10,
        }
