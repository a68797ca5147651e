"""Serves the rows that the knob `rows` contains, in place of the shop's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.api.filters import paging
from emag_sandbox.api.resources.base import Answer, count_of, page_of
from emag_sandbox.api.resources.category import MOST_VALUES
from emag_sandbox.api.resources.invoice import invoices_of

if TYPE_CHECKING:
    from emag_sandbox.api.resources.base import Call

Row = dict[str, Any]

# Filters on times: the key of a row, and the least and the greatest value it may have. Texts of one
# format are in the order of their times.
TIMES: Final = {
    "order": {
        "modified": ("modifiedAfter", "modifiedBefore"),
        "date": ("createdAfter", "createdBefore"),
    },
    "rma": {"date": ("date_start", "date_end")},
    "invoice": {"date": ("date_start", "date_end")},
    "customer-invoice": {"date": ("date_start", "date_end")},
    "locality": {"modified": ("modified", "")},
}
INVOICES: Final = ("invoice", "customer-invoice")


def answer(call: Call, resource: str, action: str) -> Answer | None:
    """The answer from given rows; None when the resource has none.

    A filter has an effect on rows that have its key. Lookups, such as those of commissions, get the
    first row, whatever they ask for.
    """
    name = resource if action != "categories" else f"{resource}/{action}"
    given = call.config.rows.get(name)
    if given is None:
        return None
    if name == "smart-deals-price-check":
        return _lookup(call, given, b"null")
    if name == "commission":
        found = _lookup(call, given, b"{}").results
        return Answer(b'{"code":200,"data":' + found + b"}", len(given[:1]), bare=True)
    rows = [row for row in given if _selected(row, name, call.params)]
    if action == "count":
        return count_of(call, len(rows))
    if name == "category":
        rows = [_with_values(row, call) for row in rows]

    def encode(call: Call, number: int) -> bytes:
        return call.encoder.plain(rows[number])

    if name in INVOICES:
        return invoices_of(call, range(len(rows)), encode)
    return page_of(call, range(len(rows)), encode)


def _lookup(call: Call, given: list[Row], nothing: bytes) -> Answer:
    return Answer(call.encoder.plain(given[0]) if given else nothing, len(given[:1]))


def _selected(row: Row, resource: str, params: dict[str, Any]) -> bool:
    times = TIMES.get(resource, {})
    for key, (least, greatest) in times.items():
        moment = str(row.get(key))
        if least in params and moment < str(params[least]):
            return False
        if greatest in params and moment > str(params[greatest]):
            return False
    bounds = {bound for pair in times.values() for bound in pair}
    return all(_equal(row[key], params[key]) for key in params.keys() - bounds & row.keys())


def _equal(value: object, wanted: object) -> bool:
    return str(value) in map(str, wanted if isinstance(wanted, list) else [wanted])


def _with_values(row: Row, call: Call) -> Row:
    """A category as it is in a list, without values, or alone with a page of them."""
    asked = {
        name: call.params[given]
        for name, given in (("currentPage", "valuesCurrentPage"), ("itemsPerPage", "valuesPerPage"))
        if given in call.params
    }
    page, size = paging({"itemsPerPage": MOST_VALUES, **asked}, call.config, MOST_VALUES)
    shown = slice((page - 1) * size, page * size) if "id" in call.params else slice(0)
    characteristics = [
        {**each, "values": each["values"][shown]} if "values" in each else each
        for each in row.get("characteristics", ())
    ]
    return {**row, "characteristics": characteristics}
