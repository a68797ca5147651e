"""The block of `docs/personal-data.md` serves every job, whichever streams its plugins select.

As few jobs as contain every plugin are run; TAP_EMAG_LONG=1 runs all of them.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.e2e.acceptance.test_personal_data import NOW, SALT, block, cells, maps, personal_values
from tests.support.declared import declared
from tests.support.meltano_project import MeltanoProject, project_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from emag_sandbox.postgres.server import Postgres
    from tests.support.forked import Forked
    from tests.support.meltano_project import Result

# All jobs run before the first test: on a slow machine that takes longer than tests may.
pytestmark = [pytest.mark.meltano, pytest.mark.timeout(1800)]

PROJECT = declared()
JOBS: dict[str, set[str]] = {
    job["name"]: {
        word for task in job["tasks"] for word in task.split() if word.startswith("tap-emag")
    }
    for job in PROJECT["jobs"]
}
RUN = [
    name
    for name, plugins in JOBS.items()
    if os.environ.get("TAP_EMAG_LONG") or not any(plugins < others for others in JOBS.values())
]
SETTINGS = {
    "EMAG_HASH_SALT": SALT,
    "TAP_EMAG_FBE_USERNAME": "demo",
    "TAP_EMAG_FBE_PASSWORD": "demo",
    "MELTANO_AUTO_INSTALL": "false",
}
HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Loaded:
    """How a job ended, and the database that it alone has loaded into."""

    result: Result
    database: Postgres

    @property
    def columns(self) -> dict[str, set[str]]:
        """The columns by table."""
        query = (
            "SELECT table_name, array_agg(column_name::text) FROM information_schema.columns"
            " WHERE table_schema = 'emag' GROUP BY table_name"
        )
        with self.database.connect() as connection:
            return {table: set(names) for table, names in connection.execute(query)}


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    config = SandboxConfig(
        orders=30,
        offers=3,
        returns=8,
        categories=2,
        localities=4,
        customer_invoices=4,
        invoices=2,
        history_days=20,
        clock=NOW,
        limits=False,
    )
    with Sandbox(config) as shop:
        yield shop


@pytest.fixture(scope="module")
def loaded(
    shop: Sandbox,
    meltano_plugins: Path,
    forked_meltano: Forked,
    tmp_path_factory: pytest.TempPathFactory,
    postgres: Postgres,
) -> Iterator[Mapping[str, Loaded]]:
    """Each job, run by Meltano in a project that holds the block."""
    folder = tmp_path_factory.mktemp("jobs")
    project = project_with(meltano_plugins, folder / "project", *block()["plugins"]["extractors"])
    databases = {job: f"tap_emag_test_{uuid4().hex[:12]}" for job in RUN}

    def run(job: str) -> Loaded:
        place = folder / job
        place.mkdir()
        database = postgres.create_database(databases[job])
        meltano = MeltanoProject(
            place,
            database,
            shop.url,
            plugins=project,
            forked=forked_meltano,
            start_date=f"{NOW - timedelta(days=62):%Y-%m-%d}",
        )
        meltano.pipeline.environment.update(SETTINGS)
        return Loaded(meltano.run(job, check=False), database)

    yield {job: run(job) for job in RUN}
    for name in databases.values():
        postgres.drop_database(name)


def test_every_plugin_of_a_job_is_in_a_job_that_is_run() -> None:
    assert {plugin for job in RUN for plugin in JOBS[job]} == set().union(*JOBS.values())


@pytest.mark.parametrize("job", RUN)
def test_every_job_runs_with_the_block(job: str, loaded: Mapping[str, Loaded]) -> None:
    assert loaded[job].result.returncode == 0, loaded[job].result.tail()
    assert loaded[job].columns.keys() & maps().keys() or "offers" in job


@pytest.mark.parametrize("job", RUN)
def test_no_job_loads_what_the_block_drops(
    job: str, shop: Sandbox, loaded: Mapping[str, Loaded]
) -> None:
    for table, columns in loaded[job].columns.items():
        mapped = maps().get(table, {})
        dropped = {name for name, how in mapped.items() if how == "__NULL__"}
        assert columns.isdisjoint(dropped), table
        assert columns >= mapped.keys() - dropped, table
    hashed = {(t, c) for t, mapped in maps().items() for c, how in mapped.items() if "sha" in how}
    values = personal_values(shop)
    found = list(cells(loaded[job].database))
    assert found
    for table, column, text in found:
        assert (table, column) not in hashed or HASH.fullmatch(text), (table, column)
        assert not [value for value in values if value in text], (table, column)


def test_the_jobs_load_every_table_of_the_block(loaded: Mapping[str, Loaded]) -> None:
    tables = set().union(*(each.columns for each in loaded.values()))
    assert tables >= maps().keys()
