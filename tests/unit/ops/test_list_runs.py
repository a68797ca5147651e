"""`emag-ops list-runs` shows what can be known of each run."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from tap_emag.ops.meltano import run_facts as facts
from tap_emag.progress import ProgressEntry
from tap_emag.reporting.summary import code_lists_line, line_of
from tests.support.reports import ORDERS, PRODUCTS, STATUSES
from tests.unit.ops.booked import STATE_ID

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.ops.booked import Books

OFFERS = "dev:tap-emag-offers-to-target-postgres"


def state(**moments: datetime) -> dict[str, Any]:
    """A state with a bookmark of each stream."""
    context = {"marketplace": "emag_ro", "account_type": "fbe"}
    bookmarks = {
        stream: {"partitions": [{"context": context, "replication_key_value": moment.isoformat()}]}
        for stream, moment in moments.items()
    }
    return {"bookmarks": {**bookmarks, "order_lines": {}}}


def listed(books: Books, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(books.call("list-runs", "--json", *words))
    return found


def test_runs_come_newest_first_with_state_times_and_error(books: Books) -> None:
    failed = books.book(
        minutes=30, state="FAIL", heartbeat=20, ended=20, payload={"error": "it broke"}
    )
    good = books.book(OFFERS, minutes=10, state="SUCCESS", ended=8)
    alive = books.book(minutes=2)
    first, second, third = listed(books)
    assert [each["id"] for each in (first, second, third)] == [alive.id, good.id, failed.id]
    assert [each["state"] for each in (first, second, third)] == ["RUNNING", "SUCCESS", "FAIL"]
    assert [each["error"] for each in (first, second, third)] == [None, None, "it broke"]
    assert [each["stuck"] for each in (first, second, third)] == [False, False, False]
    assert 120 <= first["duration_seconds"] < 180
    assert 0 <= first["heartbeat_age_seconds"] < 60
    assert round(second["duration_seconds"]) == 120
    assert second["started_at"] == good.started.isoformat()
    assert second["heartbeat_age_seconds"] is None


def test_runs_can_be_chosen(books: Books) -> None:
    books.book(minutes=30, state="SUCCESS", ended=29)
    alive = books.book(minutes=20)
    other = books.book(OFFERS, minutes=10, state="SUCCESS", ended=9)
    assert [each["id"] for each in listed(books, "--running")] == [alive.id]
    assert [each["id"] for each in listed(books, "--limit", "1")] == [other.id]
    assert [each["id"] for each in listed(books, "--state-id", OFFERS)] == [other.id]
    assert listed(books, "--state-id", "none") == []
    assert books.call("list-runs", "--state-id", "none") == "There are no such runs.\n"


def test_a_run_looks_stuck_by_its_age_or_its_silence(books: Books) -> None:
    old = books.book(STATE_ID, minutes=16)
    silent = books.book(OFFERS, minutes=5, heartbeat=2)
    fine = books.book(f"{OFFERS}:backfill", minutes=5)
    stuck = {each["id"]: each["stuck"] for each in listed(books)}
    assert stuck == {old.id: True, silent.id: True, fine.id: False}
    text = books.call("list-runs")
    assert text.count("RUNNING (stuck?)") == 2
    assert "cleanup-stuck-runs --dry-run" in text


def test_account_and_lag_come_from_the_state(books: Books) -> None:
    now = datetime.now(timezone.utc)
    books.keep_state(
        STATE_ID, state(orders=now - timedelta(hours=2), products=now - timedelta(minutes=5))
    )
    books.book(minutes=2)
    books.book(OFFERS, minutes=3)
    known, unknown = listed(books)
    assert known["account"] == "emag_ro/fbe"
    assert known["oldest_bookmark"]["stream"] == "orders"
    assert 7200 <= known["bookmark_lag_seconds"] < 7300
    assert (unknown["account"], unknown["extractor"]) == (None, "tap-emag-offers")
    assert unknown["bookmark_lag_seconds"] is unknown["oldest_bookmark"] is None
    text = books.call("list-runs")
    assert "emag_ro/fbe" in text
    assert "(tap-emag-offers)" in text
    assert "2 h" in text


def test_rows_come_from_the_lines_at_the_ends_of_streams(books: Books) -> None:
    run = books.book(minutes=2)
    assert listed(books)[0]["rows"] is None
    told = {
        "tap-emag-orders": [
            "orders: reading those changed since 2026-11-29 21:05:39 UTC",
            "orders of type 3: read up to 2026-03-01 10:00:00 UTC (34 %), 9 rows, 205 per second",
            "orders: 42 rows (40 created, 2 unchanged), order_lines 1,300; 3 requests; 1.9 s",
            "products: stopped before its end; 7 rows (7 created); 1 request; 1.9 s",
            "returns: nothing new (8 unchanged); 2 requests; 0.1 s",
            "33 code lists: 343 rows",
            "a row of orders is kept in rejected_rows: it has no id",
        ],
        "target-postgres": ["orders: 9,999 rows; 1 request"],
    }
    text = "".join(
        f"2026-01-01T00:00:00Z [info     ] {plugin} {line}\n"
        for plugin, lines in told.items()
        for line in lines
    )
    books.log_of(run).write_bytes(text.encode() + b"\n\xff no text")
    [found] = listed(books)
    assert found["rows_by_stream"] == {
        "orders": 42,
        "order_lines": 1300,
        "products": 7,
        "returns": 0,
        "code_lists": 343,
    }
    assert found["rows"] == 1692
    assert "  1,692" in books.call("list-runs")


def test_the_lines_that_the_tap_writes_are_read(tmp_path: Path) -> None:
    log = tmp_path / "elt.log"
    entry = ProgressEntry(begun=0, done_at_first=0, where="9 of 40 read (22 %)", rows=1000)
    lines = [line_of(ORDERS), line_of(PRODUCTS), code_lists_line([STATUSES] * 3)]
    lines += [f"orders of type 3: {entry.text(9)}", f"localities: {entry.text(9)}"]
    log.write_text("".join(f"2026… [info     ] tap-emag     {line}\n" for line in lines))
    rows = {**ORDERS.rows, **PRODUCTS.rows, "code_lists": 0, "localities": 1000}
    assert facts.rows(log, "tap-emag") == rows


def test_rows_so_far_are_those_of_all_parts_of_a_stream(tmp_path: Path) -> None:
    log = tmp_path / "elt.log"
    texts = [(3, "1,000"), (2, "70"), (3, "2,000")]
    log.write_text(
        "".join(
            f"2026… [info     ] tap-emag     orders of type {kind}: read up to … UTC (9 %), {rows}"
            " rows, 1,205 per second, about 2 min left\n"
            for kind, rows in texts
        )
    )
    assert facts.rows(log, "tap-emag") == {"orders": 2070}


def test_what_a_run_failed_for_is_one_clean_line(books: Books) -> None:
    evil = "it\nbroke\x1b[2J for ana@example.invalid\r" + "so " * 900
    failed = books.book(minutes=30, state="FAIL", heartbeat=20, ended=20, payload={"error": evil})
    [first] = listed(books)
    assert first["error"].startswith("it broke [2J for … so so")
    assert len(first["error"]) == 500
    text = books.call("list-runs")
    assert "\x1b" not in text
    assert f"run {failed.id}: it broke [2J for …" in text
