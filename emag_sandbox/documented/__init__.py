"""The keys and types that eMAG's API is known to send, as data: a CSV file for each resource.

`<resource>.csv` lists the keys of one row of a resource. The sandbox sends them, and tests compare
both sandbox and tap with them. No code reads them while it runs. A key names the list of its codes;
the lists are tables of the tap.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

# Where a key is known from.
MARKS: Final = {
    "D": "documented in eMAG's documentation 4.5.1",
    "O": "observed by clients of the API, not documented",
    "U": "assumed, by clients or by the sandbox",
    "S": "documented for saving only",
    "R": "removed from the documentation",
}
TYPES: Final = {
    "integer": "whole number",
    "decimal": "exact number, as a number or as a text",
    "text": "text",
    "flag": "0 or 1",
    "boolean": "true or false",
    "datetime": "local time, `YYYY-MM-DD HH:MM:SS`",
    "day": "`YYYY-MM-DD`",
    "spoken": "local time such as `3 Feb 2025, 14:05`",
    "object": "object",
    "objects": "list of objects",
    "integers": "list of whole numbers",
    "texts": "list of texts",
    "any": "content not documented",
}
FILE_NAME: Final = str.maketrans("/ ", "__")
RESOURCES: Final = (
    "order",
    "order/volumetry",
    "order/attachments",
    "product_offer",
    "rma",
    "awb",
    "awb/package",
    "category",
    "vat",
    "handling_time",
    "locality",
    "courier_accounts",
    "addresses",
    "invoice/categories",
    "invoice",
    "customer-invoice",
    "smart-deals-price-check",
    "commission",
    "find_by_eans",
    "count",
    "invoice list",
    "envelope",
)


class Key(NamedTuple):
    """One key of a row, in one of the forms it is sent in.

    Attributes:
        path: The key, after those of the objects or lists it is inside of: `products.id`.
        type: One of `TYPES`.
        nullable: Whether null was seen or is documented.
        mark: One of `MARKS`. A key with two forms has two marks.
        codes: The code list that has its values, or "".
    """

    path: str
    type: str
    nullable: bool
    mark: str
    codes: str


@cache
def keys(resource: str) -> tuple[Key, ...]:
    """The keys of a row of one of `RESOURCES`, in the order of the documentation.

    Raises:
        KeyError: when the resource is not one of them.
    """
    if resource not in RESOURCES:
        raise KeyError(resource)
    return tuple(
        Key(row["key"], row["type"], row["null"] == "yes", row["mark"], row["codes"])
        for row in _table(resource.translate(FILE_NAME))
    )


def _table(name: str) -> list[dict[str, str]]:
    text = files(__name__).joinpath(f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
