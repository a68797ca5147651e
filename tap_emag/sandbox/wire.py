"""How exact rows turn into eMAG's JSON: loose scalars, missing keys, keys nobody announced."""

from __future__ import annotations

from collections import OrderedDict
from decimal import Decimal
from typing import Any, Final, NamedTuple, TYPE_CHECKING

import msgspec

from tap_emag.sandbox.dice import MASK
from tap_emag.sandbox.words import UNKNOWN

if TYPE_CHECKING:
    from tap_emag.sandbox.localtime import LocalTime
    from tap_emag.sandbox.config import SandboxConfig
    from collections.abc import Hashable

INT: Final = "int"
ID: Final = "id"
MONEY: Final = "money"
FLAG: Final = "flag"
TIME: Final = "time"
TEXT: Final = "text"
MISSING: Final = object()
ABSENT: Final = (5, 6)
BLANK: Final = 7
FEW_NUMBERS: Final = 3

Plan = tuple[tuple[str, str, int, bool], ...]


class Style(NamedTuple):
    """The knobs that shape a row on the wire."""

    scalars: str
    unknown: bool
    nul: bool

    @classmethod
    def of(cls, config: SandboxConfig) -> Style:
        """The style a config asks for."""
        return cls(config.scalars, config.unknown_keys, config.nul_bytes)


class Encoder:
    """Exact rows to JSON bytes. Decimals are written digit by digit, never through a float."""

    def __init__(self, local: LocalTime) -> None:
        """Write times as `local` shows them."""
        self._local = local
        self._json = msgspec.json.Encoder(decimal_format="number")

    def encode(self, row: dict[str, Any], style: Style) -> bytes:
        """A dressed row as JSON."""
        return self._json.encode(_as_strings(row) if style.scalars == "strings" else row)

    def dress(self, row: dict[str, Any], plan: Plan, salt: int, style: Style) -> dict[str, Any]:
        """A copy of an object with its own scalars as the wire has them; children untouched.

        Each field takes three bits of `salt`, so a row looks the same each time it is read.
        """
        out = row.copy()
        mixed = style.scalars == "mixed"
        for name, kind, shift, optional in plan:
            value = out.get(name, MISSING)
            bits = salt >> shift & 7
            if value is None:
                if optional and bits in ABSENT:
                    del out[name]
                elif optional and bits == BLANK and mixed and kind != TEXT:
                    out[name] = ""
            elif kind == TIME:
                if value is not MISSING:
                    out[name] = self._local.text(value)
            elif value is not MISSING and kind != TEXT:
                out[name] = _scalar(value, kind, bits) if mixed else _plain(value, kind)
        if style.unknown and salt >> 60 & 1:
            out[UNKNOWN[salt >> 61 & 3]] = ("demo", 7, None, {"level": [1, "2"]})[salt >> 58 & 3]
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
        (name.rstrip("?"), kind, place * 3 % 58, name.endswith("?"))
        for place, (name, kind) in enumerate(fields)
    )


def salted(salt: int, number: int) -> int:
    """The salt of the `number`th child of a row."""
    turned = salt * (2 * number + 0x9E37_79B9_7F4A_7C15) & MASK
    return turned ^ turned >> 31


def with_nul(text: Any) -> Any:
    """A text with a NUL inside, as some seller's clipboard once left it."""
    return f"{text[:2]}\0{text[2:]}" if isinstance(text, str) and text else text


def _scalar(value: Any, kind: str, bits: int) -> Any:
    if kind == MONEY:
        return f"{value:.4f}" if bits & 1 else value
    if kind == FLAG:
        return int(value) if bits < 5 else bool(value) if bits > 5 else str(int(value))
    few = bits < FEW_NUMBERS if kind == ID else bits > 0
    return value if few else str(value)


def _plain(value: Any, kind: str) -> Any:
    return int(value) if kind == FLAG else value


def _as_strings(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_strings(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_as_strings(each) for each in value]
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, Decimal):
        return f"{value:.4f}"
    return str(value) if isinstance(value, int) else value
