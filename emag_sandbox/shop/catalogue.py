"""The goods that offers sell and order lines name, by their number."""

from __future__ import annotations

import math
import random
from decimal import Decimal
from typing import Final, NamedTuple

from emag_sandbox.shop.seeded_random import mix
from emag_sandbox.shop.words import BRANDS, GOODS, KINDS

FIRST_ID: Final = 1001
STEP: Final = 3
CENTI: Final = Decimal("0.01")
TENTHOUSANDTH: Final = Decimal("0.0001")
MANY: Final = 60


class Product(NamedTuple):
    """One article. Prices are net, in the marketplace's currency."""

    number: int
    offer_id: int
    name: str
    brand: str
    part_number: str
    key: str
    mkt_id: int
    category_id: int
    price: Decimal
    original: Decimal
    reduced_vat: bool
    deposit: bool


class Catalogue:
    """Articles 0, 1, 2, … made when first asked for."""

    def __init__(self, seed: int) -> None:
        """Make the articles of a seed."""
        self._seed = seed
        self._rng = random.Random()
        self._known: dict[int, Product] = {}

    def offer_id(self, number: int) -> int:
        """The seller's id of an article."""
        return FIRST_ID + number * STEP + mix(self._seed, 11, number) % STEP

    def number(self, offer_id: int) -> int | None:
        """The article that has a seller's id, if any has."""
        number = (offer_id - FIRST_ID) // STEP
        return number if number >= 0 and self.offer_id(number) == offer_id else None

    def product(self, number: int) -> Product:
        """An article."""
        found = self._known.get(number)
        if found is None:
            found = self._known[number] = self._make(number)
        return found

    def _make(self, number: int) -> Product:
        rng = self._rng
        rng.seed(mix(self._seed, 12, number))
        good, offer_id = int(rng.random() * len(GOODS)), self.offer_id(number)
        name = f"{GOODS[good]} {KINDS[int(rng.random() * len(KINDS))]}, model {number % 997}"
        shelf = Decimal(max(2, int(math.exp(rng.gauss(3.7, 1.0))))) - CENTI
        price = (shelf / Decimal("1.21")).quantize(TENTHOUSANDTH)
        if number % MANY == 1:
            price = shelf
        raised = price * Decimal(int(100 + rng.random() * 40)) / 100
        return Product(
            number,
            offer_id,
            name,
            BRANDS[int(rng.random() * len(BRANDS))],
            f"DEMO-{offer_id}",
            f"D{number:05X}BM",
            60_000_000 + number,
            500 + good,
            price,
            raised.quantize(TENTHOUSANDTH),
            "Cafea" in name or "Apă" in name or "Suc" in name,
            "Apă" in name or "Suc" in name,
        )
