"""Whether the wire says what the truth says."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from emag_sandbox.documented import keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import requests

    from emag_sandbox import Sandbox

    Ask = Callable[..., requests.Response]

BUCHAREST = ZoneInfo("Europe/Bucharest")
MISSING = object()


def key_names(resource: str, inside: str = "") -> set[str]:
    """Return the keys of a resource's rows, or of the objects inside them: `products.`."""
    return {
        key.path.removeprefix(inside)
        for key in keys(resource)
        if key.mark in "DOU"
        and key.path.startswith(inside)
        and "." not in key.path.removeprefix(inside)
    }


def pages(shop: Sandbox, ask: Ask, resource: str, **filters: object) -> Iterator[dict[str, Any]]:
    for page in range(1, 100):
        reply = ask(shop, f"{resource}/read", currentPage=page, **filters)
        rows = reply.json(parse_float=Decimal)["results"]
        yield from rows
        if len(rows) < 100:
            return


def differences(truth: Any, wire: Any, path: str = "") -> list[str]:  # noqa: ANN401
    """Where the wire says something else than the truth, however loosely it may say it."""
    if isinstance(truth, dict):
        if truth == {}:
            return [] if wire in ({}, []) else [f"{path}: {wire!r} for an empty object"]
        if path.endswith(".reason_cancellation") and not isinstance(wire, dict):
            wire = {"id": wire}
        if isinstance(wire, list) and len(wire) == 1:
            wire = wire[0]  # an object, as the documentation has it
        found = [f"{path}: {key} is not in the truth" for key in wire if key not in truth]
        for key, value in truth.items():
            found += differences(value, wire.get(key, MISSING), f"{path}.{key}")
        return found
    if isinstance(truth, list):
        if wire is None or wire is MISSING:
            return [] if truth == [] else [f"{path}: nothing for {truth!r}"]
        rows = [wire] if isinstance(wire, dict) else wire
        if len(rows) != len(truth):
            return [f"{path}: {len(rows)} rows for {len(truth)}"]
        return [
            line
            for place, (one, other) in enumerate(zip(truth, rows, strict=True))
            for line in differences(one, other, f"{path}[{place}]")
        ]
    return [] if same(truth, wire) else [f"{path}: {wire!r} for {truth!r}"]


def same(truth: Any, wire: Any) -> bool:  # noqa: ANN401
    if truth is None:
        return wire is MISSING or wire is None or wire == ""
    if isinstance(truth, bool):
        return str(wire) in ({"True", "1"} if truth else {"False", "0"})
    if isinstance(truth, (int, Decimal)):
        return not isinstance(wire, bool) and Decimal(str(wire).replace(",", ".")) == truth
    if isinstance(truth, datetime):
        shown = truth.astimezone(BUCHAREST).strftime("%Y-%m-%d %H:%M:%S")
        return bool(wire in (shown, int(truth.timestamp())))
    if isinstance(truth, date):
        return bool(wire == truth.isoformat())
    return bool(wire == truth)
