"""What rows of a reply show: how they are sorted, which keys are unknown, which shapes they have.

Only names of keys, types and counts leave this module.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from types import NoneType
from typing import TYPE_CHECKING, Any, Final

from tap_emag.ops.doctor.code_values import Codes
from tap_emag.quoting import quote_key
from tap_emag.readers.calendar import second_of
from tap_emag.schema.column_types import parse_naive
from tap_emag.schema.keys import integer_or_none

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import UnionType

    from tap_emag.readers.calendar import Calendar
    from tap_emag.schema.table import Report as FieldReport

    Row = Mapping[str, Any]

ENOUGH_TO_SORT: Final = 3  # rows
SCALARS: Final[tuple[tuple[type | UnionType, str], ...]] = (
    (NoneType, "null"),
    (bool, "true or false"),
    (str, "text"),
    (int | float | Decimal, "number"),
)
MOST_NAMES: Final = 12  # keys in one line
LONGEST_SPAN: Final = 27 * 86_400  # seconds between two bounds


class Keys:
    """The keys that no column declares, and values that fit no column, by table."""

    def __init__(self) -> None:
        """Begin without any."""
        self.rows = 0
        self.codes = Codes()
        self.resources: list[str] = []
        self.failed: set[str] = set()
        self._found: dict[str, dict[str, set[str]]] = {
            finding: defaultdict(set) for finding in ("unknown", "invalid")
        }

    def look(
        self, resource: str, rows: Iterable[Row], place: Callable[[Any, FieldReport], object]
    ) -> None:
        """Turn rows into rows of tables with `place`, as the tap does, and note what is odd."""
        self.resources.append(resource)
        for row in rows:
            self.rows += 1
            try:
                self.codes.look(resource, place(row, self._note))
            except Exception:  # noqa: BLE001 - the tap would reject the row
                self.failed.add(resource)

    def names(self, finding: str) -> str:
        """Return the `unknown` keys of each table, or those with `invalid` values; "" for none."""
        found = self._found[finding]
        return "; ".join(f"{table}: {some(sorted(found[table]))}" for table in sorted(found))

    def _note(self, table: str, finding: str, key: str) -> None:
        self._found[finding][table].add(quote_key(key))


def some(names: Sequence[str]) -> str:
    """Join names; of many, the first ones and how many more there are."""
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def second_in(row: Row, key: str) -> int | None:
    """Return the local second in a row, None where it has none."""
    moment = parse_naive(row.get(key))
    return None if moment is None else second_of(moment)


def sort_of(rows: Sequence[Row], id_key: str, time_key: str = "") -> str | None:
    """Return how rows are sorted, None where too few show it."""
    if len(rows) < ENOUGH_TO_SORT:
        return None
    found = []
    for name in filter(None, (id_key, time_key)):
        keys = [_comparable(row.get(name)) for row in rows]
        if len(set(keys)) < ENOUGH_TO_SORT:
            continue
        if keys == sorted(keys):
            found.append(f"{name}, rising")
        elif keys == sorted(keys, reverse=True):
            found.append(f"{name}, falling")
    return " and ".join(found) or f"neither by {id_key}" + (
        f" nor by {time_key}" if time_key else ""
    )


def span_between(
    rows: Iterable[Row], key: str, per_second: float, most: int, calendar: Calendar
) -> tuple[int, int] | None:
    """Return two local seconds of rows between which about `most` rows are to be expected.

    Args:
        rows: Rows of a reply.
        key: The key with their times.
        per_second: Expected rows per second.
        most: Rows to expect at most.
        calendar: Leaves out seconds that occur twice or never.

    Returns:
        The earlier and the later one; None where all rows have the same second.
    """
    found = {second_in(row, key) for row in rows}
    seconds = sorted(each for each in found if each is not None and calendar.is_cut(each))
    if len(seconds) < 2:  # noqa: PLR2004
        return None
    longest = min(LONGEST_SPAN, most / per_second) if per_second > 0 else LONGEST_SPAN
    pairs = [(one, other) for n, one in enumerate(seconds) for other in seconds[n + 1 :]]
    fitting = [pair for pair in pairs if pair[1] - pair[0] <= longest]
    if fitting:
        return max(fitting, key=lambda pair: (pair[1] - pair[0], pair))
    return min(pairs, key=lambda pair: pair[1] - pair[0])


def shape(value: object) -> str:
    """Return the JSON type of a value, with the names of its keys."""
    if isinstance(value, dict):
        if value and all(str(key).isdecimal() for key in value):
            return f"numbered {shape(list(value.values()))}"  # PHP's list with gaps
        names = some([quote_key(key) for key in value])
        return f"object of {names}" if value else "empty object"
    if isinstance(value, list):
        return f"list of {' or '.join(sorted(set(map(shape, value))))}" if value else "empty list"
    return next((name for kind, name in SCALARS if isinstance(value, kind)), "other")


def shapes(rows: Iterable[Row], key: str) -> str:
    """Return the shapes of a key's values in rows, "" where no row has the key."""
    return " or ".join(sorted({shape(row[key]) for row in rows if key in row}))


def _comparable(value: object) -> tuple[int, str]:
    """Return a key by which ids sort as numbers, and texts as texts."""
    number = integer_or_none(value)
    return (0, str(value)) if number is None else (number, "")
