"""What a server may get wrong for as long as a story lasts, or for a while.

A story draws a few kinds of it; see `draws.MIXTURE`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_emag.readers import page_size

if TYPE_CHECKING:
    from datetime import datetime

    from emag_sandbox import Sandbox
    from emag_sandbox.shop.shop import Shop

REFUSABLE = (
    *("order", "rma/read", "product_offer", "customer-invoice", "invoice/read", "awb"),
    *("addresses", "locality", "order/count", "category"),
)
REFUSALS = ("403", "401")
MOST_REFUSED = 2  # resources at once: who is refused more may pass for a refused caller
ITEM_FAULTS = ("500", "is_error", "404", "503", "400", "412", "422")
LEVELS = (1.0, 0.99, 0.5, 0.2)  # of the rows asked for that a page holds
PLAIN: dict[str, Any] = {
    "dates": {},
    "error_dates": "ok",
    "resource_faults": {},
    "item_faults": {},
}


def rows_on_a_page(level: int, page: int) -> int:
    """Return how many rows a page holds on a level, none below the least that is promised."""
    return max(page_size.SMALLEST, int(LEVELS[level] * page))


class WrongServer:
    """The part of the shop that goes wrong: a mixture of kinds, drawn for each story."""

    sandbox: Sandbox
    world: Shop

    def go_wrong(self, mixture: dict[str, dict[str, Any]], page: int) -> None:
        """Behave as the mixture says from now on; pages of `page` rows are asked for."""
        self.page = page
        self.kinds = set(mixture)
        self._knobs: dict[str, Any] = {}
        for knobs in mixture.values():
            self._knobs |= knobs
        if "page_caps" in self._knobs:
            self._knobs["page_caps"] = [
                rows_on_a_page(level, page) for level in self._knobs["page_caps"]
            ]
        if "item_faults" in self._knobs:
            reservations = self.world.reservation_ids()
            self._knobs["item_faults"] = {
                f"awb/{reservations[-1 - place % len(reservations)]}": fault
                for place, fault in self._knobs["item_faults"].items()
                if reservations
            }
        self.sandbox.set(**self._knobs)

    @property
    def no_date_is_right(self) -> bool:
        """Whether this machine's clock is the only one that may be right."""
        return 1.0 in self.sandbox.config.dates.values()

    def right_itself(self) -> None:
        """Refuse nothing any more, and date all replies well; all else is how this server is."""
        self.sandbox.set(**PLAIN)

    def go_wrong_again(self) -> None:
        """Date and refuse as the mixture says."""
        self.sandbox.set(**{name: self.knob(name) for name in PLAIN})

    def knob(self, name: str) -> Any:  # noqa: ANN401 - any knob
        """Return what the mixture says of a knob of `PLAIN`, or what it is without."""
        return self._knobs.get(name, PLAIN[name])

    def _refuse_a_resource(self, much: int, _: datetime) -> bool:
        if "refusals" not in self.kinds:
            return False
        resource = REFUSABLE[(much + self.world._luck()) % len(REFUSABLE)]
        refused = {**self.sandbox.config.resource_faults, resource: REFUSALS[much % len(REFUSALS)]}
        latest = list(refused.items())[-MOST_REFUSED:]
        self.sandbox.set(resource_faults=dict(latest))
        return True

    def _refuse_shipments(self, much: int, _: datetime) -> bool:
        if "shipments" not in self.kinds:
            return False
        reservations = self.world.reservation_ids()
        refused = dict(self.sandbox.config.item_faults)
        fault = ITEM_FAULTS[self.world._luck() % len(ITEM_FAULTS)]
        refused |= {f"awb/{reservation}": fault for reservation in reservations[-much::2]}
        self.sandbox.set(item_faults=refused)
        return bool(reservations)

    def _refuse_nothing(self, _: int, __: datetime) -> bool:
        config = self.sandbox.config
        refused = bool(config.resource_faults or config.item_faults)
        self.sandbox.set(resource_faults={}, item_faults={})
        return refused

    def _put_fewer_rows_on_a_page(self, much: int, _: datetime) -> bool:
        if "pages" not in self.kinds:
            return False
        least = min(self.sandbox.config.page_caps)
        lower = min(least, rows_on_a_page(much % len(LEVELS), self.page))
        self.sandbox.set(page_caps=[lower])
        return lower < least
