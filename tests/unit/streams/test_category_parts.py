"""Parts of categories come from the list, or from a read of each category; languages, countries."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox.shop.categories import CategoryBook
from tap_emag.errors import SkippedItemsError
from tap_emag.streams.reference import category_details
from tests.stateful.runs import Ending
from tests.support.pipeline import Pipeline, shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emag_sandbox import Sandbox

PAST = datetime.now(timezone.utc) - timedelta(days=30)  # no clock is ahead of this machine's
STREAMS = "categories,category_characteristics,category_family_types"
PARTS = ("category_characteristics", "category_family_types")
AGAIN: dict[str, Any] = {"metadata_cache_ttl_seconds": 0}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with shop(categories=24, localities=60, clock=PAST, clock_speed=0.0) as sandbox:
        yield sandbox


@pytest.fixture
def pipeline(tmp_path: Path, sandbox: Sandbox) -> Pipeline:
    return Pipeline(tmp_path, sandbox, STREAMS, PAST - timedelta(days=1))


def asked(pipeline: Pipeline) -> list[int]:
    """Return the categories that the latest run asked for alone; a slow machine asks again."""
    requests = pipeline.asked("category")
    return sorted({request.body["id"] for request in requests if "id" in request.body})


def written(run: Any) -> set[str]:  # noqa: ANN401
    return {each["stream"] for each in run.messages() if each["type"] == "RECORD"}


def check(pipeline: Pipeline, sandbox: Sandbox) -> None:
    """Compare the number of rows of each category with the truth."""
    truth = list(sandbox.world.categories())
    assert {row["id"] for row in pipeline.rows("categories")} == {row["id"] for row in truth}
    wanted = {"category_characteristics": 0, "category_family_types": 0}
    for row in truth:
        wanted["category_characteristics"] += len(row["characteristics"])
        members = [max(1, len(each["characteristics"])) for each in row["family_types"]]
        wanted["category_family_types"] += sum(members)
    assert {name: len(list(pipeline.rows(name))) for name in PARTS} == wanted
    assert min(wanted.values()) > 0


def test_parts_that_the_list_carries_are_asked_for_no_more(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    assert pipeline.run().code == 0
    assert asked(pipeline) == []
    check(pipeline, sandbox)


@pytest.mark.parametrize("lists", ["absent", "empty"])
def test_parts_that_the_list_lacks_are_read_one_by_one(
    pipeline: Pipeline, sandbox: Sandbox, lists: str
) -> None:
    every = sorted(row["id"] for row in sandbox.world.categories())
    sandbox.set(category_lists=lists)
    assert pipeline.run().code == 0
    assert asked(pipeline) == every
    check(pipeline, sandbox)
    # Within the time to live nothing is asked for, and later nothing is written that is the same.
    run = pipeline.run()
    assert (run.code, list(pipeline.asked("category")), written(run)) == (0, [], set())
    pipeline.later(hours=2)
    run = pipeline.run()
    assert (run.code, written(run)) == (0, set())
    some = asked(pipeline)
    assert 0 < len(some) < len(every)  # those that have none of the parts are read later
    pipeline.later(hours=23)
    assert pipeline.run().code == 0
    assert asked(pipeline) == every
    run = pipeline.run(category_language="EN")
    assert run.code == 0
    assert asked(pipeline) == every, "in another language, each category has changed"
    assert written(run) >= {"categories", "category_characteristics"}


def test_only_what_is_selected_is_asked_for(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.set(category_lists="absent")
    alone = Pipeline(tmp_path, sandbox, "categories", PAST - timedelta(days=1))
    assert alone.run().code == 0
    assert asked(alone) == []


def test_a_run_without_time_is_continued(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.set(category_lists="absent")
    with monkeypatch.context() as patch:
        patch.setattr("tap_emag.watchdog.Watchdog.left", 0.0)
        run = pipeline.run(max_concurrent_requests=1)
    assert isinstance(run.error, SkippedItemsError)
    assert "still to be read for the first time" in str(run.error)
    first = set(asked(pipeline))
    assert 0 < len(first) < 24
    run = pipeline.run()  # within the time to live
    assert run.code == 0
    assert "categories" not in written(run)
    assert len(set(asked(pipeline)) & first) <= 1
    check(pipeline, sandbox)


def test_a_run_that_is_killed_or_refused_is_continued(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(category_details, "SAVE_EVERY", 4)
    refused = next(sandbox.world.categories())["id"]
    sandbox.set(category_lists="absent", item_faults={f"category/{refused}": "is_error"})
    pipeline.run(Ending("killed", 60), max_concurrent_requests=1)
    run = pipeline.run()
    assert isinstance(run.error, SkippedItemsError)
    assert len(asked(pipeline)) <= 24
    sandbox.set(item_faults={})
    assert pipeline.run().code == 0
    assert asked(pipeline) == [refused]
    check(pipeline, sandbox)


def test_values_bring_the_parts_as_well(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.set(category_lists="absent")
    streams = f"{STREAMS},category_values"
    pipeline = Pipeline(tmp_path, sandbox, streams, PAST - timedelta(days=1))
    assert pipeline.run().code == 0
    check(pipeline, sandbox)
    run = pipeline.run(**AGAIN)
    assert (run.code, written(run)) == (0, {"category_values"})


@pytest.mark.parametrize("cap", [1, 7, 10, 100])
def test_values_are_complete_whatever_a_page_of_them_has(tmp_path: Path, cap: int) -> None:
    with shop(categories=6, page_caps=[cap]) as sandbox:
        start = datetime.now(timezone.utc) - timedelta(days=1)
        pipeline = Pipeline(tmp_path, sandbox, "category_values", start)
        assert pipeline.run().code == 0
        found = sorted(
            (row["category_id"], row["characteristic_id"], row["position"], row["value"])
            for row in pipeline.rows("category_values")
            if row["characteristic_position"] == 1
        )
        truth = set()
        for category in sandbox.world.categories():
            seen: set[int] = set()
            for each in category["characteristics"]:
                if each["id"] not in seen:
                    seen.add(each["id"])
                    truth |= {
                        (category["id"], each["id"], place, value)
                        for place, value in enumerate(each["values"], 1)
                    }
        assert found == sorted(truth)
        assert len(found) > 300


def test_categories_are_named_in_the_language_of_the_setting(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    def names() -> dict[int, str]:
        return {row["id"]: row["name"] for row in pipeline.rows("categories")}

    def truth(language: str) -> dict[int, str]:
        return {row["id"]: row["name"] for row in sandbox.world.categories(language)}

    assert pipeline.run().code == 0
    assert names() == truth("RO")
    assert pipeline.run(category_language="GR").code == 0, "within the time to live"
    assert names() == truth("GR") != truth("RO")
    assert pipeline.run(category_language="GR").code == 0
    assert list(pipeline.asked("category")) == []
    assert pipeline.run().code == 0
    assert names() == truth("RO")


def test_another_language_is_read_for_categories_whose_names_are_the_same(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = CategoryBook.row

    def same_name(book: CategoryBook, number: int, language: str | None = None) -> dict[str, Any]:
        return {**row(book, number, language), "name": f"Laptop {number}"}

    monkeypatch.setattr(CategoryBook, "row", same_name)
    sandbox.set(category_lists="absent")
    every = sorted(row["id"] for row in sandbox.world.categories())
    for language in ("EN", "HU"):
        assert pipeline.run(category_language=language).code == 0
        assert asked(pipeline) == every
        assert {
            (row["category_id"], row["id"], row["name"])
            for row in pipeline.rows("category_characteristics")
        } == {
            (category["id"], each["id"], each["name"])
            for category in sandbox.world.categories(language)
            for each in category["characteristics"]
        }
    assert pipeline.run(category_language="HU", **AGAIN).code == 0
    assert pipeline.run(category_language="HU").code == 0
    assert asked(pipeline) == []


def test_localities_of_the_countries_of_the_setting_are_read(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    pipeline = Pipeline(tmp_path, sandbox, "localities", PAST - timedelta(days=1))
    places = list(sandbox.world.localities())

    def of(*countries: str) -> set[int]:
        return {row["emag_id"] for row in places if row["country_code"] in countries}

    def stored() -> set[int]:
        return {row["emag_id"] for row in pipeline.rows("localities")}

    assert of("BG")
    assert of("HU")
    assert pipeline.run().code == 0
    assert stored() == of("RO")
    two = ["RO", "HU"]
    assert pipeline.run(locality_countries=two).code == 0
    assert stored() == of(*two)
    assert pipeline.run(locality_countries=two).code == 0
    assert list(pipeline.asked("locality")) == []
    pipeline.later(hours=2)
    [changed] = sandbox.world.touch_localities(ids=sorted(of("HU"))[:1])
    pipeline.later(hours=2)
    run = pipeline.run(locality_countries=[*two, "BG"])
    assert run.code == 0
    assert stored() == of(*two, "BG")
    assert all(
        "modified" in each.body
        for each in pipeline.asked("locality")
        if each.body.get("country_code") in two
    )
    records = [each["record"]["emag_id"] for each in run.messages() if each["type"] == "RECORD"]
    assert sorted(records) == sorted({changed} | of("BG"))
    assert pipeline.run(locality_countries=["DE"]).code == 0
    assert stored() == of(*two, "BG", "DE")


@pytest.fixture
def localities(tmp_path: Path, sandbox: Sandbox) -> Pipeline:
    return Pipeline(tmp_path, sandbox, "localities", PAST - timedelta(days=1))


def of(sandbox: Sandbox, *countries: str) -> set[int]:
    return {
        row["emag_id"] for row in sandbox.world.localities() if row["country_code"] in countries
    }


def stored(localities: Pipeline) -> set[int]:
    return {row["emag_id"] for row in localities.rows("localities")}


def test_a_country_that_was_empty_by_mistake_is_read_completely(
    localities: Pipeline, sandbox: Sandbox
) -> None:
    two = ["BG", "RO"]
    sandbox.set(empty_next={"locality": 2})  # both passes of the first country
    assert localities.run(locality_countries=two).code == 0
    assert stored(localities) == of(sandbox, "RO")
    run = localities.run(locality_countries=two)  # within the time to live
    assert (run.code, stored(localities)) == (0, of(sandbox, *two))
    assert [
        each.body["country_code"]
        for each in localities.asked("locality")
        if "modified" in each.body
    ] == ["RO"], "the other country was read"
    assert localities.run(locality_countries=two).code == 0
    assert list(localities.asked("locality")) == []


def test_other_countries_have_no_locality_written_again(
    localities: Pipeline, sandbox: Sandbox
) -> None:
    assert localities.run(locality_countries=["RO", "BG"]).code == 0
    localities.later(hours=2)
    changed = sandbox.world.touch_localities(ids=sorted(of(sandbox, "RO"))[:1])
    localities.later(hours=2)
    run = localities.run(locality_countries=["RO", "BG"])
    assert (run.code, ids(run)) == (0, changed)
    run = localities.run()
    assert (run.code, ids(run)) == (0, [])
    assert any("modified" not in each.body for each in localities.asked("locality"))
    run = localities.run(locality_countries=["RO", "BG", "HU"])
    assert (run.code, set(ids(run))) == (0, of(sandbox, "HU"))


def ids(run: Any) -> list[int]:  # noqa: ANN401
    return [each["record"]["emag_id"] for each in run.messages() if each["type"] == "RECORD"]
