"""`emag-ops list-runs` shows what can be known of each run."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from tap_emag.ops.meltano import run_facts as progress
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


def test_rows_come_from_the_runs_log(books: Books) -> None:
    run = books.book(minutes=2)
    assert listed(books)[0]["rows"] is None
    point = '{{"type":"counter","metric":"record_count","value":{},"tags":{{"stream":"{}"}}}}'
    lines = [
        f"2026-01-01T00:00:00Z [info     ] {plugin} METRIC: {point.format(value, stream)}"
        for plugin, value, stream in (
            ("tap-emag-orders", 40, "orders"),
            ("tap-emag-orders", 2, "orders"),
            ("tap-emag-orders", 1300, "order_lines"),
            ("target-postgres", 1342, "orders"),
        )
    ]
    lines += ["METRIC: {broken", "tap-emag-orders METRIC: 7"]
    books.log_of(run).write_bytes("\n".join(lines).encode() + b"\n\xff no text")
    [found] = listed(books)
    assert found["rows"] == 1342
    assert found["rows_by_stream"] == {"orders": 42, "order_lines": 1300}
    assert "  1,342" in books.call("list-runs")


def test_rows_are_counted_when_the_log_is_of_json(tmp_path: Path) -> None:
    point = json.dumps({"metric": "record_count", "value": 7, "tags": {"stream": "orders"}})
    log = tmp_path / "elt.log"
    log.write_text(f"x tap-emag {json.dumps({'message': f'METRIC: {point}'})}\n")
    assert progress.rows(log, "tap-emag") == {"orders": 7}


def test_what_a_run_failed_for_is_one_clean_line(books: Books) -> None:
    evil = "it\nbroke\x1b[2J for ana@example.invalid\r" + "so " * 900
    failed = books.book(minutes=30, state="FAIL", heartbeat=20, ended=20, payload={"error": evil})
    [first] = listed(books)
    assert first["error"].startswith("it broke [2J for … so so")
    assert len(first["error"]) == 500
    text = books.call("list-runs")
    assert "\x1b" not in text
    assert f"run {failed.id}: it broke [2J for …" in text
