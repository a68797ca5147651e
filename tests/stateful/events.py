"""What may happen in a shop, and when: as the n-th request of a kind arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from emag_sandbox.api.log import RequestLog

if TYPE_CHECKING:
    from collections.abc import Callable

    from emag_sandbox import Request


class Event(NamedTuple):
    """Something that happens, and how much of it."""

    what: str
    much: int


class During(NamedTuple):
    """An event that happens when the n-th request of a resource arrives, before it is answered."""

    resource: str
    request: int
    event: Event


EVENTS = (
    *("change orders", "place orders", "import orders"),
    *("store late", "change late", "change a type"),
    *("change offers", "add offers", "withdraw offers", "bring an offer back"),
    *("take a change back", "take a change back"),
    *("open returns", "move returns", "close returns", "note on a return"),
    *("advance", "put back", "answer empty"),
    *("refuse a resource", "refuse shipments", "refuse nothing"),
    "put fewer rows on a page",
)
STEPS = (3, 17, 61, 603, 1807, 3671, 7207, 90_011, 800_009)  # seconds; no two times are alike


class WatchedLog(RequestLog):
    """Notes requests, and lets the shop live by them."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived: Callable[[Request], None] | None = None

    def append(self, request: Request) -> None:
        """Note a request, and tell of it before it is answered."""
        super().append(request)
        if self.arrived:
            self.arrived(request)
