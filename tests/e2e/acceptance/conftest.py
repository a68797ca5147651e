"""Places for pipelines whose runs several tests look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.support.meltano_project import MeltanoProject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from emag_sandbox import Sandbox
    from emag_sandbox.postgres.server import Postgres
    from tests.support.forked import Forked

DEFAULTS = {
    "start_date": "2025-08-01",
    "max_concurrent_requests": 12,
    "retry_wait_min_seconds": 0.1,
    "retry_wait_max_seconds": 1,
    "breaker_recovery_seconds": 1,
    "_select": ["order*.*", "!order_volumetry.*", "product*.*"],
}


@dataclass(frozen=True)
class Place:
    """A database, and a folder for state and log: what stays from one run to the next."""

    folder: Path
    database: Postgres
    plugins: Path
    forked: Forked

    def project(self, shop: Sandbox, **settings: Any) -> MeltanoProject:  # noqa: ANN401
        """Return the pipeline from a sandbox to this place, with some settings of the tap."""
        return MeltanoProject(
            self.folder,
            self.database,
            shop.url,
            plugins=self.plugins,
            forked=self.forked,
            **{**DEFAULTS, **settings},
        )

    def load(
        self,
        shop: Sandbox,
        *,
        prepared: bool = True,
        **settings: Any,  # noqa: ANN401
    ) -> MeltanoProject:
        """Run the pipeline once, to a good end, by default into tables that are prepared."""
        project = self.project(shop, **settings)
        first = ["emag-ops:prepare-tables"] if prepared else []
        project.run(*first, "tap-emag", "target-postgres")
        return project


@pytest.fixture(scope="module")
def new_place(
    postgres: Postgres,
    meltano_plugins: Path,
    forked_meltano: Forked,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[], Place]]:
    """Make places with empty databases, gone after the module."""
    names = []

    def make() -> Place:
        names.append(f"tap_emag_test_{uuid4().hex[:12]}")
        database = postgres.create_database(names[-1])
        return Place(tmp_path_factory.mktemp("place"), database, meltano_plugins, forked_meltano)

    yield make
    for name in names:
        postgres.drop_database(name)
