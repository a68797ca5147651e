"""`vat/read`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_emag.sandbox import accounts
from tap_emag.sandbox.resources.base import list_of, rows_of
from tap_emag.sandbox.wire_reference import VAT_RATE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_emag.sandbox.resources.base import Action, Answer, Call


class VatRates:
    """VAT rates: all of them, whatever page is asked for."""

    name = "vat"
    bucket = "other"

    @property
    def actions(self) -> Mapping[str, Action]:
        """What can be done."""
        return {"read": _read}


def _read(call: Call) -> Answer:
    return list_of(rows_of(call, accounts.vat_rates(), VAT_RATE, 91))
