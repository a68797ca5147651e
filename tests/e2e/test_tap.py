"""The tap as a whole, over HTTP: messages, bookmarks, and what the next run does with them."""

from __future__ import annotations

import io
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.errors import ConfigurationError, CredentialsError, EmagError, TransientError
from tap_emag.tap import TapEmag
from tests.support.api import config_for
from tests.support.unlimited import no_budgets

if TYPE_CHECKING:
    from collections.abc import Iterator

State = dict[str, Any]
STREAMS = {
    "orders",
    "order_lines",
    "order_vouchers",
    "order_voucher_splits",
    "order_attachments",
    "products",
    "product_history",
    "product_deletions",
}


@dataclass
class Run:
    """What one run wrote."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    error: EmagError | None = None

    def rows(self, stream: str) -> list[dict[str, Any]]:
        return [
            m["record"] for m in self.messages if m["type"] == "RECORD" and m["stream"] == stream
        ]

    @property
    def counts(self) -> Counter[str]:
        return Counter(m["stream"] for m in self.messages if m["type"] == "RECORD")

    @property
    def state(self) -> State:
        states = [m["value"] for m in self.messages if m["type"] == "STATE"]
        return states[-1] if states else {}


class Output(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")


def sync(sandbox: Sandbox, state: State | None = None, **values: Any) -> Run:  # noqa: ANN401
    """Run the tap to its end, or to its error."""
    output, stdout = Output(), sys.stdout
    run = Run()
    config = config_for(sandbox, **{"order_lookback_seconds": 0, "settle_seconds": 2, **values})
    tap = TapEmag(config=config, state=json.loads(json.dumps(state or {})))
    for stream in tap.streams.values():
        stream.selected = stream.name in STREAMS
    sys.stdout = output
    try:
        with no_budgets():
            tap.sync_all()
    except EmagError as error:
        run.error = error
    finally:
        sys.stdout = stdout
    text = output.buffer.getvalue().decode()  # type: ignore[attr-defined]
    run.messages = [json.loads(line) for line in text.splitlines()]
    return run


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    # Some seconds ago, so that a test can let time pass, and stays before this machine's clock.
    clock = datetime.now(timezone.utc) - timedelta(seconds=20)
    config = SandboxConfig(orders=300, offers=120, history_days=30, clock=clock, limits=False)
    with Sandbox(config) as sandbox:
        yield sandbox


def bookmark(state: State, stream: str, **context: Any) -> dict[str, Any]:  # noqa: ANN401
    for partition in state["bookmarks"][stream]["partitions"]:
        if context.items() <= partition["context"].items():
            return dict(partition)
    raise AssertionError(context)


def test_a_first_run_brings_everything_and_a_second_nothing(sandbox: Sandbox) -> None:
    first = sync(sandbox)
    assert first.counts["orders"] == 300
    assert first.counts["products"] == first.counts["product_history"] == 120
    sandbox.log.clear()
    second = sync(sandbox, first.state)
    assert not second.counts
    answered = Counter(request.bucket for request in sandbox.log if request.status == 200)
    assert answered == {"orders": 2, "other": 3}


def test_each_order_type_has_a_bookmark_near_the_present(sandbox: Sandbox) -> None:
    state = sync(sandbox).state
    for kind in (3, 2):
        value = bookmark(state, "orders", type=kind)["replication_key_value"]
        behind = datetime.now(timezone.utc) - datetime.fromisoformat(value)
        assert timedelta(seconds=2) <= behind < timedelta(seconds=60)


def test_the_bookmark_stays_behind_what_may_still_settle(sandbox: Sandbox) -> None:
    state = sync(sandbox, settle_seconds=900).state
    value = bookmark(state, "orders", type=3)["replication_key_value"]
    assert datetime.now(timezone.utc) - datetime.fromisoformat(value) >= timedelta(seconds=900)


def test_only_what_changed_is_written_again(sandbox: Sandbox) -> None:
    first = sync(sandbox)
    sandbox.clock.advance(5)
    orders = sandbox.world.touch_orders(7)
    offers = sandbox.world.touch_offers(25)
    sandbox.clock.advance(5)
    second = sync(sandbox, first.state)
    assert sorted((row["type"], row["id"]) for row in second.rows("orders")) == sorted(orders)
    assert sorted(row["id"] for row in second.rows("products")) == sorted(offers)
    assert {row["change"] for row in second.rows("product_history")} == {"updated"}
    assert second.counts["product_history"] == 25


def test_offers_that_vanish_are_told_once_and_may_come_back(sandbox: Sandbox) -> None:
    first = sync(sandbox)
    gone = sandbox.world.withdraw_offers(3)
    second = sync(sandbox, first.state)
    assert sorted(row["id"] for row in second.rows("product_deletions")) == sorted(gone)
    assert second.counts["products"] == 0
    third = sync(sandbox, second.state)
    assert not third.counts


def test_children_come_with_their_order_and_carry_its_time(sandbox: Sandbox) -> None:
    run = sync(sandbox)
    orders = {(row["type"], row["id"]): row["modified"] for row in run.rows("orders")}
    for stream in ("order_lines", "order_vouchers", "order_voucher_splits", "order_attachments"):
        assert run.counts[stream]
        for row in run.rows(stream):
            assert orders[row["order_type"], row["order_id"]] == row["order_modified"]


def test_a_bookmark_is_written_only_behind_the_rows_it_passes(sandbox: Sandbox) -> None:
    for message in (run := sync(sandbox)).messages:
        if message["type"] == "STATE":
            for partition in message["value"]["bookmarks"].get("orders", {}).get("partitions", []):
                kind, value = partition["context"]["type"], partition.get("replication_key_value")
                rest = run.messages[run.messages.index(message) :]
                late = [
                    row["record"]
                    for row in rest
                    if row["type"] == "RECORD"
                    and row["stream"] == "orders"
                    and row["record"]["type"] == kind
                ]
                assert all(not value or row["modified"] > value for row in late)


def test_a_run_that_fails_keeps_what_was_sealed_and_the_next_goes_on() -> None:
    with Sandbox(SandboxConfig(orders=1500, offers=0, history_days=300, limits=False)) as sandbox:
        sandbox.config.fail_next = ["ok"] * 20 + ["500"] * 20
        first = sync(sandbox, retry_max_attempts=2, order_types=[3], max_concurrent_requests=2)
        assert isinstance(first.error, TransientError)
        assert 0 < first.counts["orders"] < 1500
        sandbox.config.fail_next = []
        second = sync(sandbox, first.state, order_types=[3])
        ids = [row["id"] for run in (first, second) for row in run.rows("orders")]
        true = [key[1] for key in sandbox.world.order_keys() if key[0] == 3]
        assert set(ids) == set(true)
        assert second.counts["orders"] < len(true)


def test_the_look_back_reads_again_what_is_near_the_bookmark(sandbox: Sandbox) -> None:
    first = sync(sandbox)
    value = bookmark(first.state, "orders", type=3)["replication_key_value"]
    since = datetime.fromisoformat(value) - timedelta(days=2)
    near = {
        key
        for key in sandbox.world.order_keys()
        if key[0] == 3 and sandbox.world.order(key)["modified"] > since
    }
    wide = sync(sandbox, first.state, order_types=[3], order_lookback_seconds=2 * 86_400)
    assert near
    assert near <= {(row["type"], row["id"]) for row in wide.rows("orders")}
    oldest = min(row["modified"] for row in wide.rows("orders"))
    assert datetime.fromisoformat(oldest) > since - timedelta(minutes=10)


def test_a_range_with_an_end_stops_there(sandbox: Sandbox) -> None:
    end = sandbox.clock.moment() - timedelta(days=10)
    run = sync(sandbox, end_date=end.isoformat(), order_types=[3])
    assert run.counts["orders"]
    last = max(row["modified"] for row in run.rows("orders"))
    assert datetime.fromisoformat(last) <= end + timedelta(seconds=1)
    value = bookmark(run.state, "orders", type=3)["replication_key_value"]
    assert abs(datetime.fromisoformat(value) - end) <= timedelta(seconds=1)


def test_the_state_of_another_account_is_not_used(sandbox: Sandbox) -> None:
    first = sync(sandbox)
    other = sync(sandbox, first.state, account_type="fbe")
    assert other.counts["orders"] == 300
    assert other.counts["products"] == 120
    assert {row["account_type"] for row in other.rows("orders")} == {"fbe"}


def test_damaged_fingerprints_mean_that_all_offers_are_written(sandbox: Sandbox) -> None:
    state = sync(sandbox).state
    state["bookmarks"]["products"]["partitions"][0]["offers"] = "1:damaged!"
    assert sync(sandbox, state).counts["products"] == 120


def test_unknown_keys_are_kept_and_told_once(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.config.unknown_keys = True
    run = sync(sandbox, order_types=[3])
    assert any(row["extra"] for row in run.rows("orders"))
    told = [
        record.getMessage() for record in caplog.records if "not known yet" in record.getMessage()
    ]
    assert told
    assert len(told) == len(set(told))


def test_a_refusal_ends_the_run_with_nothing_written(sandbox: Sandbox) -> None:
    run = sync(sandbox, password="wrong")
    assert isinstance(run.error, CredentialsError)
    assert not run.counts


def test_bad_settings_are_told_together() -> None:
    with pytest.raises(ConfigurationError) as caught:
        TapEmag(config={"username": "demo", "marketplace": "emag_pl"})
    assert len(caught.value.problems) == 2


def test_discovery_needs_no_settings() -> None:
    tap = TapEmag(config={}, validate_config=False, setup_mapper=False)
    streams = {entry["tap_stream_id"]: entry for entry in tap.catalog_dict["streams"]}
    assert streams.keys() > STREAMS
    for entry in streams.values():
        assert list(entry["key_properties"])[:2] == ["marketplace", "account_type"]
        for name, column in entry["schema"]["properties"].items():
            assert column.get("description"), f"{entry['stream']}.{name}"
