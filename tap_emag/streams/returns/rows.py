"""Turns one return of rma/read into rows of three tables."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tap_emag.schema.child_lists import id_or_place, split_children
from tap_emag.schema.cleaning import items_of
from tap_emag.schema.keys import integer_or_none, key_of
from tap_emag.schema.table import unreported
from tap_emag.settings.account import Account
from tap_emag.streams.returns.table import RETURN_EVENTS, RETURN_LINES, RETURNS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_emag.schema.child_lists import Item, Row
    from tap_emag.schema.column_types import Clock
    from tap_emag.schema.table import Report

__all__ = [
    "RETURNS",
    "RETURN_EVENTS",
    "RETURN_LINES",
    "Account",
    "ReturnRows",
    "reservation_ids",
    "return_rows",
]

BARE_DAY = re.compile(r"\s*\d{4}-\d\d-\d\d\s*", re.ASCII)
Kind = Literal["status", "request", "action"]


@dataclass(frozen=True)
class ReturnRows:
    """One return's row, and the rows of its child tables."""

    return_row: Row
    lines: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)


def return_rows(
    raw: Mapping[str, Any],
    account: Account,
    clock: Clock,
    report: Report = unreported,
    *,
    fingerprint: str,
) -> ReturnRows:
    """Turn one return into rows.

    Args:
        raw: The return as rma/read returned it.
        account: The account it was read from.
        clock: The marketplace's clock.
        report: Called with each unknown or invalid key, by table.
        fingerprint: Version of the return, which every row contains.

    Returns:
        The return's rows, which contain every value of `raw` except nulls.
    """
    return _Return(raw, account, clock, report, fingerprint).rows


def reservation_ids(raw: Mapping[str, Any]) -> list[int]:
    """Return the reservations of a return's parcels, by which awb/read knows them, each once."""
    value = raw.get("awbs")
    items = items_of(value) if isinstance(value, list | dict) else [value]
    ids = (
        integer_or_none(item.get("reservation_id") if isinstance(item, dict) else item)
        for item in items
    )
    return list(dict.fromkeys(found for found in ids if found))


class _Return:
    """One return in progress: the values its child rows share, and the rows so far."""

    def __init__(
        self,
        raw: Mapping[str, Any],
        account: Account,
        clock: Clock,
        report: Report,
        fingerprint: str,
    ) -> None:
        self.clock = clock
        self.report = report
        kept: Row = {}
        children = {
            key: split_children(raw, key, RETURNS.name, kept, report) for key in RETURNS.children
        }
        given = {**account.columns(), "emag_id": key_of(raw, "emag_id"), "fingerprint": fingerprint}
        row = RETURNS.row(raw, clock, given, report, kept)
        if BARE_DAY.fullmatch(str(raw.get("pickup_date"))):
            row["pickup_at"] = None
        self.shared = {
            **account.columns(),
            "return_emag_id": row["emag_id"],
            "fingerprint": fingerprint,
        }
        self.rows = ReturnRows(row)
        self._lines(children["products"])
        self._statuses(children["status_history"])
        self._events("action", children["request_history"])

    def _lines(self, lines: list[Item]) -> None:
        seen: set[int] = set()
        for place, raw in lines:
            given = {**self.shared, "id": id_or_place(raw, "id", place, seen)}
            self.rows.lines.append(RETURN_LINES.row(raw, self.clock, given, self.report))

    def _statuses(self, statuses: list[Item]) -> None:
        for place, raw in statuses:
            kept: Row = {}
            requests = split_children(raw, "requests", RETURN_EVENTS.name, kept, self.report)
            self._event("status", place, raw, kept)
            self._events("request", requests, place)

    def _events(self, kind: Kind, items: list[Item], parent: int = 0) -> None:
        for place, raw in items:
            kept: Row = {}
            if raw.get("requests") is not None:
                # Only a status has requests; anywhere else the key is new.
                kept["requests"] = raw["requests"]
                self.report(RETURN_EVENTS.name, "unknown", "requests")
            self._event(kind, place, raw, kept, parent)

    def _event(self, kind: Kind, place: int, raw: Row, kept: Row, parent: int = 0) -> None:
        given = {**self.shared, "kind": kind, "parent_position": parent, "position": place}
        self.rows.events.append(RETURN_EVENTS.row(raw, self.clock, given, self.report, kept))
