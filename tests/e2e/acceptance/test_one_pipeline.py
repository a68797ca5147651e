"""Two pipelines that write to one loader do not write the history of offers twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.repository.test_docs import _blocks
from tests.support.declared import declared

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.acceptance.conftest import Place
    from tests.support.meltano_project import MeltanoProject

OFFERS = 12
JOB = "dev:tap-emag-offers-to-target-postgres"
ALL = "dev:tap-emag-to-target-postgres"


def twice(project: MeltanoProject) -> list[tuple[object, ...]]:
    """Return the versions that are in the history more than once."""
    query = """
        SELECT id, sale_price, general_stock, status, count(*) FROM emag.product_history
        GROUP BY 1, 2, 3, 4 HAVING count(*) > 1
    """
    with project.postgres.connect() as connection:
        return connection.execute(query).fetchall()


@pytest.mark.meltano
def test_a_second_pipeline_is_refused_until_it_takes_the_bookmarks_over(
    new_place: Callable[[], Place],
) -> None:
    with Sandbox(SandboxConfig(orders=3, offers=OFFERS, returns=0, limits=False)) as shop:
        project = new_place().project(shop, _select=["product*.*"])
        project.run("offers")
        assert project.results.counts()["product_history"] == OFFERS

        shop.log.clear()
        refused = project.run("tap-emag", "target-postgres", check=False)
        assert refused.returncode != 0
        assert f"products: {JOB} has written those of emag_ro/main" in refused.output
        assert "`meltano --environment=dev run tap-emag-offers target-postgres`" in refused.output
        assert not list(shop.log)
        assert project.state(ALL) == {}
        assert twice(project) == []

        begin = ".venv/bin/meltano state merge"
        page = [each.text for each in _blocks("bash") if each.page == "runs.md"]
        [block] = [text for text in page if text.startswith(begin)]
        for line in block.splitlines():
            project.pipeline.call(*line.removeprefix(".venv/bin/meltano ").split())
        shop.world.touch_offers(2)
        project.run("tap-emag", "target-postgres")
        assert project.results.counts()["product_history"] == OFFERS + 2
        assert twice(project) == []
        assert f"products: {ALL} has written" in project.run("offers", check=False).output


def test_jobs_of_one_account_read_offers_with_one_plugin() -> None:
    project = declared()
    tasks = {task for job in project["jobs"] for task in job["tasks"] if "target-" in task}
    reads = {
        each["name"]
        for each in project["plugins"]["extractors"]
        if any(pattern.startswith("product") for pattern in each.get("select", []))
    }
    used = sorted(task for task in tasks if task.split()[0] in reads)
    assert used == ["tap-emag-fbe-offers target-postgres", "tap-emag-offers target-postgres"]
