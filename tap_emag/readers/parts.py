"""The values that a window's reader works with: time field, request, result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_emag.readers.calendar import second_of
from tap_emag.schema.column_types import parse_naive

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tap_emag.readers.calendar import Window

COUNT = 0  # an Ask for the count; any other number is a page

Row = dict[str, Any]


@dataclass(frozen=True)
class TimeField:
    """The naive local time of each row by which a resource is cut into windows.

    `after` and `before` are the names of the two bounds in a request; `moment` parses the time.
    Rows may leave a window when eMAG sets their time to the present, but never enter it.
    """

    resource: str
    key: str
    stamp: str
    after: str
    before: str
    moment: Callable[[Any], datetime | None] = parse_naive
    typed: bool = False  # rows of another type than asked for mean that the filter was ignored

    def second(self, row: Row) -> int | None:
        """Return the local second a row belongs to, None if it has none."""
        moment = self.moment(row.get(self.stamp))
        return None if moment is None else second_of(moment)


class Ask(NamedTuple):
    """A request to send for a window: its count, or one of its pages.

    `number` is the page's place among all pages asked for: see `PageSize.ask`.
    """

    page: int
    bounds: tuple[str, str]
    number: int = 0


@dataclass(frozen=True)
class ProvenWindow:
    """A window proven to be read completely: its rows by time and id, each once.

    Rows without a readable time come first: they belong to no second, so every window that gets
    them delivers them. Rows without an id are identified by their content. Of rows that share an id
    in one reply the later ones are `doubles`; the stream stores those elsewhere.
    """

    window: Window
    rows: list[Row]
    doubles: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Split:
    """A window to be read anew in parts; `rows` is about how many it has.

    It is `unsteady` if it was split because its rows changed, not because it was too large.
    """

    windows: list[Window]
    rows: float
    unsteady: bool = False
