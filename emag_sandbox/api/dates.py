"""Sets the `Date` of a reply: the right one, or that of a wrong clock."""

from __future__ import annotations

from email.utils import formatdate
from random import Random
from typing import TYPE_CHECKING, Final

from emag_sandbox.shop.seeded_random import mix

if TYPE_CHECKING:
    from aiohttp import web

    from emag_sandbox.config import SandboxConfig
    from emag_sandbox.shop.shop import Shop

GARBAGE: Final = "half past nine"
ABSENT: Final = "absent"  # aiohttp adds a Date where there is none, so it is taken off at the end


class Dates:
    """Decides which Date each reply carries, the same way each time for a seed."""

    def __init__(self, world: Shop, config: SandboxConfig) -> None:
        """Decide by the present values of the knobs."""
        self._world, self._config = world, config
        self._turn = 0

    def header(self, *, good: bool) -> str:
        """Return the Date of the next reply; every reply is `good` except error pages."""
        kind = self._next() if good else self._config.error_dates
        now = self._world.clock.now()
        if kind in ("ahead", "behind"):
            now += self._config.date_error * (1 if kind == "ahead" else -1)
        if kind == "local":
            now += self._world.local.offset(int(now))
        plain = {"absent": ABSENT, "garbage": GARBAGE}
        return plain.get(kind) or formatdate(now, usegmt=True)

    def _next(self) -> str:
        config = self._config
        if config.next_dates:
            return config.next_dates.pop(0)
        self._turn += 1
        luck = Random(mix(config.seed, 92, self._turn)).random()
        for kind, share in config.dates.items():
            luck -= share
            if luck < 0:
                return kind
        return "ok"


async def leave_out(_: web.Request, response: web.StreamResponse) -> None:
    """Remove the Date of a reply that must have none, after all other headers are set."""
    if response.headers.get("Date") == ABSENT:
        del response.headers["Date"]
