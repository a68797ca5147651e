"""Returns, shipments, reference lists, invoices, estimates and codes: each field, and each run."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.e2e.acceptance.comparison import stored, written
from tests.e2e.acceptance.other_truth import (
    CODES,
    KEYS,
    LEFT_OUT,
    OF_INVOICES,
    OF_OFFERS,
    OF_RETURNS,
    OtherTruth,
    ShopTruth,
    other_differences,
)
from tests.e2e.acceptance.truth import Json
from tests.support.meltano_project import MeltanoProject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.acceptance.conftest import Place
    from tests.e2e.acceptance.truth import Row

pytestmark = pytest.mark.meltano

# The tap asks for invoices up to its own today, so that the shop lives in the present.
NOW = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(minutes=5)
EVERYTHING = ["*.*"]
SETTINGS: dict[str, Any] = {
    "start_date": f"{NOW - timedelta(days=62):%Y-%m-%d}",
    "_select": EVERYTHING,
}
LISTS = {
    *("category", "vat", "handling_time", "locality", "courier_accounts", "addresses"),
    "awb/package",
}
# All that is read from lists, but for what is written as often as it is read: a request for each
# offer or category brings estimates and values, and nothing remembers what they were.
OF_LISTS = [
    *("vat_rates.*", "handling_times.*", "localities.*", "courier_accounts.*", "addresses.*"),
    "awb_packages.*",
    *("categories.*", "category_characteristics.*", "category_family_types.*"),
    *("invoice_categories.*", *(f"{table}.*" for table in CODES)),
]
# What the sandbox has no value for: eMAG has deprecated it, or nobody has ever seen one.
NEVER_FILLED = {
    *("id", "invoice_number", "customer_email"),
    *("payment_due_date", "name", "region4", "region4_latin", "extra"),
}


def open_shop(**knobs: Any) -> Sandbox:  # noqa: ANN401 - whatever a knob takes
    few: dict[str, Any] = {
        "orders": 120,
        "offers": 6,
        "returns": 25,
        "categories": 8,
        "localities": 20,
    }
    few |= {"invoices": 6, "customer_invoices": 12, "history_days": 60, "foreign_awb_share": 0.1}
    shop = Sandbox(SandboxConfig(clock=NOW, **{**few, **knobs}))
    # So that some returns are open, and some shipments under way.
    shop.world.open_returns(5, at=NOW - timedelta(days=4))
    return shop


def load(
    place: Place,
    shop: Sandbox,
    *,
    prepared: bool = True,
    **settings: Any,  # noqa: ANN401
) -> MeltanoProject:
    """Run the pipeline once, with no settings but these: a shop so calm needs no other pauses."""
    project = MeltanoProject(
        place.folder,
        place.database,
        shop.url,
        plugins=place.plugins,
        forked=place.forked,
        **{**SETTINGS, **settings},
    )
    first = ["emag-ops:prepare-tables"] if prepared else []
    project.run(*first, "tap-emag", "target-postgres")
    return project


@dataclass
class Chapter:
    """One run: what it asked for, what it wrote, and what was true after it."""

    asked: set[str]
    rows: dict[str, list[Row]]
    truth: OtherTruth


@dataclass
class Story:
    """A shop's runs, one after the other, by name."""

    place: Place
    shop: Sandbox
    chapters: dict[str, Chapter] = field(default_factory=dict)
    moving: set[int] = field(default_factory=set)
    touched: list[int] = field(default_factory=list)
    closed: int = 0
    differences: dict[str, list[str]] = field(default_factory=dict)
    codes: dict[str, list[Row]] = field(default_factory=dict)

    def tell(self, name: str, **settings: Any) -> None:  # noqa: ANN401 - a setting of the tap
        """Run once."""
        begin = datetime.now(timezone.utc)
        self.shop.log.clear()
        self.moving |= set(self.shop.world.open_return_ids())
        load(self.place, self.shop, **settings)
        rows = {table: written(self.place.database, table, begin) for table in (*KEYS, *CODES)}
        asked = {request.resource for request in self.shop.log}
        truth = OtherTruth.of(ShopTruth.of(self.shop.world, self.moving))
        self.chapters[name] = Chapter(asked, rows, truth)


@pytest.fixture(scope="module")
def story(new_place: Callable[[], Place]) -> Iterator[Story]:
    returns = ["return*.*", "awb*.*"]
    with open_shop(returns=60, categories=24, customer_invoices=40) as shop:
        world = shop.world
        story = Story(new_place(), shop)
        story.tell("first")
        first = story.chapters["first"].truth
        story.differences = {
            table: other_differences(story.place.database, first, [table]) for table in KEYS
        }
        story.codes = {table: stored(story.place.database, table) for table in CODES}
        story.tell("again", _select=[*EVERYTHING, *(f"!{table}.*" for table in OF_OFFERS)])
        story.tell("without cache", metadata_cache_ttl_seconds=0, _select=OF_LISTS)
        story.touched = world.touch_returns(3)
        story.tell("touched", _select=returns)
        story.closed = next(id_ for id_ in world.open_return_ids() if id_ not in story.touched)
        world.close_returns([story.closed])
        story.tell("closed", _select=returns, return_lookback_days=1)
        yield story


@pytest.mark.parametrize("table", KEYS)
def test_a_table_equals_the_truth(story: Story, table: str) -> None:
    assert story.chapters["first"].truth.tables[table]
    assert story.differences[table] == []


def test_the_truth_has_a_value_for_every_column(story: Story) -> None:
    empty = {
        name
        for rows in story.chapters["first"].truth.tables.values()
        for name in next(iter(rows.values()))
        if not any(_filled(row[name]) for row in rows.values())
    }
    assert empty <= NEVER_FILLED


def test_what_a_reply_may_leave_out_is_there_mostly(story: Story) -> None:
    rows = stored(story.place.database, "category_characteristics")
    for name in LEFT_OUT:
        assert sum(row[name] is not None for row in rows) > len(rows) / 2


@pytest.mark.parametrize("table", CODES)
def test_a_code_list_is_loaded(story: Story, table: str) -> None:
    rows = story.codes[table]
    assert {row["code"] for row in rows} == CODES[table]
    assert len(rows) == len(CODES[table])
    assert all(row["label"] for row in rows)


def test_all_rows_of_a_return_carry_its_fingerprint(story: Story) -> None:
    versions = {
        row["emag_id"]: row["fingerprint"] for row in stored(story.place.database, "returns")
    }
    assert all(versions.values())
    assert len(set(versions.values())) == len(versions)
    for table in ("return_lines", "return_events"):
        for row in story.chapters["first"].rows[table]:
            assert row["fingerprint"]
    # A change may leave rows of an older version behind; the truth's rows are all of the newest.
    last = story.chapters["closed"].truth.tables
    for table in ("return_lines", "return_events"):
        for row in stored(story.place.database, table):
            key = tuple(row[name] for name in ("marketplace", "account_type", *KEYS[table].split()))
            if key in last[table]:
                assert row["fingerprint"] == versions[row["return_emag_id"]]


def test_a_second_run_asks_for_no_list_and_writes_nothing(story: Story) -> None:
    chapter = story.chapters["again"]
    assert chapter.asked
    assert chapter.asked.isdisjoint(LISTS)
    assert {table: len(rows) for table, rows in chapter.rows.items() if rows} == {}


def test_without_the_cache_lists_are_asked_for_and_still_not_written(story: Story) -> None:
    chapter = story.chapters["without cache"]
    assert chapter.asked >= LISTS
    assert {table: len(rows) for table, rows in chapter.rows.items() if rows} == {}


def test_touched_returns_are_written_again_and_no_others(story: Story) -> None:
    chapter = story.chapters["touched"]
    assert len(story.touched) == 3
    assert sorted(row["emag_id"] for row in chapter.rows["returns"]) == sorted(story.touched)
    for table in ("return_lines", "return_events"):
        assert {row["return_emag_id"] for row in chapter.rows[table]} == set(story.touched)
    assert {row["return_emag_id"] for row in chapter.rows["awbs"]} <= set(story.touched)


def test_a_return_that_closes_behind_the_look_back_is_caught(story: Story) -> None:
    chapter = story.chapters["closed"]
    (row,) = chapter.rows["returns"]
    assert row["emag_id"] == story.closed
    assert row["request_status"] == 7
    assert row["date"].replace(tzinfo=timezone.utc) < NOW - timedelta(days=2)


def test_in_the_end_returns_equal_the_truth(story: Story) -> None:
    truth = story.chapters["closed"].truth
    assert other_differences(story.place.database, truth, OF_RETURNS) == []


def test_tables_equal_the_truth_when_all_is_text_and_keys_are_new(
    new_place: Callable[[], Place],
) -> None:
    place = new_place()
    envelopes = {"invoice_envelope": "bare", "row_envelope": "bare"}
    with open_shop(scalars="strings", unknown_keys=True, **envelopes) as shop:
        load(place, shop)
        shop.set(limits=False)
        truth = OtherTruth.of(ShopTruth.of(shop.world).add_unannounced(shop))
    assert sum(row["extra"].value is not None for row in _all(truth)) > 20
    assert other_differences(place.database, truth) == []


@pytest.mark.parametrize(("envelope", "scalars"), [("list", "mixed"), ("mixed", "native")])
def test_invoices_equal_the_truth_in_any_envelope(
    new_place: Callable[[], Place], envelope: str, scalars: str
) -> None:
    place = new_place()
    with open_shop(scalars=scalars, invoice_envelope=envelope) as shop:
        select = [f"{table}.*" for table in OF_INVOICES]
        project = load(place, shop, prepared=False, _select=select)
        truth = OtherTruth.of(ShopTruth.of(shop.world))
    assert set(project.results.counts()) == set(OF_INVOICES)
    assert other_differences(place.database, truth, OF_INVOICES) == []


def test_a_wrong_value_would_be_noticed(story: Story) -> None:
    truth = story.chapters["closed"].truth
    spoiled = {
        "returns": ["customer_name = customer_name || ' '", "date = date + interval '1 second'"],
        "awbs": ["weight = weight + 1", "return_emag_id = NULL"],
        "localities": ["zipcode = NULL", "modified = NULL"],
    }
    for table, changes in spoiled.items():
        known = len(other_differences(story.place.database, truth, [table]))
        for change in changes:
            with story.place.database.connect() as connection:
                column = change.partition(" ")[0]
                connection.execute(
                    f"UPDATE emag.{table} SET {change} WHERE ctid ="
                    f" (SELECT min(ctid) FROM emag.{table} WHERE {column} IS NOT NULL)"
                )
            found = len(other_differences(story.place.database, truth, [table]))
            assert found == known + 1, change
            known = found


def _all(truth: OtherTruth) -> Iterator[Row]:
    for rows in truth.tables.values():
        yield from (row for row in rows.values() if "extra" in row)


def _filled(value: object) -> bool:
    if isinstance(value, Json):
        value = value.value
    return value not in (None, "", [], {})
