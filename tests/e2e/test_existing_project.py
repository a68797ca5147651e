"""The tap is added to another Meltano project, with what docs/existing-project.md shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from emag_sandbox import Sandbox, SandboxConfig
from emag_sandbox.demo.pipeline import Pipeline
from tests.repository.test_docs import ROOT, _blocks

if TYPE_CHECKING:
    from emag_sandbox.postgres.server import Postgres

PAGE = [block for block in _blocks("bash", "yaml") if block.page == "existing-project.md"]
PER_ITEM = {"commissions", "smart_deals", "category_values", "order_volumetry"}


def shown(beginning: str) -> str:
    """Return the page's block that begins so, with this checkout's folder."""
    [text] = [block.text for block in PAGE if block.text.startswith(beginning)]
    return text.replace("/opt/tap-emag", str(ROOT))


class Project:
    """A new project of a user, with commands as from a shell in its folder."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.file = folder / "meltano.yml"
        self._folder = folder
        self._environment = Pipeline(folder, settings, folder / "log").environment
        self._environment["PATH"] = f"{Path(sys.executable).parent}:{self._environment['PATH']}"

    def shell(self, text: str) -> str:
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", text],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
        return done.stdout + done.stderr

    def read(self) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load(self.file.read_text(encoding="utf-8"))
        return found

    def merge(self, given: dict[str, list[dict[str, Any]]]) -> None:
        """Write what is given for plugins into `meltano.yml`, as a user does."""
        project = self.read()
        for kind, plugins in given.items():
            known = project["plugins"].setdefault(kind, [])
            for plugin in plugins:
                [*same] = [each for each in known if each["name"] == plugin["name"]]
                if same:
                    same[0].update(plugin)
                else:
                    known.append(plugin)
        self.file.write_text(yaml.safe_dump(project, sort_keys=False), encoding="utf-8")


@pytest.mark.meltano
def test_a_project_of_ones_own_reads_the_shop_as_the_page_says(
    tmp_path: Path, database: Postgres
) -> None:
    config = SandboxConfig(orders=20, offers=5, history_days=5, limits=False, returns=2)
    with Sandbox(config) as shop:
        given = {"USERNAME": "demo", "PASSWORD": "demo", "API_URL": shop.url}
        folder = tmp_path / "warehouse"
        settings = {f"TAP_EMAG_{name}": value for name, value in given.items()}
        settings |= {**database.environment(), "XDG_STATE_HOME": str(tmp_path / "state")}
        subprocess.run(
            [Path(sys.executable).with_name("meltano"), "init", "--no-usage-stats", str(folder)],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )
        project = Project(folder, settings)

        project.shell(shown("meltano add"))
        [added] = project.read()["plugins"]["extractors"]
        assert "select" not in added
        assert {each["name"]: each.get("label") for each in added["settings"]}["api_url"] == (
            "API URL"
        )
        project.merge(yaml.safe_load(shown("plugins:"))["plugins"])
        # The loader that this user has; the run installs it.
        text = (ROOT / "meltano.yml").read_text(encoding="utf-8")
        ours = yaml.safe_load(text.replace("requirements/", f"{ROOT}/requirements/"))
        [loader] = ours["plugins"]["loaders"]
        plain = loader["pip_url"].replace("--editable . ", "")
        project.merge({"loaders": [{**loader, "pip_url": plain, "executable": "target-postgres"}]})

        project.shell(shown("meltano install"))
        assert "No fault found." in project.shell(shown("meltano invoke emag-ops doctor"))
        project.shell(shown("meltano run"))

        with database.connect() as connection:
            [(orders,)] = connection.execute("SELECT count(*) FROM emag.orders").fetchall()
            rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'emag'")
            tables = {str(name) for (name,) in rows}
        assert orders >= len(shop.world.order_keys())
    assert tables & PER_ITEM == set()


def test_the_page_s_settings_of_the_loader_are_those_of_the_project() -> None:
    text = (ROOT / "docs/existing-project.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"(?m)^\| `(\w+)`[^|]* \| `([\w-]+)` \|", text))
    ours = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))["plugins"]
    [loader] = ours["loaders"]
    values = {each["name"]: each.get("value") for each in loader["settings"]} | loader["env"]
    assert len(rows) > 3
    assert rows == {name: str(values[name]).lower().replace("utc", "UTC") for name in rows}


def test_the_page_s_plugins_are_those_of_the_project() -> None:
    ours = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))["plugins"]
    named = yaml.safe_load(shown("plugins:"))["plugins"]
    [tap], [ops] = named["extractors"], named["utilities"]
    [first, *_] = ours["extractors"]
    [utility] = [each for each in ours["utilities"] if each["name"] == "emag-ops"]
    assert tap["select"] == first["select"]
    for name in ("commands", "executable", "namespace"):
        assert ops[name] == utility[name]
