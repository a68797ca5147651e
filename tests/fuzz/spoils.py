"""What may stand in a reply instead of what should: any JSON, and what only looks like it.

A spoiled row has two faces: the text that is sent, which no JSON library would write, and what it
says, which is what a test looks for afterwards.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

Json = Any
Path = tuple[str | int, ...]
TIMES = ("2026-03-02 11:19:26", "2026-10-25 03:30:00", "1784106000", "0000-00-00 00:00:00")
KEYS = ("", "a.b", "extra", "id", "marketplace", "a\0b", "\ud800", "\udc00\ud800", "k" * 300, "é")
DEPTHS = (61, 330, 1100, 20_000)


@dataclass(frozen=True)
class Token:
    """A value: its JSON text, and the scalars it says, as a reader of the text would name them."""

    text: str
    says: tuple[Json, ...]

    @classmethod
    def of(cls, value: Json) -> Token:
        return cls(json.dumps(value), (value,))


def tokens(dice: Random, mark: str) -> Token:
    """Draw a value; `mark` is a text that stands nowhere else, where there is room for one."""
    deep = dice.choice(DEPTHS)
    plain: list[Json] = [None, True, False, 0, -1, 7, "", " ", "0", mark, [], {}]
    inner: list[Json] = [[mark], {"x": mark}, [[mark], {"y": [mark]}], [{}, None]]
    kinds: list[Token] = [
        *(Token.of(value) for value in (*plain, *inner)),
        *(Token.of(value) for value in (f"{mark}\0", f"\ud800{mark}", "a\0b", "12.0", "1.234,56")),
        *(Token.of(value) for value in (2**63, -(2**63) - 1, 10**40, *TIMES)),
        Token.of({"0": mark, "2": mark}),
        Token.of([{"id": mark}]),
        Token("9" * 5000, ("9" * 5000,)),
        Token("NaN", ("NaN",)),
        Token("-Infinity", ("-Infinity",)),
        Token("1e999999", ("1E+999999",)),
        Token("1e99999999999999999999", ("1e99999999999999999999",)),
        Token("-0.0", ()),
        Token(f'{{"a": "{mark}", "a": "{mark}-2"}}', (f"{mark}-2",)),
        Token(f'"{mark}\n\t"', (f"{mark}\n\t",)),
        Token("[" * deep + f'"{mark}"' + "]" * deep, (mark,)),
        Token('{"k":' * deep + f'"{mark}"' + "}" * deep, (mark,)),
        Token.of(mark * 20_000),
    ]
    return dice.choice(kinds)


@dataclass
class Spoiled:
    """A row with some of its places spoiled: its text, and what it says."""

    row: Json
    tokens: dict[str, Token] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The row as it is sent."""
        text = json.dumps(self.row)
        for name, token in self.tokens.items():
            text = text.replace(f'"{name}"', token.text)
        return text

    def says(self) -> Iterator[Json]:
        """Yield the scalars that the row says."""
        yield from self._scalars(self.row)

    def _scalars(self, value: Json) -> Iterator[Json]:
        if isinstance(value, dict):
            for item in value.values():
                yield from self._scalars(item)
        elif isinstance(value, list):
            for item in value:
                yield from self._scalars(item)
        elif isinstance(value, str) and value in self.tokens:
            for said in self.tokens[value].says:
                yield from self._scalars(said)
        else:
            yield value


def spoil(row: Json, dice: Random, mark: str, spare: tuple[str, ...] = ()) -> Spoiled:
    """Spoil one place of a row, or the row itself.

    Args:
        row: What was to be sent.
        dice: Decides where and how.
        mark: A text that stands nowhere else.
        spare: Keys of the row whose value stays as it is.
    """
    copy = json.loads(json.dumps(row))
    spoiled = Spoiled(copy)
    name = f"@@{mark}@@"
    way = dice.randrange(12)
    if way == 0:
        spoiled.row = name
        spoiled.tokens[name] = tokens(dice, mark)
        return spoiled
    places = [place for place in paths(copy) if place and place[0] not in spare]
    place = dice.choice(places)
    *outer, last = place
    around = at(copy, tuple(outer))
    if way == 1 and isinstance(around, dict):
        del around[last]
    elif way == 2 and isinstance(around, dict):
        # The same key again, of which the last value counts. Placeholders stand for the key and
        # for the value that does not count.
        double, first = f"@@{mark}-key@@", f"@@{mark}-first@@"
        spoiled.tokens[first] = Token(json.dumps(around[last]), ())
        around[last] = first
        around[double] = name
        spoiled.tokens[double] = Token(json.dumps(last), ())
        spoiled.tokens[name] = tokens(dice, mark)
    elif way == 3 and isinstance(around, dict):
        around[f"{dice.choice(KEYS)}"] = name
        spoiled.tokens[name] = tokens(dice, mark)
    else:
        around[last] = name
        spoiled.tokens[name] = tokens(dice, mark)
    return spoiled


def paths(value: Json, here: Path = ()) -> Iterator[Path]:
    """Yield the way to every place of a JSON value, the value itself first."""
    yield here
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*here, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, (*here, index))


def at(value: Json, place: Path) -> Json:
    """Return what stands at a place."""
    for step in place:
        value = value[step]
    return value
