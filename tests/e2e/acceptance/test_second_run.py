"""After the first run only what changed is written, and what is gone is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.e2e.acceptance.comparison import differences, written
from tests.e2e.acceptance.truth import ORDER_TABLES, Truth

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.acceptance.conftest import Place
    from tests.e2e.acceptance.truth import Row
    from tests.support.meltano_project import MeltanoProject

pytestmark = pytest.mark.meltano

NOW = datetime(2025, 11, 10, 12, 0, tzinfo=timezone.utc)
LOOK_BACK = timedelta(hours=1)
OFFER_TABLES = ("products", "product_history", "product_deletions")
OFFERS = 120
CHANGED, WITHDRAWN = 25, 3


@dataclass
class Chapter:
    """One run: what it wrote, and what was true and known after it."""

    rows: dict[str, list[Row]]
    truth: Truth
    bookmarks: dict[str, Any]


@dataclass
class Story:
    """A shop's runs, one after the other, by name."""

    place: Place
    shop: Sandbox
    project: MeltanoProject
    chapters: dict[str, Chapter] = field(default_factory=dict)
    changed: list[int] = field(default_factory=list)
    withdrawn: list[int] = field(default_factory=list)
    returned: int = 0

    def tell(self, name: str, **settings: Any) -> None:  # noqa: ANN401 - a setting of the tap
        """Run once."""
        begin = datetime.now(timezone.utc)
        self.project = self.place.load(self.shop, **settings)
        rows = {
            table: written(self.place.database, table, begin)
            for table in (*ORDER_TABLES, *OFFER_TABLES)
        }
        bookmarks = self.project.state()["bookmarks"]
        self.chapters[name] = Chapter(rows, Truth.of(self.shop.world), bookmarks)


@pytest.fixture(scope="module")
def story(new_place: Callable[[], Place]) -> Story:
    place = new_place()
    with Sandbox(SandboxConfig(orders=300, offers=OFFERS, history_days=30, clock=NOW)) as shop:
        world = shop.world
        world.burst(5, at=NOW - timedelta(minutes=30))
        world.burst(5, at=NOW - timedelta(hours=2))
        # The bookmark stays two minutes behind the clock: let nothing be newer than that.
        shop.clock.advance(600)
        story = Story(place, shop, place.project(shop))
        story.tell("first")
        story.tell("without look-back", order_lookback_seconds=0)
        story.tell("unchanged")
        story.withdrawn = world.withdraw_offers(WITHDRAWN)
        story.changed = world.touch_offers(CHANGED)
        story.tell("changed")
        story.returned = story.withdrawn[0]
        _bring_back(shop, story.returned)
        story.tell("returned")
    return story


def test_the_first_run_writes_everything(story: Story) -> None:
    first = story.chapters["first"]
    counts = {table: len(rows) for table, rows in first.rows.items()}
    assert counts == {
        **{table: len(rows) for table, rows in first.truth.tables.items()},
        "product_history": OFFERS,
        "product_deletions": 0,
    }
    assert {row["change"] for row in first.rows["product_history"]} == {"created"}


def test_a_second_run_without_look_back_writes_nothing(story: Story) -> None:
    assert {
        table: rows for table, rows in story.chapters["without look-back"].rows.items() if rows
    } == {}


def test_a_second_run_writes_the_orders_of_the_last_hour_only(story: Story) -> None:
    chapter = story.chapters["unchanged"]
    begun = {
        part["context"]["type"]: datetime.fromisoformat(part["replication_key_value"]) - LOOK_BACK
        for part in story.chapters["without look-back"].bookmarks["orders"]["partitions"]
    }
    expected = {
        (row["type"], row["id"])
        for row in chapter.truth.tables["orders"].values()
        if row["modified"] > begun[row["type"]]
    }
    assert 5 <= len(expected) < 20
    assert {(row["type"], row["id"]) for row in chapter.rows["orders"]} == expected
    assert {(row["order_type"], row["order_id"]) for row in chapter.rows["order_lines"]} == expected


def test_a_second_run_writes_no_offer(story: Story) -> None:
    assert [story.chapters["unchanged"].rows[table] for table in OFFER_TABLES] == [[], [], []]


def test_each_changed_offer_is_written_once_and_kept_in_its_history(story: Story) -> None:
    rows = story.chapters["changed"].rows
    assert len(story.changed) == CHANGED
    assert sorted(row["id"] for row in rows["products"]) == sorted(story.changed)
    assert sorted(row["id"] for row in rows["product_history"]) == sorted(story.changed)
    assert {row["change"] for row in rows["product_history"]} == {"updated"}


def test_a_version_in_the_history_is_the_offer_as_it_was(story: Story) -> None:
    before, after = story.chapters["first"], story.chapters["changed"]
    names = ("sale_price", "general_stock", "estimated_stock", "status", "buy_button_rank")
    for chapter in (before, after):
        truth = {row["id"]: row for row in chapter.truth.tables["products"].values()}
        for row in chapter.rows["product_history"]:
            assert [row[name] for name in names] == [truth[row["id"]][name] for name in names]


def test_withdrawn_offers_are_told_and_no_others(story: Story) -> None:
    rows = story.chapters["changed"].rows["product_deletions"]
    assert sorted(row["id"] for row in rows) == sorted(story.withdrawn)
    assert len(story.withdrawn) == WITHDRAWN


def test_an_offer_that_comes_back_is_current_again(story: Story) -> None:
    rows = story.chapters["returned"].rows
    assert [row["id"] for row in rows["products"]] == [story.returned]
    assert [(row["id"], row["change"]) for row in rows["product_history"]] == [
        (story.returned, "created")
    ]
    assert rows["product_deletions"] == []
    story.project.run("emag-ops:create-views")
    query = "SELECT product_id FROM emag_marts.dim_offers WHERE gone_at IS NULL"
    with story.place.database.connect() as connection:
        current = {row[0] for row in connection.execute(query)}
    truth = story.chapters["returned"].truth.tables["products"].values()
    assert current == {row["id"] for row in truth}
    assert story.returned in current


def test_in_the_end_the_tables_equal_the_truth(story: Story) -> None:
    gone = set(story.withdrawn) - {story.returned}
    truth = story.chapters["returned"].truth
    assert differences(story.place.database, truth, gone=gone) == []


def _bring_back(shop: Sandbox, offer_id: int) -> None:
    """Put a withdrawn offer up again."""
    world = shop.world
    number = world.offer_book._catalogue.number(offer_id)
    assert number is not None
    with world.lock:
        world.offer_book.touch([number])
