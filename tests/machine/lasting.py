"""Returns and shipments that stay as they are when the shop's clock is put back.

The sandbox works out from its clock what a return has come to. So where the clock is put back, a
return would be received once more that was finalized already: no marketplace does that. And if the
state of the run that saw it is lost, the return, when it is finalized again, is just as the last
state knows it, and nothing can tell that the target holds another version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_emag.sandbox.awbs import AwbBook
from tap_emag.sandbox.returns import ReturnBook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_emag.sandbox.returns import ReturnQuery
    from tap_emag.sandbox.world import World


def let_last(world: World) -> None:
    """Let the returns and shipments of a world know no way back; before anybody asks for them."""
    world.return_book = LastingReturns(world.config, world.order_book, world.now())
    world.awb_book = LastingAwbs(world.config.seed, world.return_book)


class LastingReturns(ReturnBook):
    """Returns as of the latest instant that anybody has asked for."""

    latest = 0

    def at(self, now: int) -> int:
        """Return the latest instant so far."""
        self.latest = max(self.latest, now)
        return self.latest

    def status(self, number: int, now: int) -> int:
        """Return a status that no earlier one follows."""
        return super().status(number, self.at(now))

    def version(self, number: int, now: int) -> tuple[int, int]:
        """Return what differs whenever the row does."""
        return super().version(number, self.at(now))

    def row(self, number: int, now: int) -> dict[str, Any]:
        """Return a row that no earlier one follows."""
        return super().row(number, self.at(now))

    def touch(self, numbers: Iterable[int], instant: int) -> list[int]:
        """Let some returns go on from where they are."""
        return super().touch(numbers, self.at(instant))

    def close(self, numbers: Iterable[int], instant: int) -> list[int]:
        """Let some returns end from where they are."""
        return super().close(numbers, self.at(instant))

    def select(
        self, query: ReturnQuery, now: int, sort: str, shown: Callable[[int], int]
    ) -> list[int]:
        """Return what is asked for, as it is as of the latest instant."""
        return super().select(query, self.at(now), sort, shown)


class LastingAwbs(AwbBook):
    """Shipments as of the latest instant that anybody has asked for."""

    _returns: LastingReturns

    def __init__(self, seed: int, returns: LastingReturns) -> None:
        super().__init__(seed, returns)

    def reservations(self, now: int) -> Iterator[int]:
        """Yield the shipments there are, which no earlier ones follow."""
        return super().reservations(self._returns.at(now))

    def row(self, reservation_id: int, now: int) -> dict[str, Any]:
        """Return a row that no earlier one follows."""
        return super().row(reservation_id, self._returns.at(now))
