"""Where runs are killed: a Meltano project of its own, its database, and what is left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from tap_emag.ops.meltano.database import Runs
from tap_emag.ops.meltano.project import Place
from tests.crash.shop import START
from tests.support.meltano_project import MeltanoProject, project_with

if TYPE_CHECKING:
    from tap_emag.ops.meltano.database import Run
    from tests.crash.server import MortalPostgres
    from tests.crash.shop import MovingShop

PAIR = ("tap-emag", "target-postgres")
STATE_ID = "dev:tap-emag-to-target-postgres"
EMAG_OPS = str(Path(sys.executable).with_name("emag-ops"))
SYSTEM = "meltano"  # Meltano's own database, where it lies in Postgres
CLEAN_UP = ("cleanup-stuck-runs", "--json", "--timeout-minutes", "0", "--force")
STREAMS = [
    *("orders", "order_lines", "order_vouchers", "order_voucher_splits", "order_attachments"),
    *("products", "product_history", "product_deletions"),
    *("returns", "return_lines", "return_events"),
]
SETTINGS: dict[str, Any] = {
    "start_date": START,
    "_select": [f"{stream}.*" for stream in STREAMS],
    # Killed runs do not see what the shop withdraws: the next run misses more than a tenth at once.
    "allow_mass_deletion": True,
    # A look-back would read again what a kill has lost, and nobody would notice.
    "order_lookback_seconds": 0,
    "settle_seconds": 2,
    "retry_wait_min_seconds": 0.1,
    "retry_wait_max_seconds": 1,
}
# Rows are loaded in small batches while others are read, and the tap has to wait for the target:
# so a kill falls between two batches, and while the tap is writing.
SMALL = {"TARGET_POSTGRES_BATCH_SIZE_ROWS": "40", "MELTANO_ELT_BUFFER_SIZE": str(64 * 1024)}


@dataclass(frozen=True)
class Stage:
    """A pipeline from a shop that moves into a server that dies."""

    shop: MovingShop
    server: MortalPostgres
    project: MeltanoProject
    root: Path

    @classmethod
    def set_up(
        cls, folder: Path, plugins: Path, shop: MovingShop, server: MortalPostgres, system: str
    ) -> Stage:
        """Make the project; `system` says where Meltano's own database is: sqlite or postgres."""
        root = project_with(plugins, folder / "project")
        project = MeltanoProject(folder, server, shop.sandbox.url, plugins=root, **SETTINGS)
        project.pipeline.environment.update(SMALL)
        if system == "postgres":
            address = server.create_database(SYSTEM).dsn
            uri = address.replace("postgresql://", "postgresql+psycopg://", 1)
            project.pipeline.environment["MELTANO_DATABASE_URI"] = uri
        return cls(shop, server, project, root)

    @property
    def environment(self) -> dict[str, str]:
        """What Meltano tells the plugins that it invokes."""
        return {**self.project.pipeline.environment, "MELTANO_PROJECT_ROOT": str(self.root)}

    def runs(self) -> list[Run]:
        """Return all runs that Meltano has booked, the newest first."""
        return self._books().newest(10_000)

    def state(self) -> dict[str, Any]:
        """Return the bookmarks that the next run begins with."""
        state = self._books().states([STATE_ID]).get(STATE_ID, {})
        bookmarks: dict[str, Any] = state.get("bookmarks", {})
        return bookmarks

    def clean_up(self) -> dict[str, Any]:
        """Do what each job does first, with no patience; return what the clean-up tells."""
        done = subprocess.run(
            [EMAG_OPS, *CLEAN_UP],
            env=self.environment,
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def passwords(self) -> list[str]:
        """Return the names of files with passwords that Meltano has written for its plugins."""
        return [path.name for path in (self.root / ".meltano" / "run").rglob("*.config.json")]

    def processes(self) -> list[psutil.Process]:
        """Return the processes that live of any run here, of whatever kind and age."""
        found = []
        uri = self.environment["MELTANO_DATABASE_URI"]
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                ours = process.environ().get("MELTANO_DATABASE_URI") == uri
                if ours and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                    found.append(process)
        return found

    def end(self) -> None:
        """End what is left of all runs, by force: what a test must not leave behind."""
        for process in self.processes():
            with suppress(psutil.Error):
                process.kill()

    def _books(self) -> Runs:
        return Runs(Place.from_environment(self.environment).url)
