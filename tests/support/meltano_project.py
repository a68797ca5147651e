"""Runs the real Meltano for a test, with plugins that are installed once."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import sqlite3
import sys
from contextlib import closing
from typing import IO, TYPE_CHECKING, Any

import yaml

from emag_sandbox.demo.pipeline import ACCOUNTS, CHECKOUT, Pipeline, Result
from emag_sandbox.demo.results import Results
from tap_emag.singer_io import override

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping
    from pathlib import Path

    from emag_sandbox.postgres.server import Postgres
    from tests.support.forked import Forked

__all__ = ["MeltanoProject", "Result", "install_plugins", "project_with"]

INSTALLED = ("extractors", "loaders", "utilities")


class ForkedPipeline(Pipeline):
    """Runs Meltano in forks of a process that has imported it: a quarter of a run's time."""

    def __init__(
        self, forked: Forked, folder: Path, environment: Mapping[str, str], log: Path
    ) -> None:
        super().__init__(folder, environment, log)
        self._forked = forked

    @override
    def _wait(self, command: list[str], log: IO[bytes]) -> int:
        return self._forked.run(command, self.folder, self.environment, stdout=self.log)


class MeltanoProject:
    """One test's pipeline: own state, own database, own settings; the installed plugins are shared.

    Settings of the tap are given by name (`order_types=[3]`); credentials are the sandbox's. What
    is run to its end is run by `forked`, if given.
    """

    def __init__(
        self,
        tmp_path: Path,
        postgres: Postgres,
        sandbox_url: str,
        *,
        plugins: Path,
        forked: Forked | None = None,
        **tap_settings: Any,  # noqa: ANN401 - as many types as settings
    ) -> None:
        self.postgres = postgres
        self.results = Results(postgres)
        self._database = tmp_path / "meltano.db"
        settings = {
            "api_url": sandbox_url,
            "username": "demo",
            "password": "demo",
            **tap_settings,
        }
        environment = {
            **postgres.environment(),
            **{f"TAP_EMAG_{name.upper()}": _text(value) for name, value in settings.items()},
            "MELTANO_DATABASE_URI": f"sqlite:///{self._database}",
            "XDG_STATE_HOME": str(tmp_path / "state"),
        }
        log = tmp_path / "meltano.log"
        self.pipeline = (
            ForkedPipeline(forked, plugins, environment, log)
            if forked
            else Pipeline(plugins, environment, log)
        )

    def run(self, *blocks: str, check: bool = True) -> Result:
        """Run `meltano run` and wait for it."""
        return self.pipeline.run(*blocks, check=check)

    def start(self, *blocks: str) -> subprocess.Popen[bytes]:
        """Start `meltano run`; whoever called ends it with `pipeline.stop` or waits for it."""
        return self.pipeline.start("run", *blocks)

    def state(self, state_id: str = "dev:tap-emag-to-target-postgres") -> dict[str, Any]:
        """Return the Singer state that Meltano keeps for a pipeline; {} if there is none."""
        if not self._database.exists():
            return {}
        query = "SELECT completed_state, partial_state FROM state WHERE state_id = ?"
        with closing(sqlite3.connect(self._database)) as connection:
            row = connection.execute(query, [state_id]).fetchone() or (None, None)
        # A run that failed leaves its state beside that of the last one that did not.
        known: dict[str, Any] = {}
        for text in row:
            known |= json.loads(text or "{}").get("singer_state") or {}
        return known

    def last_run(self) -> str | None:
        """Return what Meltano has booked the newest run as: SUCCESS, FAIL, RUNNING."""
        with closing(sqlite3.connect(self._database)) as connection:
            row = connection.execute("SELECT state FROM runs ORDER BY id DESC LIMIT 1").fetchone()
        return str(row[0]) if row else None


def install_plugins() -> Path:
    """Install the plugins, unless it is done already; return the project's folder.

    They stay for the next session: half of an installation is compiling what has not changed.
    Other locks, another `meltano.yml` and another Python make another folder.
    """
    content = b"".join(path.read_bytes() for path in _installed_from())
    digest = hashlib.sha256(content + f"{sys.version}{sys.prefix}".encode()).hexdigest()[:12]
    folder = CHECKOUT / ".environments" / f"plugins-{digest}"
    folder.parent.mkdir(exist_ok=True)
    ready = folder / ".ready"  # written last
    with (folder.parent / "plugins.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            environment = {"MELTANO_DATABASE_URI": f"sqlite:///{folder / 'install.db'}"}
            Pipeline(folder, environment, folder / "install.log").install()
            ready.touch()
    return folder


def _installed_from() -> list[Path]:
    """Return the files that decide what an installation is made of; the code itself is linked."""
    locks = sorted((CHECKOUT / "requirements").glob("*.lock"))
    own = (CHECKOUT / name for name in ("meltano.yml", ACCOUNTS, "logging.yaml", "pyproject.toml"))
    return [*own, *locks]


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def project_with(plugins: Path, root: Path, *given: dict[str, Any], copied: bool = False) -> Path:
    """Write a project of its own, so that a test spoils no other one's; plugins are shared.

    Args:
        plugins: Where the plugins are installed.
        root: Where the project is written to.
        given: Parts of extractors as `meltano.yml` has them, each with its `name`.
        copied: Copy the plugins, for a test that installs them again.
    """
    system = root / ".meltano"
    system.mkdir(parents=True)
    text = (plugins / "meltano.yml").read_text(encoding="utf-8")
    if given:
        project = yaml.safe_load(text)
        extractors = {plugin["name"]: plugin for plugin in project["plugins"]["extractors"]}
        for part in given:
            extractors[part["name"]].update(part)
        text = yaml.safe_dump(project)
    (root / "meltano.yml").write_text(text, encoding="utf-8")
    for name in ("logging.yaml", ACCOUNTS):
        shutil.copy(plugins / name, root)
    for kind in INSTALLED:
        installed = (plugins / ".meltano" / kind).resolve()
        if copied:
            shutil.copytree(installed, system / kind, symlinks=True)
        else:
            (system / kind).symlink_to(installed)
    return root
