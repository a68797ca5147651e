"""Stories in which something was lost, each told once more as short as it can be."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox.shop import accounts
from tap_emag.api.server_clock import ENOUGH, machine_now
from tap_emag.errors import TargetGoneError
from tap_emag.state.store import StateStore
from tests.stateful import runs
from tests.stateful.events import During, Event
from tests.stateful.runs import Ending
from tests.stateful.scale import REAL_PAGE, small
from tests.stateful.shop import Shop
from tests.stateful.target import Lag, Target
from tests.support.stores import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from emag_sandbox import Request
    from emag_sandbox.marketplaces import Marketplace
    from tests.stateful.target import Row

SPRING = datetime(2025, 3, 30, 1, tzinfo=timezone.utc)  # 03:00 in Bucharest, which is then 04:00
DAY = 86_400  # seconds
PLAIN = datetime(2025, 6, 11, 9, tzinfo=timezone.utc)
PROMPT = Lag(batch=10_000, ahead=0, dies=False)
WHOLE = Ending("by itself", 0)


class Story:
    """A shop, its tap and its target."""

    def __init__(self, folder: Path, clock: datetime, since: int = 25, **knobs: Any) -> None:  # noqa: ANN401
        self.shop = Shop(clock, **{"orders": 0, "offers": 0, "returns": 0, **knobs})
        self.target = Target()
        self.state: Row | None = None
        self.error: BaseException | None = None
        self._folder = folder
        self._first = clock - timedelta(days=since)
        self._hooks: dict[tuple[str, int], Callable[[], object]] = {}
        self.machine = self.shop.sandbox.clock.moment  # what the tap's own clock shows

    def run(
        self,
        *plan: During,
        ending: Ending = WHOLE,
        **settings: Any,  # noqa: ANN401
    ) -> int:
        """Let the tap run, while things happen."""
        config = {
            **self.shop.settings(self._folder),
            "retry_max_attempts": 9,
            "settle_seconds": 2,
        }
        self.shop.live(plan)
        self._hook()
        run = runs.run(
            {**config, **settings}, self._first, self.state, ending, machine=self.machine
        )
        self.shop.rest()
        delivery = self.target.load(run.messages(), PROMPT)
        self.state = delivery.state or self.state
        self.error = run.error
        return run.code

    def at(self, resource: str, request: int, act: Callable[[], object]) -> None:
        """Act when the n-th request of a resource arrives in the next run."""
        self._hooks[resource, request] = act

    def fail(self, resource: str, request: int) -> None:
        """Let the n-th request of a resource be refused in the next run."""
        self.at(resource, request, lambda: self.shop.sandbox.set(fail_next=["400"]))

    def _hook(self) -> None:
        lives, hooks, counts = self.shop.log.arrived, dict(self._hooks), Counter[str]()
        self._hooks.clear()

        def arrived(request: Request) -> None:
            counts[request.resource] += 1
            hooks.get((request.resource, counts[request.resource]), int)()
            if lives:
                lives(request)

        self.shop.log.arrived = arrived

    def there(self, stream: str) -> set[Any]:
        """Return the ids of a table's rows."""
        return {row["emag_id" if stream == "returns" else "id"] for row in self.rows(stream)}

    def rows(self, stream: str) -> Iterable[Row]:
        """Return a table's rows."""
        return self.target.tables[stream].values()


@pytest.fixture(autouse=True)
def no_budgets() -> Iterator[None]:
    with small(REAL_PAGE):
        yield


@pytest.fixture
def pages_of_five() -> Iterator[None]:
    with small(5):
        yield


def test_the_look_back_reaches_over_the_hour_that_spring_skips(tmp_path: Path) -> None:
    story = Story(tmp_path, SPRING + timedelta(minutes=10))
    assert story.run() == 0
    late = story.shop.world.burst(3, SPRING - timedelta(minutes=30))
    assert story.run(order_lookback_seconds=3600) == 0
    assert story.there("orders") == {key[1] for key in late}


@pytest.mark.usefixtures("pages_of_five")
def test_an_offer_that_changes_while_the_clock_is_behind_keeps_each_version(
    tmp_path: Path,
) -> None:
    story = Story(tmp_path, PLAIN, offers=12)
    assert story.run() == 0
    story.shop.sandbox.clock.advance(-300)
    ids = story.shop.world.touch_offers(12)
    change, more = Event("change offers", 12), Event("add offers", 1)
    # The scan is not whole, so a second one sees all of them changed once more.
    again = During("product_offer", 5, change)
    assert story.run(During("product_offer", 4, more), again) == 0
    # The target would have refused to write one version over another.
    versions = [row for row in story.rows("product_history") if row["id"] in ids]
    assert len(versions) > 12 * 2


@pytest.mark.usefixtures("pages_of_five")
def test_an_offer_that_goes_while_the_clock_is_behind_is_told(tmp_path: Path) -> None:
    story = Story(tmp_path, PLAIN, offers=12)
    assert story.run() == 0
    story.shop.sandbox.clock.advance(-300)
    story.shop.world.touch_offers(12)
    assert story.run(During("product_offer", 4, Event("withdraw offers", 2))) == 0
    written = {row["id"]: row["changed_at"] for row in story.rows("products")}
    gone = [
        row for row in story.rows("product_deletions") if row["changed_at"] > written[row["id"]]
    ]
    assert {row["id"] for row in gone} == set(story.shop.gone)


def test_a_return_that_closes_behind_a_run_that_failed_is_read_once_more(tmp_path: Path) -> None:
    story = Story(tmp_path, PLAIN, orders=20, since=9)
    world = story.shop.world
    (opened,) = world.open_returns(1, at=PLAIN - timedelta(hours=1))
    world.return_book._opened[world.return_book.number(opened)] -= 100 * DAY
    # They are counted for the estimate. Its window, whether there are returns at all, and what is
    # new (looked at, counted, read) or acknowledged, are read; what has been received is not.
    story.fail("rma", 9)
    assert story.run() == 1
    assert story.there("returns") == {opened}
    world.close_returns([opened])
    assert story.run() == 0
    assert {row["request_status"] for row in story.rows("returns")} == {7}


@pytest.mark.usefixtures("pages_of_five")
def test_an_order_that_is_stored_late_hides_no_other_that_slips_between_pages(
    tmp_path: Path,
) -> None:
    story = Story(tmp_path, PLAIN, sort="id_asc")
    world = story.shop.world
    keys = world.burst(2, PLAIN - timedelta(days=20))
    for day in range(1, 20):
        keys += world.burst(1, PLAIN - timedelta(days=day))
    keys = [key for key in keys if key[0] == 3]
    while len(keys) < 20:
        keys += [key for key in world.burst(1, PLAIN - timedelta(days=3)) if key[0] == 3]
    settings: dict[str, Any] = {"order_types": [3], "max_concurrent_requests": 1}

    def slip() -> None:
        world.touch_orders(keys=keys[:1])
        world.place_order(story.shop.now - timedelta(seconds=30), type=3)

    story.at("order", 5, slip)
    assert story.run(**settings) == 0
    story.shop.sandbox.clock.advance(100)
    assert story.run(**settings) == 0
    assert {key[1] for key in keys} <= story.there("orders")


@pytest.mark.usefixtures("pages_of_five")
def test_a_machine_whose_clock_is_ahead_moves_no_bookmark_past_what_was_read(
    tmp_path: Path,
) -> None:
    story = Story(tmp_path, PLAIN, orders=40)
    settings: dict[str, Any] = {
        "order_types": [3],
        "order_lookback_seconds": 0,
        "max_concurrent_requests": 1,
    }
    placed = []

    def place() -> None:
        placed.extend(story.shop.world.burst(2))
        story.shop.sandbox.clock.advance(100)

    story.machine = machine_now
    assert story.run(**settings) == 0
    # Counts are of no use, so the window up to this machine's own today is read in parts.
    story.shop.sandbox.set(count_mode="broken")
    for request in range(2, 9 + ENOUGH - 1):  # its clock is doubted by some requests
        story.at("order", request, place)
    assert story.run(**settings) == 0
    assert story.run(**settings) == 0
    assert {key[1] for key in placed if key[0] == 3} <= story.there("orders")


def test_a_target_that_is_gone_before_the_first_message_is_told_as_such(tmp_path: Path) -> None:
    story = Story(tmp_path, PLAIN)
    assert story.run() == 0
    assert story.run(ending=Ending("target gone", 0)) == 1
    assert isinstance(story.error, TargetGoneError)


KILLED = Ending("killed", 10_000)  # behind its last message


def lose_the_state(story: Story) -> None:
    """Run to the end, and let nobody keep what the run says of itself."""
    kept = story.state
    assert story.run(ending=KILLED) != 0
    story.state = kept


def rows_of(story: Story, stream: str) -> list[Row]:
    """Return rows as they stand in the target, but for when they changed."""
    return [{name: row[name] for name in row if name != "changed_at"} for row in story.rows(stream)]


def test_an_offer_that_was_changed_around_a_kill_and_is_as_before_is_written(
    tmp_path: Path,
) -> None:
    story = Story(tmp_path, PLAIN, offers=3)
    assert story.run() == 0
    before = rows_of(story, "products")
    (changed,) = story.shop.world.touch_offers(1)
    lose_the_state(story)
    assert rows_of(story, "products") != before
    story.shop._show(changed, 0)
    assert story.run() == 0
    assert rows_of(story, "products") == before


def test_an_offer_that_was_told_as_gone_around_a_kill_and_is_back_is_written(
    tmp_path: Path,
) -> None:
    story = Story(tmp_path, PLAIN, offers=3)
    assert story.run() == 0
    (gone,) = story.shop.world.withdraw_offers(1)
    lose_the_state(story)
    story.shop._show(gone, 0)
    assert story.run() == 0
    (told,) = story.rows("product_deletions")
    (offer,) = (row for row in story.rows("products") if row["id"] == gone)
    assert offer["changed_at"] > told["changed_at"]


def test_an_offer_that_came_and_went_around_a_kill_is_told_as_gone(tmp_path: Path) -> None:
    story = Story(tmp_path, PLAIN, offers=3)
    assert story.run() == 0
    (new,) = story.shop.world.add_offers(1)
    lose_the_state(story)
    assert new in story.there("products")
    story.shop.world.withdraw_offers(ids=[new])
    assert story.run() == 0
    assert [row["id"] for row in story.rows("product_deletions")] == [new]


def test_an_offer_that_is_sent_in_vain_between_two_kills_is_written(tmp_path: Path) -> None:
    story = Story(tmp_path, PLAIN, offers=3)
    assert story.run() == 0
    before = rows_of(story, "products")
    (changed,) = story.shop.world.touch_offers(1)
    lose_the_state(story)
    story.shop._show(changed, 0)
    kept, target = story.state, story.target
    story.target = Target()  # nothing of this run arrives
    lose_the_state(story)
    story.state, story.target = kept, target
    assert rows_of(story, "products") != before
    assert story.run() == 0
    assert rows_of(story, "products") == before


def test_a_version_and_an_end_that_a_killed_run_has_told_stand_once(tmp_path: Path) -> None:
    story = Story(tmp_path, PLAIN, offers=9)
    assert story.run() == 0
    story.shop.world.touch_offers(4)
    story.shop.world.withdraw_offers(2)
    for _ in range(3):
        story.shop.sandbox.clock.advance(60)
        lose_the_state(story)
    told = dict(story.target.tables["product_history"])
    ends = dict(story.target.tables["product_deletions"])
    assert len(ends) == 2
    assert story.run() == 0
    assert story.target.tables["product_history"] == told
    assert story.target.tables["product_deletions"] == ends


def test_a_return_that_goes_back_to_what_it_was_around_a_kill_is_written(tmp_path: Path) -> None:
    story = Story(tmp_path, PLAIN, orders=20, since=9)
    world = story.shop.world
    (opened,) = world.open_returns(1, at=PLAIN - timedelta(hours=1))
    assert story.run() == 0
    number = world.return_book.number(opened)
    events = world.return_book._events[number]
    before = rows_of(story, "returns")
    world.close_returns([opened])
    lose_the_state(story)
    assert {row["request_status"] for row in story.rows("returns")} == {7}
    world.return_book._events[number] = events
    world.return_book._turns.clear()
    assert story.run() == 0
    assert rows_of(story, "returns") == before


def lose_the_journals(tmp_path: Path) -> None:
    StateStore(tmp_path).execute("DELETE FROM sent_rows")


def test_versions_follow_each_other_when_the_clock_is_put_back_and_the_journal_is_lost(
    tmp_path: Path,
) -> None:
    story = Story(tmp_path, PLAIN, offers=3)
    assert story.run() == 0
    lose_the_journals(tmp_path)
    story.shop.sandbox.clock.advance(-1800)
    (changed,) = story.shop.world.touch_offers(1)
    (gone,) = story.shop.world.withdraw_offers(ids=[min(story.there("products") - {changed})])
    assert story.run() == 0
    written = {row["id"]: row["changed_at"] for row in story.rows("products")}
    versions = [r["changed_at"] for r in story.rows("product_history") if r["id"] == changed]
    assert written[changed] == max(versions) > min(versions)
    (told,) = story.rows("product_deletions")
    assert told["changed_at"] > written[gone]


def test_a_clock_that_was_once_a_year_ahead_is_not_believed_for_ever(tmp_path: Path) -> None:
    story = Story(tmp_path, PLAIN, offers=3)
    assert story.run() == 0
    assert story.state is not None
    story.shop.sandbox.clock.advance(365 * DAY)
    story.shop.world.touch_offers(1)
    lose_the_state(story)
    story.shop.sandbox.clock.advance(-365 * DAY)
    (changed,) = story.shop.world.touch_offers(1)
    assert story.run() == 0
    (row,) = (row for row in story.rows("products") if row["id"] == changed)
    assert row["changed_at"] < PLAIN + timedelta(days=1)


@pytest.mark.parametrize("killed", [False, True])
def test_shipments_of_a_return_that_opens_before_a_kill_and_closes_behind_it_are_read(
    tmp_path: Path, *, killed: bool
) -> None:
    story = Story(tmp_path, PLAIN, orders=60, since=30)
    world = story.shop.world
    assert story.run() == 0
    opened = world.open_returns(12, at=story.shop.now)
    story.shop.sandbox.clock.advance(2 * DAY)
    if killed:
        lose_the_state(story)
    else:
        assert story.run() == 0
    assert len(list(story.rows("awbs"))) > 3
    world.close_returns(opened)
    story.shop.sandbox.clock.advance(6 * DAY)
    assert story.run() == 0
    for row in story.rows("awbs"):
        assert row["status_code"] == world.awb(row["reservation_id"])["status"]["code"]


def test_shipments_of_returns_that_had_closed_when_a_killed_run_sent_them_are_not_asked_for(
    tmp_path: Path,
) -> None:
    story = Story(tmp_path, PLAIN, orders=60, since=30)
    world = story.shop.world
    assert story.run() == 0
    opened = world.open_returns(12, at=story.shop.now)
    world.close_returns(opened)
    story.shop.sandbox.clock.advance(2 * DAY)
    lose_the_state(story)
    assert story.there("returns") == set(opened)
    story.shop.log.clear()
    assert story.run() == 0
    assert not [each for each in story.shop.log if each.resource == "awb"]


@pytest.mark.parametrize("killed", [False, True])
def test_a_return_that_opens_again_around_a_kill_is_read_however_old(
    tmp_path: Path, *, killed: bool
) -> None:
    story = Story(tmp_path, PLAIN, orders=60, since=30)
    world = story.shop.world
    (old,) = world.open_returns(1, at=PLAIN - timedelta(hours=1))
    world.close_returns([old])
    number = world.return_book.number(old)
    closed = world.return_book._events[number]
    story.shop.sandbox.clock.advance(1)
    assert story.run() == 0
    story.shop.sandbox.clock.advance(20 * DAY)
    for events, kill in ((tuple(e for e in closed if e.status < 4), killed), (closed, False)):
        world.return_book._events[number] = events
        world.return_book._turns.clear()
        kept = story.state
        ending = KILLED if kill else WHOLE
        assert (story.run(ending=ending, return_lookback_days=1) == 0) is not kill
        story.state = kept if kill else story.state
    (row,) = (row for row in story.rows("returns") if row["emag_id"] == old)
    assert row["request_status"] == world.return_(old)["request_status"]


def test_an_entry_of_a_list_that_changed_around_a_kill_and_is_as_before_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(tmp_path, PLAIN)
    settings: dict[str, Any] = {"metadata_cache_ttl_seconds": 0}
    assert story.run(**settings) == 0
    before = rows_of(story, "vat_rates")
    rates = accounts.vat_rates

    def changed(market: Marketplace) -> list[dict[str, Any]]:
        return [row | {"vat_rate": Decimal("0.5")} for row in rates(market)]

    kept = story.state
    with monkeypatch.context() as patch:
        patch.setattr(accounts, "vat_rates", changed)
        assert story.run(ending=KILLED, **settings) != 0
    story.state = kept
    assert rows_of(story, "vat_rates") != before
    assert story.run(**settings) == 0
    assert rows_of(story, "vat_rates") == before


def test_each_list_of_each_pipeline_has_a_journal_of_its_own(tmp_path: Path) -> None:
    story = Story(tmp_path, PLAIN, orders=60, offers=3, since=30)
    story.shop.world.open_returns(12, at=story.shop.now)
    story.shop.sandbox.clock.advance(2 * DAY)
    assert story.run() == 0
    store, query = StateStore(tmp_path), "SELECT DISTINCT pipeline, list FROM sent_rows"
    first = rows(store, query)
    lists = {name for _, name in first}
    assert {"products/offers", "returns/returns", "returns/awbs"} <= lists
    assert len(lists) == len(first)
    kept, story.state = story.state, None
    assert story.run() == 0
    story.state = kept
    assert story.run() == 0
    assert len(rows(store, query)) == 2 * len(first)


@pytest.mark.usefixtures("pages_of_five")
@pytest.mark.parametrize(
    ("request_", "knobs"),
    [
        (1, {"fail_next": ["no_envelope"]}),
        (2, {"fail_next": ["no_envelope"]}),
        (2, {"empty_next": {"customer-invoice": 1}}),
    ],
)
def test_an_empty_page_of_invoices_does_not_pass_for_the_end(
    tmp_path: Path, request_: int, knobs: dict[str, Any]
) -> None:
    story = Story(tmp_path, PLAIN, orders=40, customer_invoices=20, since=25)
    first = (PLAIN - timedelta(days=25)).date()
    wanted = {row["number"] for row in story.shop.world.customer_invoices() if row["date"] >= first}
    assert len(wanted) > 5
    story.at("customer-invoice", request_, lambda: story.shop.sandbox.set(**knobs))
    assert story.run() == 0
    assert {row["number"] for row in story.rows("customer_invoices")} == wanted


def test_a_limit_that_falls_while_a_list_without_counts_is_read_costs_no_row(
    tmp_path: Path,
) -> None:
    story = Story(tmp_path, PLAIN)
    story.at("addresses", 1, lambda: story.shop.sandbox.set(page_caps=[4]))
    story.at("addresses", 2, lambda: story.shop.sandbox.set(page_caps=[1]))
    assert story.run() == 0
    assert len(list(story.rows("addresses"))) == len(story.shop.world.addresses()) == 5


def read_invoices(story: Story, request: int, cap: int, least: int) -> None:
    """Read more than so many invoices of 25 days, with another page limit from a request on."""
    first = (PLAIN - timedelta(days=25)).date()
    wanted = {row["number"] for row in story.shop.world.customer_invoices() if row["date"] >= first}
    assert len(wanted) > least
    story.at("customer-invoice", request, lambda: story.shop.sandbox.set(page_caps=[cap]))
    assert story.run() == 0
    assert {row["number"] for row in story.rows("customer_invoices")} == wanted


@pytest.mark.parametrize("envelope", ["list", "results"])
@pytest.mark.parametrize("request_", [2, 3, 4])
def test_a_limit_that_rises_while_invoices_are_read_costs_none(
    tmp_path: Path, request_: int, envelope: str
) -> None:
    story = Story(
        tmp_path,
        PLAIN,
        orders=150,
        customer_invoices=110,
        invoice_envelope=envelope,
        page_caps=[25],
    )
    read_invoices(story, request_, 50, least=75)


@pytest.mark.parametrize("envelope", ["list", "results"])
@pytest.mark.parametrize("request_", [2, 3, 4])
@pytest.mark.usefixtures("pages_of_five")
def test_a_limit_that_falls_while_invoices_are_read_costs_none(
    tmp_path: Path, request_: int, envelope: str
) -> None:
    story = Story(tmp_path, PLAIN, orders=40, customer_invoices=20, invoice_envelope=envelope)
    read_invoices(story, request_, 2, least=10)
