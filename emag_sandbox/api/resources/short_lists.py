"""Short lists of the account, all rows at once. A further one is an entry of `SHORT_LISTS`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.api.resources.base import list_of, page_of, rows_of
from emag_sandbox.shop import accounts
from emag_sandbox.wire.reference import ADDRESS, COURIER_ACCOUNT, HANDLING_TIME, VAT_RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from emag_sandbox.api.resources.base import Action, Answer, Call
    from emag_sandbox.shop.shop import Shop
    from emag_sandbox.wire.tree import Shape


@dataclass(frozen=True)
class ShortList:
    """A list that is read by `<name>/read`.

    Attributes:
        rows: Returns the rows of a shop.
        form: How the wire shows a row.
        salt: A number of its own, which varies the loose types of the rows.
        paged: Whether it returns the requested page only.
    """

    name: str
    rows: Callable[[Shop], list[dict[str, Any]]]
    form: Shape
    salt: int
    paged: bool = False
    bucket: str = "other"

    @property
    def actions(self) -> Mapping[str, Action]:
        """What can be done."""
        return {"read": self._read}

    def _read(self, call: Call) -> Answer:
        rows = rows_of(call, self.rows(call.world), self.form, self.salt)
        if not self.paged:
            return list_of(rows)
        return page_of(call, range(len(rows)), lambda _, number: rows[number])


SHORT_LISTS: Final = (
    ShortList("vat", lambda world: accounts.vat_rates(world.market), VAT_RATE, 91),
    ShortList("handling_time", lambda _: accounts.handling_times(), HANDLING_TIME, 92),
    ShortList(
        "courier_accounts",
        lambda world: accounts.courier_accounts(world.opened, world.market),
        COURIER_ACCOUNT,
        93,
        paged=True,
    ),
    ShortList("addresses", lambda world: accounts.addresses(world.market), ADDRESS, 94, paged=True),
)
