"""Loads shops with the real tap and the real loader, and builds the marts with the real dbt."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.rows import dict_row

from emag_sandbox.demo.pipeline import Pipeline
from tests.support.command import ROOT, UNLIMITED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from emag_sandbox import Sandbox
    from emag_sandbox.postgres.server import Postgres
    from tests.support.forked import Forked

Row = dict[str, Any]
SALT = "a salt's quote"
TRANSFORM = ROOT / "transform"


@dataclass(frozen=True)
class Warehouse:
    """A database with the loader's tables and the marts.

    Attributes:
        database: Where it is.
        plugins: A Meltano project with the plugins installed.
        folder: For states, logs and what dbt writes.
        forked: dbt, imported once.
        project: The dbt project.
    """

    database: Postgres
    plugins: Path
    folder: Path
    forked: Forked
    project: Path = TRANSFORM

    def load(
        self,
        shop: Sandbox,
        marketplace: str,
        account_type: str,
        start_date: str,
        *,
        also: Sequence[str] = (),
    ) -> None:
        """Run tap and loader once, from where the account's last run ended.

        `also` names streams that are off by default.
        """
        folder = self.folder / f"{marketplace}-{account_type}"
        folder.mkdir(exist_ok=True)
        state = folder / "state.json"
        settings = {
            "api_url": shop.url,
            "username": "demo",
            "password": "demo",
            "marketplace": marketplace,
            "account_type": account_type,
            "start_date": start_date,
            "state_dir": str(folder),
        }
        target = executable(self.plugins, "loaders", "target-postgres")
        environment = {
            **self._environment(),
            **{f"TAP_EMAG_{name.upper()}": value for name, value in settings.items()},
        }
        tap = [*UNLIMITED, "--config=ENV", *(["--state", str(state)] if state.exists() else [])]
        if also:
            found = subprocess.run(
                [*UNLIMITED, "--config=ENV", "--discover"],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                check=True,
            )
            (folder / "catalog.json").write_text(_selected(found.stdout, also), encoding="utf-8")
            tap += ["--catalog", str(folder / "catalog.json")]
        with (
            (folder / "log").open("ab") as log,
            subprocess.Popen(
                tap, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log
            ) as reader,
        ):
            loader = subprocess.run(
                [target, "--config=ENV"],
                env=environment,
                stdin=reader.stdout,
                stdout=subprocess.PIPE,
                stderr=log,
                check=False,
            )
        said = (folder / "log").read_text(encoding="utf-8")[-2000:]
        assert (reader.wait(), loader.returncode) == (0, 0), said
        state.write_bytes(loader.stdout.splitlines()[-1])

    def dbt(self, *arguments: str, check: bool = True, salt: str = SALT) -> dict[str, str]:
        """Run dbt; return the status of each node that it ran, by name."""
        output = self.folder / "dbt.log"
        environment = {**self._environment(), **self.dbt_settings(), "EMAG_CUSTOMER_SALT": salt}
        code = self.forked.run(["dbt", *arguments], self.folder, environment, stdout=output)
        assert not check or code == 0, output.read_text(encoding="utf-8")[-3000:]
        return self._statuses()

    def meltano(self, *blocks: str) -> dict[str, str]:
        """Run Meltano; return the status of each node that its last dbt ran, by name."""
        self.pipeline().run(*blocks)
        return self._statuses()

    def pipeline(self) -> Pipeline:
        """Return the project, whose log is `meltano.log` and whose report is `report.html`."""
        environment = {
            **self.database.environment(),
            **self.dbt_settings(),
            "MELTANO_DATABASE_URI": f"sqlite:///{self.folder / 'meltano.db'}",
            "EMAG_OPS_REPORT_OUTPUT": str(self.folder / "report.html"),
        }
        return Pipeline(self.plugins, environment, self.folder / "meltano.log")

    def _statuses(self) -> dict[str, str]:
        results = json.loads((self.folder / "target" / "run_results.json").read_text())["results"]
        return {each["unique_id"].split(".")[2]: each["status"] for each in results}

    def dbt_settings(self) -> dict[str, str]:
        """Return the variables that Meltano's utility sets."""
        return {
            "DBT_PROJECT_DIR": str(self.project),
            "DBT_PROFILES_DIR": str(self.project),
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "DBT_LOG_PATH": str(self.folder / "logs"),
            "EMAG_CUSTOMER_SALT": SALT,
        }

    def rows(self, name: str, schema: str = "emag_marts") -> list[Row]:
        """Read a table or view."""
        query = sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, name))
        with self.database.connect() as connection:
            return connection.cursor(row_factory=dict_row).execute(query).fetchall()

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        loader = {
            "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": "emag",
            "TARGET_POSTGRES_VALIDATE_RECORDS": "false",
            "PGTZ": "UTC",
        }
        return {**kept, **self.database.environment(), **loader}


def _selected(discovered: bytes, also: Sequence[str]) -> str:
    catalog = json.loads(discovered)
    for stream in catalog["streams"]:
        for each in stream["metadata"]:
            if stream["tap_stream_id"] in also and not each["breadcrumb"]:
                each["metadata"]["selected"] = True
    return json.dumps(catalog)


def executable(plugins: Path, kind: str, name: str, command: str = "") -> Path:
    """Return a command in the environment of a plugin, by default its own."""
    return plugins / ".meltano" / kind / name / "venv" / "bin" / (command or name)
