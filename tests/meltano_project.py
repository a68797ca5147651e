"""Runs the real Meltano for a test, with plugins that are installed once a session."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tap_emag.sandbox.demo.pipeline import Pipeline, Result
from tap_emag.sandbox.demo.results import Results

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tap_emag.sandbox.postgres import Postgres

__all__ = ["MeltanoProject", "Result", "install_plugins"]


class MeltanoProject:
    """One test's pipeline: own state, own database, own settings; the installed plugins are shared.

    Settings of the tap are given by name (`order_types=[3]`); credentials are the sandbox's.
    """

    def __init__(
        self,
        tmp_path: Path,
        postgres: Postgres,
        sandbox_url: str,
        *,
        plugins: Path,
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
        self.pipeline = Pipeline(
            plugins,
            {
                **postgres.environment(),
                **{f"TAP_EMAG_{name.upper()}": _text(value) for name, value in settings.items()},
                "MELTANO_DATABASE_URI": f"sqlite:///{self._database}",
                "XDG_STATE_HOME": str(tmp_path / "state"),
            },
            tmp_path / "meltano.log",
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


def install_plugins(folder: Path) -> Path:
    """Install the plugins into a project that every test of the session runs in."""
    environment = {"MELTANO_DATABASE_URI": f"sqlite:///{folder / 'install.db'}"}
    folder.mkdir(parents=True, exist_ok=True)
    Pipeline(folder, environment, folder / "install.log").install()
    return folder


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
