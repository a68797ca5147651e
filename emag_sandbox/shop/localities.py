"""The places that eMAG delivers to, most of them in the marketplace's own country."""
# ruff: noqa: PLR2004 - shares and sizes of invented data need no names

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from emag_sandbox.shop.localtime import DAY
from emag_sandbox.shop.seeded_random import mix
from emag_sandbox.shop.words import COUNTIES, TOWNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from emag_sandbox.shop.order_index import Span

FIRST_ID: Final = 9_000_001
COUNTRIES: Final = ("RO", "BG", "HU", "PL", "EL", "DE")
LATIN: Final = str.maketrans("ăâîșțĂÂÎȘȚ", "aaistAAIST")
SPREAD: Final = 900 * DAY


class LocalityQuery(NamedTuple):
    """What a request asks for; None leaves a side open."""

    id: int | None = None
    name: str | None = None
    region2: str | None = None
    country: str | None = None
    modified: Span | None = None


class LocalityBook:
    """All localities. The first eight are where the customers live."""

    def __init__(self, seed: int, count: int, now: int, country: str = COUNTRIES[0]) -> None:
        """Know `count` localities, most in `country`, last modified some time before `now`."""
        self._seed, self._now, self.count = seed, now, count
        self._own = country
        self._others = [each for each in COUNTRIES if each != country]
        self._modified = array("q")
        self._turns: dict[int, int] = {}

    def number(self, emag_id: int) -> int:
        """The number of the locality with an id.

        Raises:
            KeyError: when there is no such locality.
        """
        if not 0 <= emag_id - FIRST_ID < self.count:
            raise KeyError(emag_id)
        return emag_id - FIRST_ID

    def version(self, number: int) -> int:
        """How often a locality changed since the sandbox started."""
        return self._turns.get(number, 0)

    def row(self, number: int) -> dict[str, Any]:
        """A locality in full, every field of it."""
        luck, name, county = mix(self._seed, 142, number), _name(number), COUNTIES[number % 4]
        part = f"Comuna {name}" if luck & 3 == 0 else "" if luck & 4 else None
        zipped = None if luck >> 3 & 3 == 0 else f"{(number + 7 * self.version(number)) % 10**6:06}"
        return {
            "emag_id": FIRST_ID + number,
            "name": name,
            "name_latin": name.translate(LATIN),
            "region1": "Regiunea Probă" if luck >> 5 & 1 else None,
            "region1_latin": "Regiunea Proba" if luck >> 5 & 1 else None,
            "region2": county,
            "region2_latin": county.translate(LATIN),
            "region3": part,
            "region3_latin": part and part.translate(LATIN),
            "region4": None if luck >> 6 & 1 else "",
            "region4_latin": None if luck >> 6 & 1 else "",
            "geoid": 1 + number,
            "modified": self._times()[number],
            "zipcode": zipped,
            "country_code": self._country(number),
            "iso2": f"{self._country(number)}-XX",
        }

    def touch(self, numbers: Iterable[int], instant: int) -> list[int]:
        """Let some localities change at an instant; their ids."""
        touched = []
        for number in numbers:
            self._times()[number] = instant
            self._turns[number] = self._turns.get(number, 0) + 1
            touched.append(FIRST_ID + number)
        return touched

    def select(self, query: LocalityQuery, sort: str, shown: Callable[[int], int]) -> list[int]:
        """The numbers of the localities a request asks for, in the order asked for.

        `shown` turns an instant into what the query's bounds are compared with.
        """
        times, since = self._times(), query.modified
        numbers: Iterable[int] = range(self.count)
        if query.id is not None:
            numbers = [query.id - FIRST_ID] if 0 <= query.id - FIRST_ID < self.count else []
        rows = [
            number
            for number in numbers
            if self._country(number) == (query.country or self._own)
            and query.name in (None, _name(number))
            and query.region2 in (None, COUNTIES[number % 4])
            and (since is None or since.holds(shown(times[number])))
        ]
        if sort == "arbitrary":
            rows.sort(key=lambda number: mix(number + FIRST_ID))
        elif sort.startswith("modified"):
            rows.sort(key=lambda number: (times[number], number))
        if sort.endswith("desc"):
            rows.reverse()
        return rows

    def _country(self, number: int) -> str:
        return self._others[number // 12 % 5] if number % 12 == 11 else self._own

    def _times(self) -> array[int]:
        if not self._modified:
            self._modified.extend(
                self._now - mix(self._seed, 141, number) % SPREAD for number in range(self.count)
            )
        return self._modified


def _name(number: int) -> str:
    town, turn = TOWNS[number % 8], number // 8
    return f"{town} {turn}" if turn else town
