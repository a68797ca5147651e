"""Turns exact rows into eMAG's JSON: loose scalars, missing keys, undocumented keys."""

from __future__ import annotations

from collections import OrderedDict
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from emag_sandbox.shop.seeded_random import MASK
from emag_sandbox.shop.words import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Hashable

    from emag_sandbox.config import SandboxConfig
    from emag_sandbox.shop.localtime import LocalTime

INT: Final = "int"
ID: Final = "id"
MONEY: Final = "money"
AMOUNT: Final = "amount"
FLAG: Final = "flag"
TRUTH: Final = "truth"  # a flag that is sent as true or false
TIME: Final = "time"
TEXT: Final = "text"
MISSING: Final = object()
ABSENT: Final = (5, 6)
BLANK: Final = 7
COMMA: Final = 2
# Which of a field's eight faces are loose, by kind: a set bit means that this face is spelled
# otherwise than JSON would have it. Few numbers are text, most ids are, every other amount is.
LOOSE: Final = {
    INT: 0b0000_0001,
    ID: 0b1111_1000,
    MONEY: 0b1010_1010,
    AMOUNT: 0b1010_1110,
    FLAG: 0b1111_1111,
    TRUTH: 0b1111_1111,
    TIME: 0,
    TEXT: 0,
}

Plan = tuple[tuple[str, str, int, bool, int], ...]


class Style(NamedTuple):
    """The knobs that shape a row on the wire."""

    scalars: str
    unknown: bool
    nul: bool
    unknown_key: str = ""
    shapes: str = "mixed"

    @classmethod
    def of(cls, config: SandboxConfig) -> Style:
        """The style a config asks for."""
        return cls(
            config.scalars,
            config.unknown_keys,
            config.nul_bytes,
            config.unknown_key,
            config.shapes,
        )

    def as_documented(self, luck: int) -> bool:
        """Whether a row has the shapes of the documentation where clients have seen others."""
        return self.shapes == "documented" or (self.shapes == "mixed" and luck & 7 == 0)


class Encoder:
    """Exact rows to JSON bytes. Decimals are written digit by digit, never through a float."""

    def __init__(self, local: LocalTime) -> None:
        """Write times as `local` shows them."""
        self._local = local
        self._json = msgspec.json.Encoder(decimal_format="number")

    def encode(self, row: dict[str, Any], style: Style) -> bytes:
        """A dressed row as JSON."""
        return self._json.encode(_as_strings(row) if style.scalars == "strings" else row)

    def plain(self, row: dict[str, Any]) -> bytes:
        """A row as JSON, as it is."""
        return self._json.encode(row)

    def dress(self, row: dict[str, Any], plan: Plan, salt: int, style: Style) -> dict[str, Any]:
        """A copy of an object with its own scalars as the wire has them; children untouched.

        Each field takes three bits of `salt`, so a row looks the same each time it is read.
        """
        out = row.copy()
        mixed = style.scalars == "mixed"
        for name, kind, shift, optional, loose in plan:
            value = out.get(name, MISSING)
            if value is None:
                if optional:
                    _hollow(out, name, salt >> shift & 7, blank=mixed and kind != TEXT)
            elif value is MISSING:
                continue
            elif kind == TIME:
                out[name] = self._local.text(value)
            elif kind == FLAG and not mixed:
                out[name] = int(value)
            elif mixed and loose >> (salt >> shift & 7) & 1:
                out[name] = _scalar(value, kind, salt >> shift & 7)
        if style.unknown and salt >> 60 & 1:
            name = style.unknown_key or UNKNOWN[salt >> 61 & 3]
            out[name] = ("demo", 7, None, {"level": [1, "2"]})[salt >> 58 & 3]
        return out


class RowCache:
    """Encoded rows, the oldest dropped when they weigh more than `size` bytes."""

    def __init__(self, size: int) -> None:
        """Keep up to `size` bytes."""
        self._size = size
        self._weight = 0
        self._rows: OrderedDict[Hashable, bytes] = OrderedDict()

    def get(self, key: Hashable) -> bytes | None:
        """A row kept under a key."""
        return self._rows.get(key)

    def put(self, key: Hashable, row: bytes) -> None:
        """Keep a row."""
        self._rows[key] = row
        self._weight += len(row)
        while self._weight > self._size:
            self._weight -= len(self._rows.popitem(last=False)[1])


def plan(**kinds: str) -> Plan:
    """A plan from space-separated field names by kind; `name?` may be null or absent."""
    fields = [(name, kind) for kind, names in kinds.items() for name in names.split()]
    return tuple(
        (name.rstrip("?"), kind, place * 3 % 58, name.endswith("?"), LOOSE[kind])
        for place, (name, kind) in enumerate(fields)
    )


def salted(salt: int, number: int) -> int:
    """The salt of the `number`th child of a row."""
    turned = salt * (2 * number + 0x9E37_79B9_7F4A_7C15) & MASK
    return turned ^ turned >> 31


def with_nul(text: object) -> object:
    """A text with a NUL inside, as some seller's clipboard once left it."""
    return f"{text[:2]}\0{text[2:]}" if isinstance(text, str) and text else text


def _hollow(out: dict[str, Any], name: str, face: int, *, blank: bool) -> None:
    if face in ABSENT:
        del out[name]
    elif blank and face == BLANK:
        out[name] = ""


def _scalar(value: Any, kind: str, face: int) -> object:  # noqa: ANN401 - any scalar
    if kind == MONEY:
        return f"{value:.4f}"
    if kind == AMOUNT:
        # What an accountant's program wrote may have its comma.
        return f"{value:f}".replace(".", ",") if face == COMMA else f"{value:.4f}"
    if kind in (FLAG, TRUTH):
        return (str(int(value)), value, value, int(value))[min(face, 3)]
    return str(value)


def _as_strings(value: object) -> object:
    if isinstance(value, dict):
        return {name: _as_strings(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_as_strings(each) for each in value]
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, Decimal):
        return f"{value:.4f}"
    return str(value) if isinstance(value, int) else value
