"""Reports that wait in one `state_dir`: several at once, of several projects."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from tap_emag.reporting.webhook import HURRIED, PATIENCE, Timeouts
from tests.support.receiver import HANG
from tests.support.reports import a_report
from tests.unit.ops.booked import Books
from tests.unit.ops.reported import Reported, waiting

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_webhook_that_hangs_gets_little_time_for_the_reports_after_the_first(
    reported: Reported, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    patient, hurried = Timeouts(attempts=1.5, total=1.5), Timeouts(attempts=0.2, total=0.2)
    monkeypatch.setattr("tap_emag.reporting.webhook.PATIENCE", patient)
    monkeypatch.setattr("tap_emag.reporting.webhook.HURRIED", hurried)
    reported.receiver.statuses = [HANG]
    for number in range(5):
        reported.wait_for(reported.books.book(state="SUCCESS", ended=0), name=str(number))
    begun = time.monotonic()
    reported.report()
    assert time.monotonic() - begun < patient.total + 4 * hurried.total + 1.2
    assert caplog.text.count("did not accept") == 5
    assert HURRIED.total < PATIENCE.total / 3
    assert not waiting(reported.store)


def test_a_project_completes_its_own_reports_and_no_others(
    reported: Reported, tmp_path: Path, made_sqlite: Path
) -> None:
    database = shutil.copy(made_sqlite, tmp_path / "another.db")
    other = Books(tmp_path / "another", f"sqlite:///{database}")
    theirs = Reported(other, reported.receiver, reported.folder)
    long_ago = replace(a_report(), started=datetime.now(timezone.utc) - timedelta(days=8))
    run = reported.books.book(state="SUCCESS", ended=0)
    reported.wait_for(run)
    reported.wait_for(reported.books.book(), name="old", report=long_ago)
    theirs.wait_for(other.book(state="SUCCESS", ended=0), name="theirs")
    with reported.reports.taken(reported.books.root) as mine:
        assert {name for name, _ in mine} == {"one", "old"}
        [event] = theirs.report()  # which does not wait for the other project
    assert waiting(reported.store) == {"one", "old"}
    [_, mine_too] = reported.report()
    assert (event["run_id"] != run.run_id, mine_too["run_id"] == run.run_id) == (True, True)


def test_a_report_of_a_project_that_has_moved_is_completed_where_it_is_now(
    reported: Reported, tmp_path: Path
) -> None:
    run = reported.books.book(state="SUCCESS", ended=0)
    reported.wait_for(run, project=str(tmp_path / "where-it-was"))
    assert [event["run_id"] for event in reported.report()] == [run.run_id]
