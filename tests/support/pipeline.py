"""Some streams of the tap in this process, without request budgets, and the tables they fill."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.streams import vanished
from tests.stateful import runs
from tests.stateful.scale import REAL_PAGE, small
from tests.stateful.target import Lag, Target
from tests.support.api import config_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from emag_sandbox import Request
    from tests.stateful.runs import Run
    from tests.stateful.target import Row

PATIENCE = 20.0  # seconds that a slow machine may take for a reply
PROMPT = Lag(batch=10_000, ahead=0, dies=False)
WHOLE = runs.Ending("by itself", 0)


def shop(**knobs: Any) -> Sandbox:  # noqa: ANN401 - any knob
    """Return a small sandbox that keeps no budgets."""
    few: dict[str, Any] = {"orders": 0, "offers": 0, "returns": 0, "categories": 0}
    few |= {"localities": 0, "invoices": 0, "customer_invoices": 0, "limits": False}
    return Sandbox(SandboxConfig(**{**few, **knobs}))


class Pipeline:
    """The tap, its state and its target; each run goes on from the state before it."""

    def __init__(self, folder: Path, sandbox: Sandbox, streams: str, since: datetime) -> None:
        """Read these streams, named as a comma-separated list, from `since` on."""
        self.sandbox = sandbox
        self.target = Target()
        self.state: Row | None = None
        self._folder, self._streams, self._since = folder, streams.split(","), since

    def run(
        self,
        ending: runs.Ending = WHOLE,
        page: int = REAL_PAGE,
        look_again: float | None = None,
        **settings: Any,  # noqa: ANN401
    ) -> Run:
        """Run once, and keep the last state that the run has written.

        Where it looks again for rows that are missing, it waits `look_again` seconds, if given.
        """
        config = config_for(self.sandbox, state_dir=str(self._folder), **settings)
        self.sandbox.log.clear()
        with small(page), pytest.MonkeyPatch.context() as patch:
            patch.setattr(runs, "HUNG", PATIENCE)
            if look_again is not None:
                patch.setattr(vanished, "LOOK_AGAIN_SECONDS", look_again)
            machine = self.sandbox.clock.moment
            run = runs.run(config, self._since, self.state, ending, self._streams, machine)
        self.state = self.target.load(run.messages(), PROMPT).state or self.state
        return run

    def rows(self, stream: str) -> Iterable[Row]:
        """Return a table's rows."""
        return self.target.tables[stream].values()

    def asked(self, resource: str) -> Iterator[Request]:
        """Return the latest run's requests for a resource."""
        return (request for request in self.sandbox.log if request.resource == resource)

    def later(self, **span: float) -> None:
        """Let time pass in the shop."""
        self.sandbox.clock.advance(timedelta(**span).total_seconds())


def open_shipments(sandbox: Sandbox) -> list[int]:
    """Return the reservations that are named by returns which are still open."""
    still = set(sandbox.world.open_return_ids())
    rows = [row for row in sandbox.world.returns() if row["emag_id"] in still]
    return sorted(each["reservation_id"] for row in rows for each in row["awbs"])
