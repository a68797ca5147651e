"""Encodes nested rows: a shape defines how each level of a row is encoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.wire.encoder import plan, salted

if TYPE_CHECKING:
    from emag_sandbox.wire.encoder import Encoder, Plan, Style

SPREAD: Final = 64
PLAIN: Final = plan()


@dataclass(frozen=True)
class Shape:
    """The plan of an object's own scalars, and the shapes of its objects and lists by name."""

    own: Plan = PLAIN
    children: tuple[tuple[str, Shape], ...] = ()


def shape(own: Plan = PLAIN, **children: Shape) -> Shape:
    """A shape."""
    return Shape(own, tuple(children.items()))


def dressed(
    encoder: Encoder, row: dict[str, Any], form: Shape, salt: int, style: Style
) -> dict[str, Any]:
    """A copy of a row, dressed on every level; every other empty object becomes a list."""
    out = encoder.dress(row, form.own, salt, style)
    for place, (name, child) in enumerate(form.children):
        value, own = row.get(name), salted(salt, (place + 1) * SPREAD)
        if isinstance(value, list):
            out[name] = [
                dressed(encoder, each, child, salted(salt, (place + 1) * SPREAD + spot), style)
                for spot, each in enumerate(value, 1)
            ]
        elif value == {} and own >> 7 & 1:
            out[name] = []
        elif value is not None:
            out[name] = dressed(encoder, value, child, own, style)
    return out


def holed(rows: list[Any], luck: int) -> list[Any] | dict[str, Any]:
    """One list in sixteen as PHP writes an array with holes: an object of numbered keys."""
    if luck & 15 or not rows:
        return rows
    return {str(place * 2 + 1): row for place, row in enumerate(rows)}


def alone(row: dict[str, Any], listed: bool) -> dict[str, Any] | list[dict[str, Any]]:  # noqa: FBT001 - the choice itself
    """An object, or a list of nothing else."""
    return [row] if listed else row
