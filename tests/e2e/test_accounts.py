"""Two accounts from a table of three lines each, through the real Meltano into a real Postgres."""

from __future__ import annotations

import shlex
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.repository.test_docs import _blocks
from tests.support.meltano_project import MeltanoProject, project_with

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emag_sandbox.postgres.server import Postgres
    from tests.support.forked import Forked

pytestmark = pytest.mark.meltano

SHOPS = {"bg": ("emag_bg", 20), "hu": ("emag_hu", 12)}  # marketplace and number of orders
ORDERS_ONLY = "defaults: {read: [orders]}\n"


@pytest.fixture
def shops() -> Iterator[dict[str, Sandbox]]:
    with ExitStack() as stack:
        configs = {
            name: SandboxConfig(marketplace=market, orders=orders, offers=4, history_days=20)
            for name, (market, orders) in SHOPS.items()
        }
        yield {name: stack.enter_context(Sandbox(config)) for name, config in configs.items()}


@pytest.fixture
def project(
    tmp_path: Path,
    database: Postgres,
    meltano_plugins: Path,
    forked_meltano: Forked,
    shops: dict[str, Sandbox],
) -> MeltanoProject:
    """A project whose own account, tap-emag, is not to be reached."""
    folder = project_with(meltano_plugins, tmp_path / "project")
    (folder / ".venv").symlink_to(sys.prefix)  # the doctor looks for Meltano there
    made = MeltanoProject(
        tmp_path, database, "http://127.0.0.1:9", plugins=folder, forked=forked_meltano
    )
    for name, shop in shops.items():
        given = {"USERNAME": "demo", "PASSWORD": "demo", "API_URL": shop.url}
        prefix = f"TAP_EMAG_{name.upper()}_"
        made.pipeline.environment |= {f"{prefix}{key}": value for key, value in given.items()}
    return made


def shown(beginning: str) -> str:
    """Return the block of accounts.md that begins so."""
    blocks = [each.text for each in _blocks("bash", "yaml") if each.page == "accounts.md"]
    [found] = [text for text in blocks if text.startswith(beginning)]
    return found


def paste(project: MeltanoProject, text: str) -> str:
    """Run the commands of a block, and return their output."""
    lines = [shlex.split(line.removeprefix(".venv/bin/meltano ")) for line in text.splitlines()]
    return "".join(project.pipeline.call(*words).output for words in lines)


def write(project: MeltanoProject, text: str) -> None:
    (project.pipeline.folder / "accounts.yml").write_text(ORDERS_ONLY + text, encoding="utf-8")


def orders(project: MeltanoProject) -> dict[str, int]:
    with project.postgres.connect() as connection:
        query = "SELECT marketplace, count(*) FROM emag.orders GROUP BY 1"
        return {str(name): int(number) for name, number in connection.execute(query)}


def test_accounts_of_a_table_are_loaded_each_with_its_own_user_and_shop(
    project: MeltanoProject, shops: dict[str, Sandbox]
) -> None:
    command = shown(".venv/bin/meltano invoke emag-ops accounts")
    write(project, shown("accounts:"))
    added = paste(project, command)
    assert "added: hu (emag_hu/main); `meltano run hu`" in added
    assert "not set here" not in added
    ran = paste(project, shown(".venv/bin/meltano invoke emag-ops doctor --plugin tap-emag-bg"))
    assert "emag_bg/main" in ran
    assert "out of date" not in project.run("hu").output
    expected = {SHOPS[name][0]: len(shop.world.order_keys()) for name, shop in shops.items()}
    assert orders(project) == expected

    # Removing one: its plugins and jobs go, its rows and its bookmark stay.
    write(project, "accounts: [{name: hu, marketplace: emag_hu}]")
    warned = project.run("emag-ops:cleanup-stuck-runs")
    assert "accounts.meltano.yml is out of date" in warned.output
    assert "removed: bg" in paste(project, command)
    assert project.run("bg", check=False).returncode != 0
    assert orders(project) == expected
    state_id = "dev:tap-emag-bg-orders-to-target-postgres"
    assert project.state(state_id)["bookmarks"]["orders"]
    paste(project, shown(".venv/bin/meltano state clear"))
    left = paste(project, shown(".venv/bin/meltano invoke emag-ops limits"))
    assert "emag_hu/main" in left
    assert "emag_bg/main" not in left
    assert project.state(state_id) == {}

    # One whose variables are missing takes those of no other account.
    project.pipeline.environment.pop("TAP_EMAG_HU_PASSWORD")
    failed = project.run("hu-orders", check=False)
    assert failed.returncode != 0
    assert "password: is missing; set it, or TAP_EMAG_HU_PASSWORD" in failed.output
