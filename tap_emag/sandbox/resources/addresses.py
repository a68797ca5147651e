"""`addresses/read`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_emag.sandbox import accounts
from tap_emag.sandbox.resources.base import page_of, rows_of
from tap_emag.sandbox.wire_reference import ADDRESS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_emag.sandbox.resources.base import Action, Answer, Call


class Addresses:
    """The addresses of the seller."""

    name = "addresses"
    bucket = "other"

    @property
    def actions(self) -> Mapping[str, Action]:
        """What can be done."""
        return {"read": _read}


def _read(call: Call) -> Answer:
    rows = rows_of(call, accounts.addresses(), ADDRESS, 94)
    return page_of(call, range(len(rows)), lambda _, number: rows[number])
