"""`python -m benchmarks.marts`: build the marts of a large shop, then those of its changes.

The tap reads a sandbox without budgets, the real loader writes to a Postgres of its own, and dbt
builds. Postgres' processor time is that of all its processes while dbt runs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil
from psycopg import sql

from benchmarks.others import Others
from benchmarks.page_parts import put
from benchmarks.report import Machine
from benchmarks.runs import ROOT, RunFailedError
from benchmarks.volume import PAGE
from emag_sandbox import Sandbox, SandboxConfig
from emag_sandbox.demo.pipeline import Pipeline
from emag_sandbox.postgres.server import LocalPostgres

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ORDERS: Final = 100_000
DAYS: Final = 300
CHANGED: Final = 0.01  # of orders and offers
LEAST: Final = 0.1  # of a full build's time that an incremental one may take
BEGIN, END = "<!-- marts begin -->", "<!-- marts end -->"
UNLIMITED: Final = (sys.executable, "-m", "benchmarks.unlimited", "--config=ENV")


@dataclass(frozen=True)
class Build:
    """One build: seconds until dbt ended, seconds of Postgres' processors, and its tests."""

    what: str
    seconds: float
    postgres_seconds: float
    tests: int
    failed: tuple[str, ...]
    warned: tuple[str, ...]


class Warehouse:
    """A shop, the loader's tables, and dbt."""

    def __init__(self, folder: Path, postgres: LocalPostgres, orders: int) -> None:
        """Work in an empty folder."""
        self._folder = folder
        self._postgres = postgres
        self._orders = orders
        self._config = SandboxConfig(
            orders=orders,
            offers=orders // 40,
            returns=orders // 40,
            history_days=DAYS,
            categories=90,
            localities=90,
            limits=False,
            line_edits="always",
        )
        environment = {
            **postgres.environment(),
            "MELTANO_DATABASE_URI": f"sqlite:///{folder / 'meltano.db'}",
            "EMAG_CUSTOMER_SALT": "a benchmark",
        }
        self._pipeline = Pipeline(folder / "project", environment, folder / "log")

    def play(self, *, with_tests: bool) -> list[Build]:
        """Load, build, change, load and build again."""
        self._pipeline.install()
        self._pipeline.run("emag-ops:prepare-tables")
        with Sandbox(self._config) as shop:
            self._load(shop)
            self._as_if_yesterday()
            shop.world.add_orders()
            time.sleep(4)  # the tap reads up to two seconds before the server's time
            self._load(shop)
            self._dbt("seed")
            built = [self._build("a full build", "run")]
            if with_tests:
                built.append(self._build("the tests", "test"))
            changed = int(self._orders * CHANGED)
            shop.world.touch_orders(changed)
            shop.world.touch_offers(changed // 40 or 1)
            time.sleep(4)
            self._load(shop)
            built.append(self._build("a build of the changes", "run"))
            if with_tests:
                built.append(self._build("the tests, after it", "test"))
            return built

    def _load(self, shop: Sandbox) -> None:
        start = datetime.now(timezone.utc) - timedelta(days=DAYS + 1)
        state = self._folder / "state.json"
        environment = {
            **os.environ,
            **self._postgres.environment(),
            "TAP_EMAG_API_URL": shop.url,
            "TAP_EMAG_USERNAME": "demo",
            "TAP_EMAG_PASSWORD": "demo",
            "TAP_EMAG_START_DATE": start.isoformat(),
            "TAP_EMAG_STATE_DIR": str(self._folder / "state"),
            "TAP_EMAG_SYNC_TIMEOUT_SECONDS": "0",
            "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": "emag",
            "TARGET_POSTGRES_ADD_RECORD_METADATA": "true",
            "TARGET_POSTGRES_VALIDATE_RECORDS": "false",
            "PGTZ": "UTC",
        }
        tap = [*UNLIMITED, *(["--state", str(state)] if state.exists() else [])]
        loader = [self._command("loaders", "target-postgres"), "--config=ENV"]
        with (
            (self._folder / "log").open("ab") as log,
            subprocess.Popen(  # noqa: S603 - our own tap
                tap, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log
            ) as reader,
        ):
            done = subprocess.run(  # noqa: S603 - the loader of meltano.yml
                loader,
                env=environment,
                stdin=reader.stdout,
                stdout=subprocess.PIPE,
                stderr=log,
                check=False,
            )
        if reader.wait() or done.returncode:
            raise RunFailedError(f"tap {reader.returncode}, loader {done.returncode}")
        state.write_bytes(done.stdout.splitlines()[-1])

    def _as_if_yesterday(self) -> None:
        """Date the first load back, as it would be; each build reads the last hour again."""
        with self._postgres.connect() as connection:
            # Its workers would be counted, and come when they like.
            connection.execute("ALTER SYSTEM SET autovacuum = off")
            connection.execute("SELECT pg_reload_conf()")
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'emag'"
            ).fetchall()
            for (name,) in tables:
                table = sql.Identifier("emag", name)
                connection.execute(
                    sql.SQL(
                        "UPDATE {} SET _sdc_batched_at = _sdc_batched_at - interval '1 day'"
                    ).format(table)
                )
                connection.execute(sql.SQL("VACUUM FULL ANALYZE {}").format(table))
                connection.execute(sql.SQL("VACUUM {}").format(table))

    def _build(self, what: str, command: str) -> Build:
        with self._postgres.connect() as connection:
            connection.execute("CHECKPOINT")
        begin, used = time.monotonic(), self._used()
        results = self._dbt(command)
        seconds = time.monotonic() - begin
        time.sleep(0.5)  # Postgres counts a session's time when it has ended
        tests = [each for each in results if each["unique_id"].startswith("test.")]
        by_status = {
            status: tuple(
                each["unique_id"].split(".")[2] for each in results if each["status"] == status
            )
            for status in ("fail", "warn")
        }
        return Build(
            what, seconds, self._used() - used, len(tests), by_status["fail"], by_status["warn"]
        )

    def _dbt(self, command: str) -> list[dict[str, Any]]:
        target = self._folder / "target"
        environment: Mapping[str, str] = {
            **os.environ,
            **self._postgres.environment(),
            "DBT_PROJECT_DIR": str(ROOT / "transform"),
            "DBT_PROFILES_DIR": str(ROOT / "transform"),
            "DBT_TARGET_PATH": str(target),
            "DBT_LOG_PATH": str(self._folder / "dbt"),
            "EMAG_CUSTOMER_SALT": "a benchmark",
        }
        with (self._folder / "log").open("ab") as log:
            done = subprocess.run(  # noqa: S603 - the dbt of meltano.yml
                [self._command("utilities", "dbt"), command],
                env=environment,
                stdout=log,
                stderr=log,
                check=False,
            )
        results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
        broken = [each["unique_id"] for each in results if each["status"] in ("error", "skipped")]
        if broken or (done.returncode and command != "test"):
            raise RunFailedError(f"dbt {command} ended with {done.returncode}: {broken}")
        found: list[dict[str, Any]] = results
        return found

    def _command(self, kind: str, name: str) -> str:
        return str(self._folder / "project" / ".meltano" / kind / name / "venv" / "bin" / name)

    def _used(self) -> float:
        """Return the processor seconds of Postgres' processes, those that ended included."""
        server = psutil.Process(self._postgres.pid)
        times = server.cpu_times()
        total = times.user + times.system + times.children_user + times.children_system
        for session in server.children():
            with _gone():
                used = session.cpu_times()
                total += used.user + used.system
        return float(total)


@contextmanager
def _gone() -> Iterator[None]:
    try:
        yield
    except psutil.NoSuchProcess:
        return


def main() -> int:
    """Measure and print; return 1 if a test of the marts failed, or a program did."""
    parser = argparse.ArgumentParser(prog="benchmarks.marts", description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS, help="of the shop")
    parser.add_argument("--tests", action="store_true", help="also run the tests of the marts")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--write", action="store_true", help=f"also write {PAGE.name}")
    options = parser.parse_args()
    others = Others()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tap-emag-marts-")))
        postgres = stack.enter_context(LocalPostgres())
        try:
            built = Warehouse(folder, postgres, options.orders).play(with_tests=options.tests)
        except RunFailedError as error:
            print(error, (folder / "log").read_text(errors="replace")[-3000:], file=sys.stderr)
            return 1
    text = section(built, options.orders, Machine.this(others.share()))
    if options.write:
        put(PAGE, BEGIN, END, text)
    print(json.dumps([each.__dict__ for each in built]) if options.json else text)
    return int(any(each.failed for each in built))


def section(built: list[Build], orders: int, machine: Machine) -> str:
    """Return the page's part about the marts."""
    full = built[0]
    lines = ["| measured | seconds | seconds of Postgres' processors |", "| --- | ---: | ---: |"]
    lines += [
        f"| {each.what} | {each.seconds:.1f} | {each.postgres_seconds:.1f} |" for each in built
    ]
    again = next(each for each in built if each.what == "a build of the changes")
    share = again.postgres_seconds / full.postgres_seconds
    verdict = "kept" if share <= LEAST else "MISSED"
    table = "\n".join(lines)
    tests = sum(each.tests for each in built)
    failed, warned = _named(built, "failed"), _named(built, "warned")
    lines = [f"{tests} tests ran; failed: {failed}; warned: {warned}."] if tests else []
    return f"""{BEGIN}
## Marts

`python -m benchmarks.marts --write` has written this part: {machine}.

A shop of {orders:,} orders; {CHANGED:.0%} of its orders and offers change before the second build.

{table}

The build of the changes takes {share:.1%} of a full build's processor time.
Promised are at most {LEAST:.0%}: {verdict}.
{chr(10).join(lines)}
{END}
"""


def _named(built: list[Build], what: str) -> str:
    return ", ".join(sorted({name for each in built for name in getattr(each, what)})) or "none"


if __name__ == "__main__":
    sys.exit(main())
