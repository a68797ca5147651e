"""Whatever stands in a state: a clear error, or a run that reads what it cannot know to be read."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timedelta, timezone
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.errors import ConfigurationError
from tap_emag.state import bookmarks
from tests.fuzz.runs import LONG, NAMES, command, sync
from tests.fuzz.spoils import at, paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fuzz.runs import Json

EXAMPLES = settings(max_examples=20_000 if LONG else 150, deadline=None)
SEEDS = range(300 if LONG else 8)
NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
STREAMS = ("orders", "products", "returns", "localities", "vat_rates", "invoices")
FUTURE = "2199-01-01T00:00:00+00:00"
VALUES: list[Any] = [
    *(None, True, 0, -1, 2**70, 1.5, "", "soon", [], {}, [[]], {"a": 1}, [None], ["x"], "\0"),
    *(FUTURE, "1900-01-01T00:00:00+00:00", "2026-01-01", "2026-01-01T00:00:00", "0001-01-01"),
    *("9999-12-31T23:59:59-14:00", "2:", "2:AAAA", "1:AAAA", "2:gICAgICAgICAAQ==", "x" * 100_000),
    *([1, "2"], [2**64], [True], 7, "7", "0123456789abcdef", "../../../etc/passwd"),
]
KNOWN = (
    "replication_key_value",
    "read_at",
    "offers",
    "rows",
    "returns",
    "open",
    "awbs",
    "asked",
    "pipeline",
    "offers_sent",
    "newest",
    "details",
    "countries",
    "language",
    "unread",
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(VALUES),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*KNOWN, "bookmarks", "partitions", "context", "orders", "products"])
            | st.text(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    config = SandboxConfig(
        orders=12,
        offers=12,
        returns=4,
        categories=2,
        localities=6,
        invoices=3,
        customer_invoices=0,
        history_days=20,
        limits=False,
    )
    with Sandbox(config) as sandbox:
        sandbox.clock.advance(10)  # so that the newest order, too, has settled
        yield sandbox


@EXAMPLES
@given(JSON)
def test_any_json_is_a_state_or_is_refused(state: object) -> None:
    try:
        found = bookmarks.sanitize_state(state, NAMES, NOW, lambda _: None)
    except ConfigurationError as error:
        [problem] = error.problems
        assert problem.startswith("state: ")
        assert not isinstance(state, dict) or not isinstance(state.get("bookmarks", {}), dict)
    else:
        assert bookmarks.sanitize_state(found, NAMES, NOW, pytest.fail) == found, "once is enough"


@EXAMPLES
@given(st.sampled_from(KNOWN), JSON)
def test_a_bookmark_is_used_as_it_is_or_left_out_with_a_warning(key: str, value: object) -> None:
    state = {"bookmarks": {"returns": {"partitions": [{"context": {"a": 1}, key: value}]}}}
    told: list[str] = []
    found = bookmarks.sanitize_state(copy.deepcopy(state), NAMES, NOW, told.append)
    [partition] = found["bookmarks"]["returns"]["partitions"]
    assert told or json.dumps(partition.get(key)) == json.dumps(value) or key == "read_at" or value
    if not told and isinstance(partition.get("replication_key_value"), str):
        moment = datetime.fromisoformat(partition["replication_key_value"])
        assert moment <= NOW + timedelta(days=1)


@pytest.fixture(scope="module")
def good(sandbox: Sandbox) -> Json:
    """The state of a run that has read everything."""
    run = sync(sandbox.url, STREAMS, start_date=begin())
    assert run.error is None
    return run.state


def begin() -> str:
    """Return a time before which there is nothing, not even for a look-back."""
    return (datetime.now(timezone.utc) - timedelta(days=90)).isoformat()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_from_a_damaged_state_is_whole_or_refused(
    sandbox: Sandbox, good: Json, seed: int
) -> None:
    dice = Random(seed)
    state = copy.deepcopy(good)
    for _ in range(3):
        places = [place for place in paths(state) if place]
        if not places:
            break
        *outer, last = dice.choice(places)
        around = at(state, tuple(outer))
        way = dice.randrange(3)
        if way == 0:
            del around[last]
        elif way == 1 and isinstance(around[last], str) and len(around[last]) > 40:
            place = dice.randrange(len(around[last]))
            around[last] = (
                around[last][:place] + dice.choice(["", "A", "!"]) + around[last][place + 1 :]
            )
        else:
            around[last] = copy.deepcopy(dice.choice(VALUES))
    run = sync(sandbox.url, STREAMS, state, start_date=begin(), metadata_cache_ttl_seconds=0)
    if run.error is not None:
        assert isinstance(run.error, ConfigurationError)
        return
    # What the run wrote and what the state told for true are together what there is.
    again = sync(sandbox.url, STREAMS, run.state, start_date=begin(), metadata_cache_ttl_seconds=0)
    assert again.error is None
    assert not again.rows("products", "product_deletions", "returns", "localities", "invoices")
    assert not run.rows("product_deletions"), "no offer has gone"
    trusted = {
        name: bookmarks.sanitize_state(state, NAMES, datetime.now(timezone.utc), lambda _: None)
        for name in STREAMS
    }
    for kind in (3, 2):
        if partition_of(trusted["orders"], kind).get("replication_key_value") is None:
            read = [row["id"] for row in run.rows("orders") if row["type"] == kind]
            assert sorted(read) == sorted(
                key[1] for key in sandbox.world.order_keys() if key[0] == kind
            )


def partition_of(state: Json, kind: int) -> Json:
    context = {"marketplace": "emag_ro", "account_type": "main", "type": kind}
    parts = state["bookmarks"].get("orders", {}).get("partitions", [])
    return next((part for part in parts if part["context"] == context), {})


def test_a_bookmark_in_the_future_is_said_and_read_from_the_start(
    sandbox: Sandbox, good: Json, caplog: pytest.LogCaptureFixture
) -> None:
    state = copy.deepcopy(good)
    for stream in ("orders", "returns", "products"):
        for part in state["bookmarks"][stream]["partitions"]:
            part["replication_key_value"] = FUTURE
            part.pop("newest", None)  # where the newest order is known, it is read from there
    run = sync(sandbox.url, STREAMS, state, start_date=begin())
    assert run.error is None
    assert len(run.rows("orders")) == len(list(sandbox.world.order_keys()))
    told = [
        record.getMessage() for record in caplog.records if "in the future" in record.getMessage()
    ]
    assert len(told) == 4
    now = sandbox.clock.moment()
    for stream in ("orders", "returns", "products"):
        for part in run.state["bookmarks"][stream]["partitions"]:
            assert datetime.fromisoformat(part["replication_key_value"]) <= now


def test_other_accounts_keep_their_bookmarks(sandbox: Sandbox, good: Json) -> None:
    run = sync(sandbox.url, STREAMS, good, start_date=begin(), account_type="fbe")
    assert run.error is None
    theirs = [
        part
        for part in run.state["bookmarks"]["orders"]["partitions"]
        if part["context"]["account_type"] == "main"
    ]
    assert theirs == good["bookmarks"]["orders"]["partitions"]
    assert len(run.rows("products")) == 12


def test_a_huge_state_of_others_does_no_harm(sandbox: Sandbox, good: Json) -> None:
    state = copy.deepcopy(good)
    state["bookmarks"]["others"] = {
        "partitions": [{"context": {"n": n}, "text": "x" * 1000} for n in range(5000)]
    }
    run = sync(sandbox.url, ["vat_rates"], state)
    assert run.error is None
    assert len(run.state["bookmarks"]["others"]["partitions"]) == 5000


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe\x00", b"[" * 100_000])
def test_the_command_refuses_a_file_that_is_no_state(
    sandbox: Sandbox, tmp_path: Path, content: bytes
) -> None:
    finished = command(tmp_path, sandbox.url, state=content)
    assert finished.returncode == 2
    assert "state: " in finished.stderr
    assert "defect" not in finished.stderr
