"""Splits off lists inside an object whose items become rows of another table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_emag.schema.cleaning import items_of
from tap_emag.schema.keys import integer_or_none

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_emag.schema.table import Report

Row = dict[str, Any]
# An item of a child list and its place there, from 1.
Item = tuple[int, dict[str, Any]]


def split_children(
    raw: Mapping[str, Any], key: str, table: str, kept: Row, report: Report
) -> list[Item]:
    """Return a child list's objects; put other items in `kept`, for the parent's `extra`."""
    value = raw.get(key)
    if value is None or value in ([], {}, ""):
        return []
    items: list[Any] = items_of(value) if isinstance(value, list | dict) else [value]
    left = [item for item in items if not isinstance(item, dict) and item is not None]
    if left:
        kept[key] = left if isinstance(value, list | dict) else value
        report(table, "invalid", key)
    return [(place, item) for place, item in enumerate(items, 1) if isinstance(item, dict)]


def id_or_place(raw: Mapping[str, Any], name: str, place: int, seen: set[int]) -> int:
    """Return an item's own id, or minus its place where that is missing or not unique in its list.

    Args:
        raw: The item.
        name: The wire key of its id.
        place: Its place in its list, from 1.
        seen: The ids returned for this list so far; this one is added.
    """
    found = integer_or_none(raw.get(name))
    if found is None or found <= 0 or found in seen:
        found = -place
    seen.add(found)
    return found
