"""The loop: run, kill, clean up, look; now and then a quiet run, after which all must be there."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tap_emag.ops.meltano.database import RUNNING, SUCCESS
from tests.crash.killed import KilledRun
from tests.crash.moments import moments
from tests.crash.promises import History, known_offers, rows_behind_the_state
from tests.crash.stage import PAIR
from tests.e2e.acceptance.comparison import differences
from tests.e2e.acceptance.other_truth import OtherTruth, ShopTruth, other_differences
from tests.e2e.acceptance.truth import Truth

if TYPE_CHECKING:
    import random

    from emag_sandbox.postgres.server import Postgres
    from tests.crash.moments import Moment
    from tests.crash.shop import MovingShop
    from tests.crash.stage import Stage

RETURNS = ("returns", "return_lines", "return_events")
SETTLED = 5.0  # seconds of a shop without changes, before a quiet run
LEAVING = 15.0  # seconds in which processes that were told to end may do so


@dataclass(frozen=True)
class Round:
    """A run, and what became of it."""

    moment: Moment
    killed: bool
    hung: bool
    seconds: float
    cleaned: int  # runs that the clean-up booked as failed
    ended: int  # processes that it ended
    files: int  # with passwords, that it removed
    state_moved: bool
    rows: int  # that it loaded


@dataclass
class Loop:
    """All rounds on one stage."""

    stage: Stage
    chance: random.Random
    rounds: list[Round] = field(default_factory=list)
    quiet: list[float] = field(default_factory=list)  # seconds
    twice: int = 0
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Draw the moments."""
        self.history = History(self.stage.shop)
        self._moments = moments(self.chance)

    @property
    def kills(self) -> int:
        """How many runs were killed so far."""
        return sum(each.killed for each in self.rounds)

    def kill(self, number: int) -> None:
        """Kill so many runs, one after the other, each at the next moment."""
        wanted, most = self.kills + number, len(self.rounds) + 2 * number
        while self.kills < wanted:
            self.stage.shop.between_runs()
            played = self._round(next(self._moments))
            assert self.wrong == [], f"after {played}: {self.wrong}"
            assert len(self.rounds) < most, "most runs were over before they could be killed"

    def _round(self, moment: Moment) -> Round:
        begin, stage, since = time.monotonic(), self.stage, datetime.now(timezone.utc)
        before = stage.state() if self.rounds else {}
        run = KilledRun(stage, moment)
        with stage.shop.busy():
            killed = run.play()
        report = stage.clean_up()
        run.meltano.poll()
        after = stage.state()
        self.history.follow(stage.server, before, after)
        self._look_around(after)
        played = Round(
            moment,
            killed,
            run.hung,
            time.monotonic() - begin,
            cleaned=len(report["cleaned"]),
            ended=sum(len(each["processes"]) for each in _ended(report)),
            files=len(report["removed_files"]),
            state_moved=before != after,
            rows=sum(stage.project.results.counts(since).values()),
        )
        self.rounds.append(played)
        print(played)  # noqa: T201 - if it fails
        return played

    def _look_around(self, state: dict[str, Any]) -> None:
        """Take down what should not be there after a clean-up."""
        stage = self.stage
        self.wrong += [
            f"run {run.id} is still under way" for run in stage.runs() if run.state == RUNNING
        ]
        until = time.monotonic() + LEAVING
        while (left := stage.processes()) and time.monotonic() < until:
            time.sleep(0.1)
        self.wrong += [f"{' '.join(process.cmdline())} lives on" for process in left]
        self.wrong += [f"{name} is left" for name in stage.passwords()]
        self.wrong += rows_behind_the_state(stage.server, stage.shop.sandbox.world, state)

    def quiet_run(self) -> list[str]:
        """Run once more while nothing happens; say what then is not as it should be."""
        stage, begin = self.stage, time.monotonic()
        shop = stage.shop.sandbox
        shop.clock.advance(SETTLED)
        before = stage.state()
        stage.clean_up()
        before_it = None
        while before_it != list(shop.world.returns()):  # some move on by themselves
            before_it = list(shop.world.returns())
            stage.project.run(*PAIR)
        self.quiet.append(time.monotonic() - begin)
        after = stage.state()
        self.history.follow(stage.server, before, after)
        self._look_around(after)
        assert stage.runs()[0].state == SUCCESS
        self.twice, wrong = self.history.twice(stage.server)
        assert known_offers(after).keys() == set(shop.world.offer_ids())
        untold = self.history.untold(stage.server)
        return [*self.wrong, *unlike_the_shop(stage.server, stage.shop), *wrong, *untold]


def unlike_the_shop(database: Postgres, shop: MovingShop) -> list[str]:
    """Say where orders, offers and returns differ from the shop; [] when they are equal."""
    world = shop.sandbox.world
    returns = OtherTruth.of(ShopTruth.of(world))
    return [
        *differences(database, Truth.of(world), current=True, gone=shop.withdrawn),
        *other_differences(database, returns, RETURNS),
    ]


def _ended(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [*report["cleaned"], *report["leftovers"]]
