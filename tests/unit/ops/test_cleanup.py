"""Runs that are under way for too long are booked as failed, and no others."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from meltano.core.job.finder import JobFinder
from sqlalchemy.orm import Session

from tap_emag.ops.meltano.database import RUNS
from tests.unit.ops.booked import STATE_ID

if TYPE_CHECKING:
    from tap_emag.ops.meltano.database import Run
    from tests.unit.ops.booked import Books


def states(books: Books) -> dict[int, str]:
    return {run.id: run.state for run in books.runs.newest(1000)}


def test_a_run_older_than_the_limit_is_failed_and_its_lock_is_free(books: Books) -> None:
    kept = {"singer_state": {"bookmarks": {"orders": {"partitions": []}}}, "other": "ăîș"}
    old = books.book(minutes=16, payload=kept)
    young = books.book("dev:tap-emag-offers-to-target-postgres", minutes=14)
    done = books.book("dev:tap-emag-returns-to-target-postgres", minutes=99, state="SUCCESS")
    books.log_of(old).write_text("so far\n")

    report = books.clean_up()

    [cleaned] = report["cleaned"]
    assert (cleaned["id"], cleaned["run_id"]) == (old.id, old.run_id)
    assert 16 * 60 < cleaned["age_seconds"] < 17 * 60
    assert states(books) == {old.id: "FAIL", young.id: "RUNNING", done.id: "SUCCESS"}
    assert "still running 16 min" in cleaned["error"]
    assert books.runs.payload(old) == {**kept, "error": cleaned["error"]}
    assert books.log_of(old).read_text().startswith("so far\n")
    assert cleaned["error"] in books.log_of(old).read_text()
    ended = books.row(old.id).ended
    assert ended
    assert abs((datetime.now(timezone.utc) - ended).total_seconds()) < 60
    with Session(books.engine) as session:
        assert JobFinder(STATE_ID).latest_running(session) is None


def test_a_dry_run_changes_nothing_and_tells_the_same(books: Books) -> None:
    old = books.book(minutes=16)
    books.log_of(old).write_text("so far\n")
    over = books.book("dev:tap-emag-offers-to-target-postgres", state="FAIL", ended=0)
    config = books.config("tap-emag-offers")
    before = books.everything()

    dry = books.clean_up("--dry-run")

    assert dry["dry_run"] is True
    assert [each["id"] for each in dry["cleaned"]] == [old.id]
    assert dry["removed_files"] == [str(config)]
    assert books.everything() == before
    assert books.log_of(old).read_text() == "so far\n"
    assert config.exists()
    wet = books.clean_up()
    assert [each["id"] for each in wet["cleaned"]] == [old.id]
    assert wet["removed_files"] == [str(config)]
    assert not config.exists()
    assert books.row(over.id) == over


def test_the_limit_comes_from_the_option_or_else_the_environment(books: Books) -> None:
    run = books.book(minutes=12)
    assert books.clean_up("--force")["cleaned"] == []
    books.environment["EMAG_OPS_TIMEOUT_MINUTES"] = "10"
    assert books.clean_up("--timeout-minutes", "20", "--force")["cleaned"] == []
    report = books.clean_up("--force")
    assert report["timeout_minutes"] == 10
    assert [each["id"] for each in report["cleaned"]] == [run.id]


def test_a_state_id_may_be_singled_out(books: Books) -> None:
    first = books.book("dev:tap-emag-orders-to-target-postgres", minutes=30, heartbeat=20)
    other = books.book("dev:tap-emag-offers-to-target-postgres", minutes=30, heartbeat=20)
    books.clean_up("--state-id", other.state_id)
    assert states(books) == {first.id: "RUNNING", other.id: "FAIL"}


def test_a_run_with_a_fresh_heartbeat_and_no_process_here_is_said_to_be_elsewhere(
    books: Books,
) -> None:
    here = books.book(minutes=30, heartbeat=5)
    there = books.book("dev:tap-emag-offers-to-target-postgres", minutes=30, heartbeat=0)
    cleaned = {each["id"]: each for each in books.clean_up("--force")["cleaned"]}
    assert cleaned[here.id]["on_another_host"] is False
    assert cleaned[there.id]["on_another_host"] is True
    assert "another host" in cleaned[there.id]["error"]
    assert states(books) == {here.id: "FAIL", there.id: "FAIL"}


def test_two_clean_ups_at_once_share_the_runs_between_them(books: Books) -> None:
    runs = [books.book(f"{STATE_ID}:{number}", minutes=30, heartbeat=20) for number in range(12)]
    for run in runs:
        books.log_of(run).write_text("so far\n")
    commands = [books.command("cleanup-stuck-runs", "--json") for _ in range(3)]
    reports = [json.loads(command.communicate(timeout=300)[0]) for command in commands]
    assert [command.returncode for command in commands] == [0, 0, 0]
    cleaned = Counter(each["id"] for report in reports for each in report["cleaned"])
    assert cleaned == {run.id: 1 for run in runs}
    assert set(states(books).values()) == {"FAIL"}


def test_what_a_run_writes_meanwhile_is_kept(books: Books) -> None:
    # Meltano writes the state into the payload as it comes, until it sees that the run is over.
    run, written, ready = books.book(minutes=30), [0], threading.Event()
    row = sa.and_(RUNS.c.id == run.id, RUNS.c.state == "RUNNING")

    def meltano() -> None:
        for number in range(1, 100_000):
            with books.engine.begin() as connection:
                values = {"payload": json.dumps({"singer_state": number})}
                done = connection.execute(sa.update(RUNS).where(row).values(values))
            if done.rowcount == 0:
                return
            written.append(number)
            ready.set()

    thread = threading.Thread(target=meltano)
    thread.start()
    ready.wait(60)
    assert books.runs.fail(run, "stuck", datetime.now(timezone.utc))
    thread.join(20)
    assert len(written) > 1
    assert books.runs.payload(run) == {"singer_state": written[-1], "error": "stuck"}


def test_a_clean_up_waits_for_others_who_write(books: Books) -> None:
    run = books.book(minutes=30)
    books.log_of(run).write_text("so far\n")
    with books.engine.connect() as connection:
        if books.engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.execute(sa.update(RUNS).values(last_heartbeat_at=sa.func.current_timestamp()))
        command = books.command("cleanup-stuck-runs", "--json", "--force")
        time.sleep(2)
        assert command.poll() is None
        connection.commit()
    report = json.loads(command.communicate(timeout=300)[0])
    assert [each["id"] for each in report["cleaned"]] == [run.id]


def test_pipelines_may_go_on_writing_while_runs_are_cleaned_up(books: Books) -> None:
    over = threading.Event()
    alive = [books.book(f"{STATE_ID}:{number}", minutes=30) for number in range(5)]
    stuck = books.book(minutes=30, heartbeat=20)
    errors: list[Exception] = []

    def beat(run: Run) -> None:
        try:
            while not over.wait(0.1):
                books.write(run, last_heartbeat_at=datetime.now(timezone.utc).replace(tzinfo=None))
        except Exception as error:  # noqa: BLE001 - told by the test
            errors.append(error)

    threads = [threading.Thread(target=beat, args=[run]) for run in alive]
    for thread in threads:
        thread.start()
    try:
        report = books.clean_up()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert [each["id"] for each in report["cleaned"]] == [stuck.id]
    assert {books.row(run.id).state for run in alive} == {"RUNNING"}


def test_people_are_told_in_words(books: Books) -> None:
    assert books.call("cleanup-stuck-runs") == "Cleaned up 0 stuck runs.\n"
    run = books.book(minutes=75, heartbeat=70)
    first, last = books.call("cleanup-stuck-runs", "--dry-run").splitlines()
    assert first.startswith(f"{STATE_ID} (run {run.id}): Stuck: still running 1 h 15 min")
    assert last == "Dry run: would clean up 1 stuck run."
    assert books.call("cleanup-stuck-runs").splitlines()[-1] == "Cleaned up 1 stuck run."


def test_the_json_has_the_same_keys_whatever_is_found(books: Books) -> None:
    empty: dict[str, Any] = books.clean_up()
    books.book(minutes=30, heartbeat=20)
    full = books.clean_up()
    assert set(empty) == set(full)
    assert full["cleaned"][0]["processes"] == full["cleaned"][0]["still_alive"] == []
