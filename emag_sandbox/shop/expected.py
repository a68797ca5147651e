"""The exact rows that tests expect: exact types, aware UTC times, real empty objects."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from emag_sandbox.shop.localtime import LocalTime

TIMES: Final = frozenset(
    (
        "date",
        "created",
        "modified",
        "cancellation_request",
        "maximum_date_for_shipment",
        "finalization_date",
        "event_date",
        "status_date",
        "locker_pin_interval_end",
        "pickup_date",
        "end_date",
    )
)


def exact(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its instants as aware UTC datetimes."""
    return {name: _exact(name, value) for name, value in row.items()}


def _exact(name: str, value: object) -> object:
    if isinstance(value, dict):
        return exact(value)
    if isinstance(value, list):
        return [_exact("", each) for each in value]
    if name in TIMES and isinstance(value, int):
        return datetime.fromtimestamp(value, timezone.utc)
    return value


def instants(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields with their datetimes as instants in seconds: `exact` the other way round."""
    return {name: _instant(value) for name, value in fields.items()}


def _instant(value: object) -> object:
    if isinstance(value, dict):
        return instants(value)
    if isinstance(value, list):
        return [_instant(each) for each in value]
    if isinstance(value, datetime):
        return int(value.timestamp())
    return value


def spelled(row: dict[str, Any], local: LocalTime) -> dict[str, Any]:
    """A row as JSON values: decimals as strings, times as local text.

    A time in the second half of a repeated hour comes with `<field>_fold: 1`.
    """
    shown: dict[str, Any] = {}
    for name, value in row.items():
        if name in TIMES and isinstance(value, int):
            shown[name] = local.text(value)
            if local.fold(value):
                shown[f"{name}_fold"] = 1
        else:
            shown[name] = _spelled(value, local)
    return shown


def _spelled(value: object, local: LocalTime) -> object:
    if isinstance(value, dict):
        return spelled(value, local)
    if isinstance(value, list):
        return [_spelled(each, local) for each in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else value
