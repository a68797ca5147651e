"""What several test modules share: a PostgreSQL, and Meltano with its plugins installed."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import hypothesis
import pytest

from emag_sandbox.demo.pipeline import _clean_environment
from emag_sandbox.postgres.server import open_postgres
from tap_emag.state.store import StateStore
from tests.support.api import STATE_DIR
from tests.support.forked import forked
from tests.support.meltano_project import MeltanoProject, install_plugins, project_with

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from emag_sandbox.postgres.server import Postgres
    from tests.support.forked import Forked

# Several files are tested at once: how long drawing an example takes says nothing then.
hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy")

# Under `make test`, a make that a test starts would believe itself a part of that one: it would say
# which folder it enters, and take over its options.
for _name in ("MAKELEVEL", "MAKEFLAGS", "MFLAGS", "ARGS"):
    os.environ.pop(_name, None)


def _plain(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let all be told that a test has said: half a surrogate pair could not leave its process."""
    report = yield
    if report.failed:
        report.longrepr = _plain(str(report.longrepr))
    # What was logged is told of tests that pass, too.
    report.sections = [(name, _plain(text)) for name, text in report.sections]
    return report


# What takes minutes, the longest first: a long file that comes last keeps all waiting.
LONGEST = (
    *("test_airflow.py", "test_pasted_blocks.py", "test_dagster.py", "test_kills.py"),
    *("test_personal_data_jobs.py", "test_machine.py", "test_broken_runs.py"),
    *("test_operators_day.py", "test_production.py", "test_every_field.py", "test_any_api.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, then those of most pipelines."""
    pipelines = Counter(item.path for item in items if item.get_closest_marker("meltano"))
    rank = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: (rank.get(item.path.name, len(rank)), -pipelines[item.path]))


@pytest.fixture(scope="session", autouse=True)
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep budgets and breakers of tests out of the user's own folder."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATE_DIR, str(folder))
        patch.setenv("XDG_STATE_HOME", str(folder))
        yield folder


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    """A state store of its own."""
    with StateStore(tmp_path / "state") as store:
        yield store


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server for the whole session: the one in `DATABASE_URL`, or one of our own."""
    with open_postgres() as server:
        yield server


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Postgres]:
    """An empty database for one test."""
    name = f"tap_emag_test_{uuid4().hex[:12]}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def meltano_plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Meltano project of this process, with plugins that are installed once."""
    return project_with(install_plugins(), tmp_path_factory.mktemp("meltano") / "project")


@pytest.fixture(scope="session")
def forked_meltano() -> Iterator[Forked]:
    """Meltano's command line, imported once."""
    with forked("meltano.cli", environment=_clean_environment()) as meltano:
        yield meltano


@pytest.fixture
def meltano_project(
    tmp_path: Path, database: Postgres, meltano_plugins: Path
) -> Callable[..., MeltanoProject]:
    """Make this test's pipeline: `meltano_project(sandbox.url, order_types=[3])`."""

    def make(sandbox_url: str, **tap_settings: Any) -> MeltanoProject:  # noqa: ANN401
        return MeltanoProject(
            tmp_path, database, sandbox_url, plugins=meltano_plugins, **tap_settings
        )

    return make
