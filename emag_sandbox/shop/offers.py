"""All offers: which there are, how they change, and each in full."""

from __future__ import annotations

from array import array
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from emag_sandbox.marketplaces import MARKETPLACES, Terms
from emag_sandbox.shop.offer_rows import live, offer, part_number_key
from emag_sandbox.shop.seeded_random import mix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from emag_sandbox.config import SandboxConfig
    from emag_sandbox.shop.catalogue import Catalogue
    from emag_sandbox.shop.offer_rows import Live

COLUMNS: Final = (
    "status", "stock", "estimated", "validation", "translation", "offer_validation",
)  # fmt: skip
GONE: Final = -1


class OfferQuery(NamedTuple):
    """What a request asks for; None leaves a side open. Stocks are upper bounds."""

    id: int | None = None
    part_number: str | None = None
    part_number_key: str | None = None
    status: frozenset[int] | None = None
    stock: int | None = None
    estimated: int | None = None
    validation: frozenset[int] | None = None
    translation: frozenset[int] | None = None
    offer_validation: frozenset[int] | None = None


class OfferBook:
    """All offers. Bodies are made when asked for, from the seed and the number of changes.

    Not thread-safe: the world's lock guards it.
    """

    def __init__(self, config: SandboxConfig, catalogue: Catalogue, now: Callable[[], int]) -> None:
        """Start with `config.offers` offers, whose currency is that of the time of reading."""
        self._seed = config.seed
        self._market, self._now = MARKETPLACES[config.marketplace], now
        self._catalogue = catalogue
        self._rng = Random()
        self._huge = config.offers // 2 if config.extreme_amount else -1
        self._versions = array("i")
        self._columns = {name: array("i") for name in COLUMNS}
        self._found: tuple[int, OfferQuery, str, Sequence[int]] | None = None
        self.generation = 0
        for _ in range(config.offers):
            self.add()

    def version(self, number: int) -> int:
        """How often an offer changed since the sandbox started."""
        return self._versions[number]

    def number(self, offer_id: int) -> int:
        """The number of the offer with an id.

        Raises:
            KeyError: when there is no such offer.
        """
        number = self._catalogue.number(offer_id)
        if number is None or number >= len(self._versions) or self._versions[number] == GONE:
            raise KeyError(offer_id)
        return number

    def id(self, number: int) -> int:
        """The id of an offer."""
        return self._catalogue.offer_id(number)

    def row(self, number: int) -> dict[str, Any]:
        """An offer in full, as it is now."""
        product = self._catalogue.product(number)
        state = self._live(number)
        return offer(self._seed, product, state, self._huge, self.terms)

    @property
    def terms(self) -> Terms:
        """The terms of all offers now."""
        return Terms(self._market, self._market.currency(self._now()))

    def numbers(self) -> Iterator[int]:
        """The offers there are, by rising id."""
        return (number for number, version in enumerate(self._versions) if version != GONE)

    def choose(self, count: int, luck: int) -> list[int]:
        """Numbers of up to `count` different offers, drawn by `luck`."""
        self._rng.seed(luck)
        there = list(self.numbers())
        return self._rng.sample(there, min(count, len(there)))

    def touch(self, numbers: Iterable[int]) -> list[int]:
        """Let something change in some offers; their ids."""
        touched = []
        for number in numbers:
            self._versions[number] += 1
            self._note(number)
            touched.append(self.id(number))
        return touched

    def add(self) -> int:
        """Put up one more offer; its id."""
        number = len(self._versions)
        self._versions.append(0)
        for column in self._columns.values():
            column.append(0)
        self._note(number)
        return self.id(number)

    def withdraw(self, numbers: Iterable[int]) -> list[int]:
        """Take some offers away; their ids."""
        gone = []
        for number in numbers:
            self._versions[number] = GONE
            gone.append(self.id(number))
        self.generation += 1
        return gone

    def select(self, query: OfferQuery, sort: str) -> Sequence[int]:
        """The numbers of the offers a request asks for, in the order asked for."""
        if self._found is not None and self._found[:3] == (self.generation, query, sort):
            return self._found[3]
        rows = list(self._candidates(query))
        if query != OfferQuery(id=query.id):
            rows = [number for number in rows if self._asked(number, query)]
        if sort == "arbitrary":
            rows.sort(key=lambda number: mix(self.id(number)))
        elif sort.endswith("desc"):
            rows.reverse()
        self._found = (self.generation, query, sort, rows)
        return rows

    def _candidates(self, query: OfferQuery) -> Iterable[int]:
        if query.id is None:
            return self.numbers()
        try:
            return [self.number(query.id)]
        except KeyError:
            return []

    def _asked(self, number: int, query: OfferQuery) -> bool:
        columns = self._columns
        if query.part_number is not None and query.part_number != self._part_number(number):
            return False
        if query.part_number_key is not None and query.part_number_key != self._key(number):
            return False
        for name in ("stock", "estimated"):
            most = getattr(query, name)
            if most is not None and not 0 <= columns[name][number] <= most:
                return False
        return all(
            wanted is None or columns[name][number] in wanted
            for name, wanted in (
                ("status", query.status),
                ("validation", query.validation),
                ("translation", query.translation),
                ("offer_validation", query.offer_validation),
            )
        )

    def _part_number(self, number: int) -> str:
        return self._catalogue.product(number).part_number

    def _key(self, number: int) -> str | None:
        return part_number_key(self._seed, self._catalogue.product(number))

    def _live(self, number: int) -> Live:
        product = self._catalogue.product(number)
        return live(self._seed, product, self._versions[number], self._rng)

    def _note(self, number: int) -> None:
        state = self._live(number)
        for name, column in self._columns.items():
            column[number] = getattr(state, name)
        self.generation += 1
