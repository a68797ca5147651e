"""`courier_accounts/read`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_emag.sandbox import accounts
from tap_emag.sandbox.resources.base import page_of, rows_of
from tap_emag.sandbox.wire_reference import COURIER_ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_emag.sandbox.resources.base import Action, Answer, Call


class CourierAccounts:
    """Courier accounts."""

    name = "courier_accounts"
    bucket = "other"

    @property
    def actions(self) -> Mapping[str, Action]:
        """What can be done."""
        return {"read": _read}


def _read(call: Call) -> Answer:
    rows = rows_of(call, accounts.courier_accounts(call.world.opened), COURIER_ACCOUNT, 93)
    return page_of(call, range(len(rows)), lambda _, number: rows[number])
