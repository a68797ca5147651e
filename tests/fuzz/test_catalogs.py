"""A catalog chooses; whatever else stands in it changes nothing, and nonsense is refused."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag import singer_io as selection
from tap_emag.errors import ConfigurationError
from tap_emag.tap import STREAMS, TapEmag
from tests.fuzz.runs import LONG, NAMES, command, sync
from tests.fuzz.spoils import at, paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fuzz.runs import Json

EXAMPLES = settings(max_examples=20_000 if LONG else 150, deadline=None)
SEEDS = range(300 if LONG else 8)
CHOSEN = ("vat_rates", "handling_times", "rejected_rows")
VALUES: list[Any] = [None, True, False, 0, 5, "", "true", [], {}, [[]], [5], {"a": 1}, "x" * 10_000]
WORDS = ["streams", "tap_stream_id", "metadata", "breadcrumb", "selected", "schema", "orders"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([*WORDS, *NAMES]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(), inner, max_size=4)
    ),
    max_leaves=15,
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxConfig(orders=0, offers=0, limits=False)) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def good() -> Json:
    """The tap's own catalog with some lists chosen."""
    tap = TapEmag(config={}, validate_config=False, setup_mapper=False)
    catalog: Json = json.loads(tap.catalog_json_text)
    for stream in catalog["streams"]:
        root(stream)["selected"] = stream["tap_stream_id"] in CHOSEN
    return catalog


def root(stream: Json) -> Json:
    [found] = [item["metadata"] for item in stream["metadata"] if not item["breadcrumb"]]
    return found  # type: ignore[no-any-return]


@EXAMPLES
@given(JSON)
def test_any_json_is_a_catalog_or_is_refused(catalog: object) -> None:
    try:
        found = selection.restrict_catalog(catalog, STREAMS, lambda _: None)
    except ConfigurationError as error:
        [problem] = error.problems
        assert problem.startswith("catalog: ")
    else:
        assert [entry["tap_stream_id"] for entry in found["streams"]] == NAMES
        again = selection.restrict_catalog(found, STREAMS, pytest.fail)
        assert again == found


def concerns(catalog: Json, place: tuple[Any, ...]) -> bool:
    """Tell whether a place is the list of streams or lies in a stream that is chosen."""
    if len(place) < 2 or not isinstance(stream := at(catalog, place[:2]), dict):
        return bool(place)
    return stream.get("tap_stream_id") in CHOSEN


@pytest.mark.parametrize("seed", SEEDS)
def test_a_damaged_catalog_is_refused_or_leaves_the_tables_as_they_are(
    sandbox: Sandbox, good: Json, seed: int
) -> None:
    dice = Random(seed)
    catalog = copy.deepcopy(good)
    for _ in range(3):
        places = [place for place in paths(catalog) if concerns(catalog, place)]
        if not places:  # nothing is left to be damaged
            break
        *outer, last = dice.choice(places)
        around = at(catalog, tuple(outer))
        if dice.random() < 0.4:
            del around[last]
        else:
            around[last] = copy.deepcopy(dice.choice(VALUES))
    run = sync(sandbox.url, (), catalog=catalog)
    if run.error is not None:
        assert isinstance(run.error, ConfigurationError)
        return
    schemas = {m["stream"]: m for m in run.messages if m["type"] == "SCHEMA"}
    tables = {stream.table.name: stream.table for stream in STREAMS}
    for name, message in schemas.items():
        assert message["key_properties"] == list(tables[name].keys)
        assert set(tables[name].keys) <= message["schema"]["properties"].keys()
    for message in run.messages:
        assert message["type"] != "ACTIVATE_VERSION", "rows that did not change would be deleted"
        if message["type"] == "RECORD":
            assert set(tables[message["stream"]].keys) <= message["record"].keys()


def test_what_a_catalog_says_of_keys_and_methods_counts_for_nothing(
    sandbox: Sandbox, good: Json
) -> None:
    catalog = copy.deepcopy(good)
    for stream in catalog["streams"]:
        stream |= {"key_properties": ["name"], "schema": {}, "replication_method": "FULL_TABLE"}
        root(stream)["forced-replication-method"] = "FULL_TABLE"
        for item in stream["metadata"]:
            item["metadata"].pop("inclusion", None)
    plain = sync(sandbox.url, (), catalog=good)
    found = sync(sandbox.url, (), catalog=catalog)
    kinds = ("SCHEMA", "ACTIVATE_VERSION")
    assert [m for m in found.messages if m["type"] in kinds] == [
        m for m in plain.messages if m["type"] in kinds
    ]
    assert found.rows(*CHOSEN) == plain.rows(*CHOSEN) != []


def test_a_stream_that_is_left_out_is_as_it_is_by_default(good: Json) -> None:
    left = {"streams": [s for s in good["streams"] if s["tap_stream_id"] in CHOSEN]}
    tap = TapEmag(config={}, validate_config=False, catalog=left)
    assert tap.streams["orders"].selected
    assert not tap.streams["commissions"].selected
    assert tap.streams["vat_rates"].selected


def test_a_key_column_cannot_be_left_out(good: Json) -> None:
    catalog = copy.deepcopy(good)
    for stream in catalog["streams"]:
        for item in stream["metadata"]:
            if item["breadcrumb"]:
                item["metadata"] = {"selected": False}
    tap = TapEmag(config={}, validate_config=False, catalog=catalog)
    mask = tap.streams["vat_rates"].mask
    assert mask["properties", "vat_id"]
    assert not mask["properties", "name"]


def test_a_stream_that_does_not_exist_is_told(
    sandbox: Sandbox, good: Json, caplog: pytest.LogCaptureFixture
) -> None:
    unknown = {"tap_stream_id": "order", "metadata": []}
    run = sync(sandbox.url, (), catalog={"streams": [*good["streams"], unknown]})
    assert run.error is None
    assert "the catalog chooses 'order', which tap-emag does not have" in caplog.text


def test_a_catalog_that_chooses_nothing_is_told(
    sandbox: Sandbox, good: Json, caplog: pytest.LogCaptureFixture
) -> None:
    catalog = copy.deepcopy(good)
    for stream in catalog["streams"]:
        root(stream)["selected"] = False
    assert sync(sandbox.url, (), catalog=catalog).error is None
    assert "no stream is selected: nothing is read" in caplog.text


@pytest.mark.parametrize("content", [b"", b"{}", b'{"streams": [5]}', b"\xff"])
def test_the_command_refuses_a_file_that_is_no_catalog(
    sandbox: Sandbox, tmp_path: Path, content: bytes
) -> None:
    finished = command(tmp_path, sandbox.url, catalog=content)
    assert finished.returncode == 2
    assert "catalog: " in finished.stderr
    assert "defect" not in finished.stderr
