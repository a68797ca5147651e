"""A pipeline is refused that would write the history of offers once more; no other one is."""

from __future__ import annotations

import signal
import subprocess
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from tap_emag.meltano.kept_states import LoaderOfRun
from tap_emag.ops.meltano.database import STATE
from tests.support.command import COMMAND, Command
from tests.support.pipeline import Pipeline, shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emag_sandbox import Sandbox
    from tests.stateful.runs import Run
    from tests.unit.ops.booked import Books

SINCE = datetime.now(timezone.utc) - timedelta(days=30)
OFFERS = "products,product_history,product_deletions"
JOB = "dev:tap-emag-offers-to-target-postgres"
ALL = "dev:tap-emag-to-target-postgres"
REFUSED = "this pipeline would write each version once more"


@dataclass
class Project:
    """Runs of pipelines as Meltano starts them: each finds itself in Meltano's database."""

    books: Books
    sandbox: Sandbox
    folder: Path
    patch: pytest.MonkeyPatch
    states: dict[str, Any] = field(default_factory=dict)

    def run(self, state_id: str, streams: str = OFFERS, **settings: Any) -> Run:  # noqa: ANN401
        """Run a pipeline with the state that Meltano keeps for it, and keep its state."""
        self.enter(state_id)
        self.sandbox.clock.advance(5)
        booked = self.books.book(state_id)
        state_dir = settings.pop("state_dir", self.folder)
        pipeline = Pipeline(state_dir, self.sandbox, streams, SINCE)
        pipeline.state = None if settings.pop("full_refresh", False) else self.states.get(state_id)
        run = pipeline.run(**settings)
        self.books.write(booked, state="FAIL" if run.code else "SUCCESS")
        if pipeline.state:
            self.keep(state_id, pipeline.state)
        return run

    def enter(self, state_id: str) -> None:
        """Set the variables that Meltano sets for the extractor of a pipeline."""
        environment, pair, *_ = state_id.split(":")
        variables = {
            "MELTANO_ENVIRONMENT": environment,
            "MELTANO_EXTRACTOR_NAME": pair.partition("-to-")[0],
            "MELTANO_DATABASE_URI": self.books.environment["MELTANO_DATABASE_URI"],
        }
        for name, value in variables.items():
            self.patch.setenv(name, value)

    def keep(self, state_id: str, state: Any) -> None:  # noqa: ANN401
        """Keep a state, as `meltano state set` does."""
        self.states[state_id] = state
        self.books.keep_state(state_id, state)

    def clear(self, state_id: str) -> None:
        """Forget a state, as `meltano state clear` does."""
        del self.states[state_id]
        with self.books.engine.begin() as connection:
            connection.execute(sa.delete(STATE).where(STATE.c.state_id == state_id))


@pytest.fixture
def project(
    sqlite_books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    with shop(offers=6, orders=4) as sandbox:
        yield Project(sqlite_books, sandbox, tmp_path / "taps", monkeypatch)


def is_refused(run: Run) -> bool:
    if run.code:
        assert (run.code, run.lines) == (2, [])
        assert REFUSED in str(run.error)
    return bool(run.code)


@pytest.mark.parametrize(
    "second",
    [
        ALL,
        f"{JOB}:second",
        f"{ALL}:backfill-2025q1",
        "dev:tap-emag-inherited-to-target-postgres",
    ],
)
def test_a_second_pipeline_of_one_loader_is_refused_before_its_first_request(
    project: Project, second: str
) -> None:
    assert project.run(JOB).code == 0
    for settings in ({}, {"full_refresh": True}, {"state_dir": project.folder / "lost"}):
        run = project.run(second, **settings)
        assert is_refused(run)
        assert str(run.error).startswith(f"products: {JOB} has written those of emag_ro/main to ")
        assert "`meltano --environment=dev run tap-emag-offers target-postgres`" in str(run.error)
        assert not list(project.sandbox.log)
    assert project.run(JOB).code == 0
    assert project.run(JOB, full_refresh=True).code == 0


def test_the_command_to_write_instead_has_the_suffix(project: Project) -> None:
    assert project.run(f"{JOB}:shop").code == 0
    assert "dev run --state-id-suffix=shop tap-emag-offers target-postgres`" in str(
        project.run(JOB).error
    )


@pytest.mark.parametrize(
    "second",
    [
        "dev:tap-emag-to-target-jsonl",
        "dev:tap-emag-to-target-postgres--archive",
        "prod:tap-emag-to-target-postgres",
        "prod:tap-emag-offers-to-target-postgres",
    ],
)
def test_another_loader_and_another_environment_are_other_targets(
    project: Project, second: str
) -> None:
    assert project.run(JOB).code == 0
    assert project.run(second).code == 0
    assert project.run(JOB).code == 0


def test_another_account_has_a_history_of_its_own(project: Project) -> None:
    assert project.run(JOB).code == 0
    assert project.run("dev:tap-emag-fbe-to-target-postgres", account_type="fbe").code == 0


@pytest.mark.parametrize("streams", ["orders", "products", "commissions"])
def test_streams_that_write_no_history_are_read_by_as_many_as_wish(
    project: Project, streams: str
) -> None:
    assert project.run(JOB).code == 0
    assert project.run(ALL, streams).code == 0
    project.clear(JOB)
    assert project.run(JOB).code == 0  # the other one has bookmarks, but wrote no history
    run = project.run(JOB)
    assert run.code == 0
    assert "has also written" not in run.log


def test_a_run_that_wrote_no_offer_reserves_nothing(project: Project) -> None:
    project.sandbox.set(resource_faults={"product_offer": "500"})
    assert project.run(ALL, OFFERS + ",orders").code != 0
    assert "products" in project.states[ALL]["bookmarks"]
    project.sandbox.set(resource_faults={})
    assert project.run(JOB).code == 0


def test_a_run_that_wrote_some_offers_and_failed_counts(project: Project) -> None:
    assert project.run(JOB).code == 0
    with project.books.engine.begin() as connection:
        values = {"partial_state": STATE.c.completed_state, "completed_state": "{}"}
        connection.execute(sa.update(STATE).values(values))
    assert is_refused(project.run(ALL))


def test_a_state_that_is_handed_over_or_cleared_lets_another_begin(project: Project) -> None:
    assert project.run(JOB).code == 0
    project.keep(ALL, project.states[JOB])
    project.clear(JOB)
    run = project.run(ALL)
    assert run.code == 0
    assert b'"RECORD"' not in b"".join(run.lines)
    assert is_refused(project.run(JOB))
    project.clear(ALL)
    assert project.run(JOB).code == 0


def test_the_setting_lets_a_second_one_begin_once(project: Project) -> None:
    assert project.run(JOB).code == 0
    assert project.run(ALL, allow_second_pipeline=True).code == 0
    assert project.run(ALL).code == 0


def test_pipelines_that_both_have_bookmarks_go_on_with_a_warning(project: Project) -> None:
    assert project.run(JOB).code == 0
    assert project.run(ALL, allow_second_pipeline=True).code == 0
    run = project.run(JOB)
    assert run.code == 0
    assert f"products: {ALL} has also written those of emag_ro/main" in run.log
    project.sandbox.world.touch_offers(1)
    assert project.run(JOB).code == 0
    assert "has also written" not in project.run(JOB).log  # the other one no longer runs
    assert "has also written" in project.run(ALL).log
    assert "has also written" not in project.run(ALL, allow_second_pipeline=True).log


@pytest.mark.parametrize(
    "bookmarks",
    [
        None,
        [],
        {"products": 7, "product_history": {}},
        {"products": {"partitions": [7, {"context": 1}]}, "product_history": {}},
        {"products": {"replication_key_value": "2026-01-01"}, "product_history": {}},
    ],
)
def test_a_state_of_another_form_is_no_reason_to_refuse(
    project: Project, bookmarks: object
) -> None:
    project.keep("dev:tap-shop-to-target-postgres", {"bookmarks": bookmarks})
    assert project.run(JOB).code == 0


def test_a_damaged_time_does_not_hide_that_offers_were_written(project: Project) -> None:
    assert project.run(JOB).code == 0
    state = project.states[JOB]
    state["bookmarks"]["products"]["partitions"][0]["replication_key_value"] = "yesterday"
    project.keep(JOB, state)
    assert is_refused(project.run(ALL))


def test_of_two_first_runs_at_once_the_second_makes_no_request(
    project: Project, tmp_path: Path
) -> None:
    sandbox = project.sandbox
    sandbox.set(fail_next=["hang"])
    project.enter(JOB)
    project.books.book(JOB, heartbeat=-5)  # however long the machine takes to start the tap
    given: dict[str, Any] = {"state_dir": str(project.folder), "request_timeout_seconds": 60}
    first = Command(tmp_path / "first", sandbox, streams=OFFERS, **given)
    first.until(lambda: len(sandbox.log) > 0)
    for second, code in {ALL: 5, "dev:tap-emag-to-target-jsonl": 0}.items():
        run = project.run(second)
        assert run.code == code, run.log
        if code:
            assert "another run reads the same list for the first time" in str(run.error)
            assert str(first.process.pid) in str(run.error)
            assert not list(sandbox.log)
    first.signal(signal.SIGKILL)
    first.process.wait()
    assert project.run(ALL).code == 0


def test_what_only_looks_is_never_refused(project: Project, tmp_path: Path) -> None:
    assert project.run(JOB).code == 0
    project.enter(ALL)
    project.books.book(ALL)
    config = tmp_path / "config.json"
    config.write_text(
        f'{{"username": "demo", "password": "demo", "api_url": "{project.sandbox.url}",'
        f' "state_dir": "{project.folder}"}}'
    )
    for option in ("--discover", "--test", "--about"):
        done = subprocess.run(
            [COMMAND, "--config", config, option], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()


def test_states_are_read_from_either_database(books: Books) -> None:
    own = "dev:tap-emag-offers-to-target-postgres"
    variables = {**books.environment, "MELTANO_EXTRACTOR_NAME": "tap-emag-offers"}
    loader = LoaderOfRun.of(own, variables)
    assert loader == ("dev", "target-postgres")
    for state_id in (own, f"{ALL}:a", "dev:tap-emag-to-target-jsonl", "development:x", "dev:odd"):
        books.keep_state(state_id, {"bookmarks": {state_id: {}}})
    found = loader.states(variables)
    assert [each.state_id for each in found] == [own, f"{ALL}:a"]
    assert found[0].states == ({"bookmarks": {own: {}}}, None)
    assert found[1].command.split()[2:] == [
        "run",
        "--state-id-suffix=a",
        "tap-emag",
        "target-postgres",
    ]
    assert loader.states({}) == []
