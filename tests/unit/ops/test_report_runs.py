"""A run is reported as completed when the loader has confirmed it, and as failed with its words."""

from __future__ import annotations

import resource
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from tap_emag.metrics import definitions as f
from tap_emag.ops.meltano.failure_reason import loader_failed, reason
from tap_emag.reporting.unconfirmed import (
    KILLED,
    Confirmation,
)
from tap_emag.settings.settings import Settings
from tests.support.command import ROOT
from tests.support.reports import ORDERS, a_report
from tests.unit.ops.reported import LAST_SUCCESS, events, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.ops.reported import Jobs, Reported


@pytest.mark.meltano
def test_success_is_reported_once_and_only_after_the_loader_has_confirmed_it(jobs: Jobs) -> None:
    password = jobs.project.pipeline.environment["TARGET_POSTGRES_PASSWORD"]
    jobs.run(TARGET_POSTGRES_PASSWORD="not the loader's")
    assert events(jobs.receiver) == []
    assert LAST_SUCCESS not in jobs.store.read().values
    jobs.run()  # its first task reports the run before
    [failed] = events(jobs.receiver)
    first = jobs.listed()
    assert failed["event"] == "sync_failed"
    assert failed["message"].startswith("target-postgres: ")
    assert failed["message"].endswith("; check TARGET_POSTGRES_PASSWORD")
    assert "password authentication failed" in failed["message"]
    assert LAST_SUCCESS not in jobs.store.read().values
    jobs.run(TARGET_POSTGRES_PASSWORD=password)
    *_, completed = events(jobs.receiver)
    last = jobs.listed()
    assert len(jobs.receiver.received) == 3
    assert (completed["event"], completed["run_id"]) == ("sync_completed", last["run_id"])
    assert (last["state"], first["state"]) == ("SUCCESS", "FAIL")
    assert first["error"] == failed["message"]
    assert jobs.store.read().values[LAST_SUCCESS] > 0
    assert not waiting(jobs.store.state)


@pytest.mark.meltano
def test_a_tap_that_fails_says_so_itself_with_meltanos_run_id(jobs: Jobs) -> None:
    jobs.run(TAP_EMAG_PASSWORD="not the tap's")
    [failed] = events(jobs.receiver)
    assert (failed["event"], failed["exit_code"]) == ("sync_failed", 3)
    listed = jobs.listed()
    assert failed["run_id"] == listed["run_id"]
    assert listed["error"].startswith("Extractor failed; last line of tap-emag-orders: ")
    assert "eMAG refuses the user or password" in listed["error"]
    jobs.run(TAP_EMAG_PASSWORD="demo")
    again = [each for each in events(jobs.receiver) if each["run_id"] == failed["run_id"]]
    assert again == [failed]


def test_a_run_under_way_waits_and_is_reported_once_when_it_is_over(reported: Reported) -> None:
    run = reported.books.book(minutes=2)
    reported.wait_for(run)
    assert reported.report() == []
    reported.books.write(run, state="SUCCESS", ended_at=datetime.now(timezone.utc))
    [event] = reported.report()
    assert (event["event"], event["run_id"]) == ("sync_completed", run.run_id)
    assert 100 < event["duration_seconds"] < 200
    assert reported.report() == [event]
    assert reported.value(f.LAST_SUCCESS, sync_type="orders") > run.started.timestamp()
    assert reported.value(f.SYNC_DURATION, sync_type="orders") == 1
    assert reported.value(f.BOOKMARK, sync_type="orders") > 0


def test_what_is_read_counts_as_loaded_where_only_the_tap_has_failed(reported: Reported) -> None:
    payload = {"error": "Extractor failed"}
    run = reported.books.book(minutes=2, state="FAIL", ended=1, payload=payload)
    failed = replace(a_report("failed"), run_id=run.run_id, streams=(ORDERS,))
    reported.wait_for(run, report=failed, sent=True)
    assert reported.report() == []
    assert reported.value(f.LAST_SUCCESS, sync_type="orders") > 0
    assert reported.value(f.ERRORS) == 0


def test_after_the_first_run_that_is_loaded_the_next_steps_are_named_once(
    reported: Reported,
) -> None:
    books = reported.books
    page = (ROOT / "docs/get-started.md").read_text(encoding="utf-8")
    assert "### 5. Query" in page
    assert "## 6. A schedule" in (ROOT / "docs/running.md").read_text(encoding="utf-8")

    def told() -> list[str]:
        return books.call("report-runs", "--state-dir", str(reported.folder)).splitlines()

    failed = books.book(minutes=9, state="FAIL", ended=8, payload={"error": "Loader failed"})
    reported.wait_for(failed)
    backfill = books.book(minutes=8, state="SUCCESS", ended=7)
    reported.wait_for(backfill, name="two", backfill=True)
    assert len(told()) == 2
    for name, minutes in (("three", 6), ("four", 5)):  # two blocks of one job
        reported.wait_for(books.book(minutes=minutes, state="SUCCESS", ended=4), name=name)
    *lines, first, second = told()
    assert [line.rpartition(": ")[2] for line in lines] == ["loaded", "loaded"]
    assert "docs/get-started.md step 5" in first
    assert "docs/running.md step 6" in first
    assert "emag-ops list-runs" in second
    reported.wait_for(books.book(minutes=2, state="SUCCESS", ended=1), name="five")
    assert [line.rpartition(": ")[2] for line in told()] == ["loaded"]


LOADER_DIED = """\
2026-11-29T07:12:01Z [info     ] target-postgres     Traceback (most recent call last):
2026-11-29T07:12:01Z [info     ] target-postgres     db.OperationalError: the server went
2026-11-29T07:12:01Z [info     ] tap-emag-orders     an.OtherError: another plugin
"""
LOADER_SAID = """\
2026-11-29T07:12:01Z [critical ] target-postgres     the server went; see that it runs
2026-11-29T07:12:01Z [info     ] meltano             an.OtherError: BrokenPipeError
"""


@pytest.mark.parametrize("log", [LOADER_SAID, LOADER_DIED + LOADER_SAID])
def test_the_critical_line_of_the_loader_is_its_reason(reported: Reported, log: str) -> None:
    run = reported.books.book(minutes=2, state="FAIL", ended=1, payload={"error": "Loader failed"})
    reported.books.log_of(run).write_text(log)
    why = reason(reported.books.place, run, "Loader failed")
    assert why == "target-postgres: the server went; see that it runs"


@pytest.mark.parametrize(
    ("error", "tap"),
    [
        ("BrokenPipeError()", None),
        ("[Errno 32] Broken pipe", KILLED),
        ("ConnectionResetError('Connection lost')", "TargetGoneError"),
        ("Loader failed", KILLED),
    ],
)
def test_the_loaders_words_are_given_however_its_end_was_recorded(
    reported: Reported, error: str, tap: str | None
) -> None:
    run = reported.books.book(minutes=2, state="FAIL", ended=1, payload={"error": error})
    log = reported.books.log_of(run)
    log.write_text(LOADER_DIED)
    report = a_report("failed") if tap else a_report()
    waiting = replace(report, run_id=run.run_id, error=tap, message=None)
    reported.wait_for(run, report=waiting)
    [event] = reported.report()
    assert (event["event"], event["error"]) == ("sync_failed", "LoaderFailedError")
    assert event["message"] == "target-postgres: the server went"
    log.unlink()
    why = reason(reported.books.place, run, error)
    assert why == "target-postgres: Loader failed; see its log"


def test_only_the_loaders_end_is_a_failure_of_the_loader() -> None:
    for recorded in ("Connection lost", "[Errno 104] Connection reset by peer"):
        assert loader_failed(recorded)
    for other in (None, "Extractor failed", "The process was terminated", "Stuck: no heartbeat"):
        assert not loader_failed(other)


@pytest.mark.parametrize("error", ["Loader failed", "Extractor and loader failed"])
def test_nothing_counts_as_loaded_where_the_loader_has_failed(
    reported: Reported, error: str
) -> None:
    payload = {"error": error}
    run = reported.books.book(minutes=2, state="FAIL", ended=1, payload=payload)
    reported.wait_for(run)
    [event] = reported.report()
    assert (event["event"], event["error"]) == ("sync_failed", "LoaderFailedError")
    assert event["message"] == f"target-postgres: {error}; see its log"
    assert reported.value(f.LAST_SUCCESS) == 0
    assert reported.value(f.ERRORS, sync_type="orders", error_type="LoaderFailedError") == 1
    assert reported.value(f.SYNC_DURATION, status="failed") == 1


def test_a_tap_that_was_killed_is_reported(reported: Reported) -> None:
    payload = {"error": "Extractor failed"}
    run = reported.books.book(minutes=2, state="FAIL", ended=1, payload=payload)
    killed = replace(a_report("failed"), error=KILLED, message="the tap was killed")
    reported.wait_for(run, report=replace(killed, run_id=run.run_id))
    [event] = reported.report()
    assert (event["error"], event["message"]) == (KILLED, "the tap was killed")


def test_a_run_whose_report_cannot_be_kept_does_not_pass_for_a_killed_one(
    reported: Reported,
) -> None:
    run = reported.books.book(minutes=2, state="SUCCESS", ended=1)
    given = {"username": "demo", "password": "demo", "webhook_url": reported.receiver.url}
    given |= {"state_dir": str(reported.folder), "marketplace": "emag_ro"}
    settings = Settings.from_config(given, datetime.now(timezone.utc))
    confirmation = Confirmation(reported.store, settings, run.state_id)
    report = replace(a_report(), run_id=run.run_id)
    confirmation.begin(report)
    with no_room():
        assert not confirmation.keep(report)
    assert reported.report() == []


@contextmanager
def no_room() -> Iterator[None]:
    """Let no file of this process grow, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.meltano
def test_a_setting_that_is_wrong_is_reported_with_meltanos_run_id(jobs: Jobs) -> None:
    jobs.run(TAP_EMAG_START_DATE="01.02.2026")
    [failed] = events(jobs.receiver)
    assert (failed["event"], failed["exit_code"]) == ("sync_failed", 2)
    assert failed["run_id"] == jobs.listed()["run_id"]


def test_two_at_once_report_a_run_once(reported: Reported) -> None:
    reported.wait_for(reported.books.book(minutes=2, state="SUCCESS", ended=1))
    with reported.reports.taken(reported.books.root) as mine:
        assert len(mine) == 1
        assert reported.report() == []
    assert len(reported.report()) == 1


def test_a_report_of_a_run_that_meltano_has_forgotten_is_dropped(reported: Reported) -> None:
    old = replace(a_report(), started=datetime.now(timezone.utc) - timedelta(days=8))
    young = replace(old, started=datetime.now(timezone.utc) - timedelta(days=6))
    reported.wait_for(reported.books.book(minutes=1), report=old)
    reported.wait_for(reported.books.book(minutes=1), name="young", report=young)
    reported.store.execute("INSERT INTO unconfirmed_reports VALUES ('damaged', '{')")
    reported.report()
    assert waiting(reported.store) == {"young"}
