"""Whatever happens, nothing is lost: a shop, the tap, a target, and all that may befall them.

A machine draws what happens, step by step: orders, offers and returns that change before and while
they are read; clocks that jump; replies that fail; runs that are killed, targets that lag; states
that are lost or brought back; settings that change. After each run it is checked that no bookmark
has passed an order that is not there, that a run which ended with 0 has brought all it should, and
that no secret was told. After a quiet run, now and then and at the end, the tables equal the truth,
and a third one writes nothing again but the orders of its look-back.

Each story draws a mixture of what a server may get wrong: dates, page sizes, counts, types, bounds,
refusals of resources and of shipments. A run in which a stream failed by itself has to bring all
others; one that ends with 0 must have met no refusal.

TAP_EMAG_LONG=1 plays thousands of stories; TAP_EMAG_LONG=300 that many.
"""

from __future__ import annotations

import base64
import os
import tempfile
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tap_emag.errors import EmagError
from tap_emag.state.store import StateStore
from tap_emag.streams import vanished
from tests.stateful import checks, draws, runs, said
from tests.stateful.checks import Begun, Chain
from tests.stateful.figures import Figures
from tests.stateful.runs import Ending
from tests.stateful.scale import small
from tests.stateful.shop import HISTORY_DAYS, PASSWORD, USER, Shop
from tests.stateful.target import Target
from tests.stateful.wall import WALL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tests.stateful.events import During, Event
    from tests.stateful.target import Lag, Row

LONG = int(os.environ.get("TAP_EMAG_LONG") or 0)
EXAMPLES = 20 if not LONG else LONG if LONG > 1 else 3000
STEPS = 16
LOUD = 3  # runs between two quiet ones at least
SECRETS = (PASSWORD, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())
FIGURES = Figures()

WHOLE = Ending("by itself", 0)
REFUSED = 3  # the code of a run whose caller eMAG refuses
if LONG:
    pytestmark = pytest.mark.timeout(0)  # thousands of stories take hours


class Machine(RuleBasedStateMachine):
    """A shop, the tap and a target."""

    def __init__(self) -> None:
        super().__init__()
        self._parts = ExitStack()
        self.target = Target()
        self.state: Row | None = None
        self.chain = Chain()
        self.kept: list[tuple[Row | None, Chain]] = [(None, Chain())]
        self.settings: dict[str, Any] = {
            "order_types": [3, 2],
            "order_lookback_seconds": 3600,
            "settle_seconds": 2,
            "return_lookback_days": 90,
            "max_concurrent_requests": 4,
        }
        self.journal: list[str] = []
        self.failed = False
        self.machine_error = 0  # seconds by which the tap's machine has a clock that is ahead
        self.loud = 0  # runs since the last quiet one
        self.again: Counter[str] = (
            Counter()
        )  # rows of the latest run that were there before, by stream
        FIGURES.add("stories")

    @initialize(given=draws.SHOPS)
    def open(self, given: dict[str, Any]) -> None:
        """Open a shop, some time before or after a night's change of the clock."""
        clock = given["night"] + timedelta(minutes=given["minutes"])
        self._parts.enter_context(small(given["page"]))
        patch = self._parts.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(vanished, "ROWS_AT_ONCE", 3)
        folder = self._parts.enter_context(tempfile.TemporaryDirectory())
        self.shop = Shop(clock, **given["knobs"])
        self.shop.go_wrong(given["mixture"], given["page"])
        for kind in given["mixture"]:
            FIGURES.add(f"went wrong: {kind}")
        self._parts.callback(self.shop.close)
        self.shop.lookback = self.settings["order_lookback_seconds"]
        self.folder = Path(folder)
        self.all = clock - timedelta(days=HISTORY_DAYS + 1)
        self.first = self.all
        self.tell(f"opened {given}")

    @rule(what=st.lists(draws.HAPPENINGS, min_size=1, max_size=4))
    def live(self, what: list[Event]) -> None:
        """Things happen in the shop."""
        for each in what:
            self.shop.happen(each)
        self.tell(f"live {what}")

    @rule(
        plan=draws.PLANS,
        broken=draws.FAULTS,
        ending=draws.ENDINGS,
        lag=draws.LAGS,
        dates=draws.DATES,
        lost=st.sampled_from([False, False, False, True]),
    )
    def run(
        self,
        plan: list[During],
        broken: list[tuple[int, str, int]],
        ending: Ending,
        lag: Lag,
        dates: list[tuple[int, str, int]],
        lost: bool,
    ) -> None:
        """The tap runs, while things happen and fail."""
        script: list[str] = []
        for calm, fault, times in broken:
            script += ["ok"] * calm + [fault] * times
        wrong: list[str] = []
        for calm, kind, times in dates:
            wrong += ["ok"] * calm + [kind] * times
        self.tell(f"broken {broken} dates {wrong}")
        self.shop.sandbox.set(fail_next=script, next_dates=wrong, error_dates="ahead")
        code = self._run(plan, ending, lag, keep=not lost)
        FIGURES.add(f"exit codes: {code}")
        FIGURES.add("wrong dates", sum(each != "ok" for each in wrong))
        error_dates = self.shop.knob("error_dates")
        self.shop.sandbox.set(fail_next=[], next_dates=[], error_dates=error_dates)

    @rule(plan=draws.PLANS)
    def run_to_the_end(self, plan: list[During]) -> None:
        """The tap runs while things happen, and nothing fails."""
        code = self._run(plan, Ending("by itself", 0), draws.PROMPT)
        self._held(said.blamed(self.shop.log) if code == REFUSED else [])
        FIGURES.add(f"exit codes: {code}")

    @precondition(lambda self: self.loud > LOUD)
    @rule()
    def run_in_quiet(self) -> None:
        """The tap runs while nothing happens, and the tables are equal to the truth."""
        self._run_in_quiet(runs_after=0)

    def _run_in_quiet(self, runs_after: int) -> None:
        self.loud = 0
        self.shop.settle()
        self.shop.right_itself()
        self.tell("quiet")
        with StateStore(self.folder) as store:  # as `emag-ops limits --close-breakers` does it
            store.execute("DELETE FROM circuit_breakers")
        types, first, error = self.settings["order_types"], self.first, self.machine_error
        self.machine_error = 0
        self.settings["order_types"] = sorted(types) if len(types) > 1 else [3, 2]
        self.settings["allow_mass_deletion"] = True
        begun = self._begin()
        code = self._run([], WHOLE, draws.PROMPT)
        self._held(["a run in quiet did not end well"] * (code != 0))
        self._held(checks.differences(self.shop, self.target, begun, self.chain))
        for _ in range(runs_after):
            code = self._run([], WHOLE, draws.PROMPT)
            self._held(["a further run in quiet did not end well"] * (code != 0))
        # The first run after a lost state reads no invoice before `start_date`; the next one looks
        # back from its bookmark, and beyond.
        self._held(said.told_again(self.again) if runs_after > 1 else [])
        self.settings["order_types"], self.first, self.machine_error = types, first, error
        del self.settings["allow_mass_deletion"]
        self.shop.go_wrong_again()
        self.shop.go_on()
        FIGURES.add("quiet runs")

    @rule(given=draws.SETTINGS)
    def change_settings(self, given: dict[str, Any]) -> None:
        """Somebody changes the settings; but the look-back covers what was stored late."""
        days = given["days"]
        self.first = self.all if days is None else self.shop.opened - timedelta(days=days)
        late = max((each.behind for each in self.shop.late.values()), default=0.0)
        # While the clock is behind, what happens now is as late.
        late = max(late, self.shop.newest - self.shop.now.timestamp())
        self.shop.lookback = max(given["look_back"], int(late) + 1 if late else 0)
        self.settings |= given["settings"] | {"order_lookback_seconds": self.shop.lookback}
        self.tell(f"start {self.first}")
        FIGURES.add("settings changed")

    @rule(error=draws.MACHINES)
    def set_the_machines_clock(self, error: int) -> None:
        """The clock of the tap's machine is wrong from now on, or is put right."""
        self.machine_error = error
        self.tell(f"the machine's clock is {error} s ahead")
        FIGURES.add("machines' clocks set")

    @rule(which=st.integers(0, 20))
    def bring_back_a_state(self, which: int) -> None:
        """The state is lost, or an older one is brought back."""
        self.state, self.chain = self.kept[which % len(self.kept)]
        if self.state is None:
            # One from before the loss knows nothing of runs that had none, and were killed.
            del self.kept[1:]
        self.tell(f"state {self.state} {self.chain}")
        FIGURES.add("states brought back")

    def teardown(self) -> None:
        """End each story in quiet, and with everything read anew."""
        try:
            if hasattr(self, "shop") and not self.failed:
                self._run_in_quiet(runs_after=2)
                for name, number in self.shop.happened.items():
                    FIGURES.add(f"happened: {name}", number)
        finally:
            self._parts.close()

    def tell(self, what: str) -> None:
        """Write into the journal, which is shown if the story fails."""
        FIGURES.add("steps")
        now = self.shop.now
        self.journal.append(f"{now:%Y-%m-%d %H:%M:%S} UTC, {now.astimezone(WALL):%H:%M} {what}")

    def _held(self, found: list[str]) -> None:
        """Fail with the whole story if anything was found."""
        self.failed = bool(found)
        if found:
            story = "\n".join([*self.journal, "", *found])
            pytest.fail(f"this is the story:\n{story}", pytrace=False)

    def _begin(self) -> Begun:
        types = list(self.settings["order_types"])
        # Nothing is read beyond the earlier clock; one reply that is behind may count among few.
        config = self.shop.sandbox.config
        behind = float(-min(0, self.machine_error))
        is_behind = "behind" in config.next_dates or "behind" in config.dates
        behind += config.date_error if is_behind else 0
        now = self.shop.now - timedelta(seconds=behind)
        invoices = self.shop.invoices()
        return Begun(now, self.shop.era, types, self.chain, self.first, invoices)

    def _machine_now(self) -> datetime:
        # One clock at least is not ahead: where all replies may be, this machine's is not.
        error = min(0, self.machine_error) if self.shop.no_date_is_right else self.machine_error
        return self.shop.sandbox.clock.moment() + timedelta(seconds=error)

    def _run(self, plan: list[During], ending: Ending, lag: Lag, *, keep: bool = True) -> int:
        shop = self.shop
        shop.log.clear()
        shop.moved.clear()
        shop.era += 1
        self.loud += 1
        begun = self._begin()
        config = {
            **shop.settings(self.folder),
            **self.settings,
            "stall_timeout_seconds": 60,
            "retry_max_attempts": 20 if ending is WHOLE else 5,
        }
        shop.known = {"product_offer": len(self.chain.offers), "rma": len(self.chain.returns)}
        if min(shop.known.values()) <= vanished.ROWS_AT_ONCE:
            shop.sandbox.set(empty_next={})
        shop.live(plan)
        run = runs.run(config, self.first, self.state, ending, machine=self._machine_now)
        shop.rest()
        shop.era += 1
        FIGURES.add("runs")
        FIGURES.asked(shop.log)
        FIGURES.add("messages", len(run.lines))
        FIGURES.add(f"ended: {ending.how}")
        told = [*(line.decode() for line in run.lines), run.log]
        self._held(said.told_secrets(told, SECRETS))
        self.tell(f"run {self.settings} {plan} {ending} {lag} {keep=}: {run.code} {run.error!r}")
        messages = run.messages()
        records = [
            (each["stream"], each["record"]) for each in messages if each["type"] == "RECORD"
        ]
        self.again = Counter(name for name, row in records if self.target.holds(name, row))
        asked = Counter(each.resource for each in shop.log)
        written = Counter(name for name, _ in records)
        self.tell(f"  wrote {dict(written)}, asked {dict(asked)}")
        delivery = self.target.load(messages, lag)
        if run.code == 0:
            self._held(said.unsaid(run, shop.log))
        contained = run.code == 1 and isinstance(run.error, EmagError) and run.error.contained
        if (run.code == 0 or contained) and delivery.complete:
            self._held(checks.left_out(shop, self.target, begun, said.failed(run)))
            FIGURES.add("runs in which a stream failed by itself", int(contained))
        if delivery.state is not None and keep:
            self.chain = self.chain.after(self.first, delivery)
            self.state = delivery.state
            self.kept.append((self.state, self.chain))
            if run.code == 0 and delivery.complete:
                shop.forget_late(begun.now, begun.era, begun.types)
        self._held(checks.late_or_lost(shop, self.target, self.state, self.chain))
        return run.code


@pytest.fixture(scope="module", autouse=True)
def told_figures() -> Iterator[None]:
    """Tell at the end of a long run what was done."""
    yield
    if LONG:
        print(f"\n{FIGURES.told()}")  # noqa: T201 - it is what a long run is for


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    # Threads and sockets never take the same turns twice: shrinking a story leads astray. A story
    # that fails is told instead, see `Machine._held`.
    phases=[Phase.generate],
    report_multiple_bugs=False,
    derandomize=not LONG,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
