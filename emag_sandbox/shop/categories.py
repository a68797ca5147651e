"""The categories of the catalogue: a tree, with characteristics, their values and families."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.shop.seeded_random import mix
from emag_sandbox.shop.words import GOODS

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_ID: Final = 500
LEAVES: Final = len(GOODS)
ROOTS: Final = 6
TWIGS: Final = 5
LANGUAGES: Final = ("RO", "EN", "HU", "BG", "PL", "GR", "DE")
TYPES: Final = (11, 11, 11, 1, 2, 20, 30, 40, 60, 75)
# Each with its name and its values, in Romanian.
TRAITS: Final = (
    ("Culoare", ("Alb", "Negru", "Roșu", "Țiglă", "Bej")),
    ("Greutate", ("100 g", "250 g", "1 kg")),
    ("Mărime", ("36 EU", "37 EU", "38 EU", "XS", "XXL")),
    ("Material", ("Bumbac", "Lână", "Oțel", "Porțelan")),
    ("Pentru", ("Copii", "Adulți", "Animale")),
    ("Putere", ("5 W", "10 W", "60 W")),
    ("Volum", ("330 ml", "500 ml", "2 l")),
    ("Tip produs", ("Set", "Bucată")),
)


class CategoryBook:
    """Categories 0, 1, 2, … made on demand. The first ones contain the goods that offers sell."""

    def __init__(self, seed: int, count: int, language: str = LANGUAGES[0]) -> None:
        """Know `count` categories of a platform with a language of its own."""
        self._seed, self.count, self.language = seed, count, language

    def id(self, number: int) -> int:
        """The id of a category."""
        beyond = number - LEAVES
        luck = mix(self._seed, 131, number)
        return FIRST_ID + number if beyond < 0 else FIRST_ID + LEAVES + beyond * 3 + luck % 3

    def number(self, id_: int) -> int:
        """The number of the category with an id.

        Raises:
            KeyError: when there is no such category.
        """
        place = id_ - FIRST_ID
        number = place if place < LEAVES else LEAVES + (place - LEAVES) // 3
        if not 0 <= number < self.count or self.id(number) != id_:
            raise KeyError(id_)
        return number

    def row(self, number: int, language: str | None = None) -> dict[str, Any]:
        """A category in full, with all values, in a language or the platform's own."""
        language = language or self.language
        luck = mix(self._seed, 132, number)
        traits = [
            (each, place)
            for each in self._traits(luck, number)
            for place in range(2 if mix(luck, each) & 7 == 0 else 1)
        ]
        rows = [
            _characteristic(mix(luck, trait), trait, turn, place, language)
            for place, (trait, turn) in enumerate(traits)
        ]
        return {
            "id": self.id(number),
            "scm_id": 1 + number,
            "name": _translated(self._name(number), language),
            "parent_id": self._parent(number),
            "is_allowed": luck >> 9 & 3 != 0,
            "is_ean_mandatory": luck >> 11 & 1 == 1,
            "is_warranty_mandatory": luck >> 12 & 3 == 0,
            "characteristics": rows,
            "family_types": list(_families(luck, rows, language)),
        }

    def _name(self, number: int) -> str:
        if number < LEAVES:
            return GOODS[number]
        return f"{GOODS[number % LEAVES]} și altele, raionul {number - LEAVES + 1}"

    def _parent(self, number: int) -> int | None:
        if number < LEAVES:
            parent = LEAVES + number % ROOTS
        elif number < LEAVES + ROOTS:
            return None
        else:
            parent = LEAVES + (number - LEAVES - ROOTS) // TWIGS
        return self.id(parent) if parent < self.count else None

    def _traits(self, luck: int, number: int) -> list[int]:
        wanted = 0 if luck & 15 == 0 else 1 + (luck >> 4) % 9
        return [(number + turn) % (4 * len(TRAITS)) for turn in range(wanted)]


def _characteristic(luck: int, trait: int, turn: int, place: int, language: str) -> dict[str, Any]:
    name, some = TRAITS[trait % len(TRAITS)]
    # A size comes once as on the label and once converted, under the same id.
    tags = [("original", "converted")[turn]] if luck & 7 == 0 else []
    many = (0, 3, 8, 20, 20, 40, 255, 300)[luck >> 5 & 7] if luck >> 8 & 1 else len(some)
    if luck >> 9 & 63 == 0:
        many = 600
    return {
        "id": 5400 + trait * 7,
        "name": _translated(name if trait < len(TRAITS) else f"{name} {trait}", language),
        "type_id": TYPES[luck % len(TYPES)],
        "display_order": place + 1,
        "is_mandatory": luck >> 15 & 3 == 0,
        "is_mandatory_for_mktp": luck >> 17 & 7 == 0,
        "is_filter": luck >> 20 & 1 == 1,
        "allow_new_value": luck >> 21 & 1 == 1,
        "tags": tags,
        "value_tags": ["demo"] if luck >> 22 & 7 == 0 else [],
        "values": [
            _translated(some[each % len(some)], language) + f" {each}" * (each >= len(some))
            for each in range(many)
        ],
    }


def _families(luck: int, rows: list[dict[str, Any]], language: str) -> Iterator[dict[str, Any]]:
    for turn in range(min(len(rows), luck >> 13 & 3)):
        members = rows[turn : turn + 2]
        yield {
            "id": 219 + turn + luck % 50,
            "name": _translated(f"Familie după {rows[turn]['name']}", language),
            "characteristics": [
                {
                    "characteristic_id": each["id"],
                    "characteristic_type": each["type_id"],
                    "characteristic_family_type_id": 1 + (turn + place) % 3,
                    "is_foldable": place % 2 == 0,
                    "display_order": place + 1,
                }
                for place, each in enumerate(members)
            ],
        }


def _translated(text: str, language: str) -> str:
    return text if language == LANGUAGES[0] or text.endswith("]") else f"{text} [{language}]"
