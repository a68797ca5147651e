"""The table `syncs` has a row for each stream of each run, however the run ends."""

from __future__ import annotations

from datetime import datetime, timezone
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

from tap_emag.tap import STREAMS
from tests.fuzz.runs import NAMES, sync
from tests.support.pipeline import shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emag_sandbox import Sandbox
    from tests.fuzz.runs import Run

ORDERS = ["orders", "order_lines", "order_vouchers", "order_voucher_splits", "order_attachments"]
SINCE = "2026-01-01T00:00:00Z"
NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
COUNTS = ("rows_created", "rows_updated", "rows_unchanged", "rows_rejected", "requests")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with shop(orders=20, offers=6, history_days=20, clock=NOW) as sandbox:
        yield sandbox


def read(sandbox: Sandbox, *streams: str, state: object = None, **settings: Any) -> Run:  # noqa: ANN401
    return sync(sandbox.url, [*streams, "syncs"], state, start_date=SINCE, **settings)


def syncs(run: Run) -> dict[str, dict[str, Any]]:
    rows = run.rows("syncs")
    found = {row["stream"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def test_the_state_comes_after_the_rows(sandbox: Sandbox) -> None:
    # Targets that keep a state only until the next row would never confirm any.
    run = read(sandbox, "orders")
    assert run.messages[-1]["type"] == "STATE"
    assert run.messages[-1]["value"]["bookmarks"]["orders"]


def test_a_run_has_a_row_for_each_stream_with_what_it_did(sandbox: Sandbox) -> None:
    before = datetime.now(timezone.utc)
    run = read(sandbox, *ORDERS, "products", "order_statuses", "rejected_rows")
    assert run.error is None
    found = syncs(run)
    assert list(found) == [*ORDERS, "products"], "constants of the tap are not read"
    for name, row in found.items():
        assert row["rows_written"] == len(run.rows(name))
        assert (row["state"], row["mode"], row["complete"]) == ("completed", "full", True)
        assert row["error"] is None
        assert row["tap_version"] == version("tap-emag")
        assert row["run_id"] == found["orders"]["run_id"]
        started, ended = (datetime.fromisoformat(row[key]) for key in ("started", "ended"))
        assert before.timestamp() - 1 < started.timestamp() <= ended.timestamp()
    orders = found["orders"]
    assert [orders[key] for key in COUNTS[:4]] == [20, 0, 0, 0]
    assert 0 < orders["requests"] <= len(list(sandbox.log))
    assert [found["order_lines"][key] for key in COUNTS] == [None] * 5
    assert datetime.fromisoformat(orders["read_up_to"]) <= NOW
    assert found["order_lines"]["read_up_to"] == orders["read_up_to"]


def test_a_quiet_run_writes_rows_of_syncs_and_no_others(sandbox: Sandbox) -> None:
    first = read(sandbox, *ORDERS, "products", "rejected_rows")
    quiet = read(sandbox, *ORDERS, "products", "rejected_rows", state=first.state)
    written = {m["stream"] for m in quiet.messages if m["type"] == "RECORD"}
    assert written == {"syncs"}
    found = syncs(quiet)
    assert {row["mode"] for row in found.values()} == {"incremental"}
    assert {row["rows_written"] for row in found.values()} == {0}
    assert found["products"]["rows_unchanged"] == 6
    assert found["products"]["read_up_to"] > syncs(first)["products"]["read_up_to"]


def test_they_are_the_last_to_be_announced(sandbox: Sandbox) -> None:
    """So nothing that they count can come after them."""
    run = read(sandbox, *ORDERS, "products", "order_statuses", "rejected_rows")
    schemas = [m["stream"] for m in run.messages if m["type"] == "SCHEMA"]
    assert schemas[-1] == "syncs"
    assert schemas.count("syncs") == 1
    kinds = [(m["type"], m.get("stream")) for m in run.messages if m["type"] != "STATE"]
    begin = kinds.index(("SCHEMA", "syncs"))
    assert {stream for _, stream in kinds[begin:]} == {"syncs"}
    assert "syncs" not in run.state["bookmarks"]


def test_a_stream_that_failed_does_not_spoil_the_others(sandbox: Sandbox) -> None:
    sandbox.set(resource_faults={"vat": "500"})
    run = read(sandbox, "products", "vat_rates", retry_wait_min_seconds=0.01)
    assert run.error is not None
    found = syncs(run)
    assert (found["products"]["state"], found["products"]["complete"]) == ("completed", True)
    failed = found["vat_rates"]
    assert (failed["state"], failed["complete"]) == ("failed", False)
    assert failed["error"] == type(run.error).__name__
    assert failed["read_up_to"] is None


def test_a_run_out_of_time_says_what_it_got_to(sandbox: Sandbox) -> None:
    sandbox.set(latency=0.4)
    run = read(sandbox, *ORDERS, "products", "vat_rates", sync_timeout_seconds=1)
    assert type(run.error).__name__ == "DeadlineError"
    found = syncs(run)
    assert list(found) == [*ORDERS, "products", "vat_rates"]
    assert "timed_out" in {row["state"] for row in found.values()}
    assert not any(row["complete"] for row in found.values() if row["state"] == "timed_out")
    never = found["vat_rates"]
    assert (never["state"], never["mode"], never["requests"]) == ("timed_out", None, 0)
    assert never["started"] == never["ended"]


def test_a_refused_caller_leaves_rows_as_well(sandbox: Sandbox) -> None:
    run = read(sandbox, *ORDERS, "products", password="another")
    assert run.error is not None
    assert run.error.exit_code == 3
    found = syncs(run)
    assert {row["state"] for row in found.values()} == {"failed"}
    assert {row["complete"] for row in found.values()} == {False}
    assert "CredentialsError" in {row["error"] for row in found.values()}


def test_a_rejected_row_makes_its_stream_incomplete() -> None:
    given = [{"vat_id": 1, "vat_rate": 0.19}, {"vat_rate": 0.05}]
    with shop(rows={"vat": given}) as other:
        run = sync(other.url, ["vat_rates", "rejected_rows", "syncs"])
    row = syncs(run)["vat_rates"]
    assert row["state"] == "completed"
    assert (row["rows_written"], row["rows_rejected"], row["complete"]) == (1, 1, False)


def test_it_may_be_left_out(sandbox: Sandbox) -> None:
    run = sync(sandbox.url, ["products"], start_date=SINCE)
    assert {message.get("stream") for message in run.messages} == {"products", None}


def test_each_stream_has_a_row_but_constants_and_records_of_the_run(sandbox: Sandbox) -> None:
    run = read(sandbox, *NAMES)
    constants = {s.table.name for s in STREAMS if "code" in s.table.keys}
    assert set(NAMES) - set(syncs(run)) - constants == {"rejected_rows", "syncs"}
