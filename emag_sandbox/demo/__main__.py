"""`make demo`: an eMAG, a PostgreSQL and the real pipeline between them, on this machine."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from emag_sandbox import Sandbox, SandboxConfig
from emag_sandbox.demo.pipeline import CHECKOUT, Pipeline, PipelineError
from emag_sandbox.demo.results import Results, text_table
from emag_sandbox.postgres.locked import FolderInUseError, lock_folder
from emag_sandbox.postgres.server import (
    ExternalPostgres,
    LocalPostgres,
    PostgresError,
    open_postgres,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emag_sandbox.postgres.server import Postgres

DAYS = 60
FEWEST = 50  # orders or offers, as some of them change
TOUCHED_ORDERS, NEW_ORDERS, TOUCHED_OFFERS, WITHDRAWN_OFFERS = 20, 5, 25, 2
# The tap reads up to two seconds before the server's time; the latest change must be older.
SETTLE_SECONDS = 3
FOLDER = CHECKOUT / ".demo"


def main() -> int:
    """Run the demo; return the process' exit code."""
    parser = argparse.ArgumentParser(prog="python -m emag_sandbox.demo", description=__doc__)
    parser.add_argument(
        "--keep", action="store_true", help="leave Postgres and sandbox running until Ctrl-C"
    )
    parser.add_argument("--orders", type=_number, default=3000, metavar="N", help="of the shop")
    parser.add_argument("--offers", type=_number, default=800, metavar="N", help="of the shop")
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help="of plugins and log (default: .demo)"
    )
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    # SIGINT too: a shell that starts this in the background lets it be ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    folder.mkdir(exist_ok=True)
    try:
        with lock_folder(folder), ExitStack() as stack:
            demo = Demo(stack, folder, orders=arguments.orders, offers=arguments.offers)
            demo.play(keep=arguments.keep)
    except FolderInUseError:
        return _fail(f"another demo is running in {folder}; wait for it, or end it")
    except (PipelineError, PostgresError) as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        _print("\nStopped.")
        return 130
    return 0


class Demo:
    """The parts of the demo, and the steps they go through."""

    def __init__(self, stack: ExitStack, folder: Path, *, orders: int, offers: int) -> None:
        self._stack = stack
        self._folder = folder
        self._orders, self._offers = orders, offers
        self._report = folder / "report.html"
        self._begin = time.monotonic()

    def play(self, *, keep: bool) -> None:
        """Go through all steps, then wait for Ctrl-C if asked to."""
        _print("tap-emag demo: an eMAG on this machine -> tap-emag -> Meltano -> PostgreSQL\n")
        self._open()
        first = self._load("First run: everything")
        self._change()
        second = self._load("Second run: only what changed")
        with self._step("Marts, as plain views, and the report"):
            self._pipeline.run("emag-ops:create-views", "emag-ops:report")
        self._show(first, second)
        _print(f"\nDone in {time.monotonic() - self._begin:.0f} seconds.")
        self._print_how_to_connect(keep=keep)
        _print(f"Twelve answers, to open in a browser: {self._report}")
        if keep:
            _print("Ctrl-C ends it.")
            with suppress(KeyboardInterrupt):
                signal.pause()

    def _open(self) -> None:
        scratch = Path(tempfile.mkdtemp(prefix="tap-emag-demo-"))
        self._stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        size = f"{self._orders:,} orders of {DAYS} days, {self._offers:,} offers"
        with self._step(f"eMAG sandbox: {size}"):
            config = SandboxConfig(
                orders=self._orders,
                offers=self._offers,
                history_days=DAYS,
                categories=90,
                localities=90,
                extreme_amount=False,
            )
            self._sandbox = self._stack.enter_context(Sandbox(config))
        with self._step("PostgreSQL"):
            self._postgres = self._stack.enter_context(open_postgres())
            _refuse_a_used(self._postgres)
        self._results = Results(self._postgres)
        log = self._folder / "demo.log"
        log.write_bytes(b"")
        self._pipeline = Pipeline(self._folder / "project", self._environment(scratch), log)
        with self._step(f"Meltano's plugins (log: {os.path.relpath(log)})"):
            self._pipeline.install()

    def _environment(self, scratch: Path) -> dict[str, str]:
        start = datetime.now(timezone.utc) - timedelta(days=DAYS + 1)
        return {
            **self._postgres.environment(),
            "TAP_EMAG_API_URL": self._sandbox.url,
            "TAP_EMAG_USERNAME": "demo",
            "TAP_EMAG_PASSWORD": "demo",
            "TAP_EMAG_START_DATE": f"{start:%Y-%m-%dT%H:%M:%SZ}",
            # The user's real pipelines must not find these.
            "MELTANO_DATABASE_URI": f"sqlite:///{scratch / 'meltano.db'}",
            "XDG_STATE_HOME": str(scratch),
            "EMAG_OPS_REPORT_OUTPUT": str(self._report),
        }

    def _load(self, title: str) -> dict[str, int]:
        begin = datetime.now(timezone.utc)
        with self._step(title):
            self._pipeline.run("emag-ops:prepare-tables", "tap-emag", "target-postgres")
        return self._results.counts(since=begin)

    def _change(self) -> None:
        world = self._sandbox.world
        with self._step(
            f"In the sandbox: {TOUCHED_ORDERS} orders change, {NEW_ORDERS} are placed,"
            f" {TOUCHED_OFFERS} offers change, {WITHDRAWN_OFFERS} go"
        ):
            world.withdraw_offers(WITHDRAWN_OFFERS)
            world.touch_offers(TOUCHED_OFFERS)
            world.touch_orders(TOUCHED_ORDERS)
            world.add_orders(NEW_ORDERS)
            time.sleep(SETTLE_SECONDS)

    def _show(self, first: dict[str, int], second: dict[str, int]) -> None:
        now = self._results.counts()
        codes = self._results.code_lists()
        rows = [
            [table, first.get(table, 0), second.get(table, 0), now[table]]
            for table in now
            if table not in codes and now[table]
        ]
        _print(
            f"\nRows loaded by each run, and in the table now ({len(codes)} code lists left out)"
        )
        _print(text_table(["table", "first run", "second run", "rows"], rows))
        _print("  (orders changed within the last hour are always read again, whether new or not)")
        for title, table in self._results.answers():
            _print(f"\n{title}\n{table}")

    def _print_how_to_connect(self, *, keep: bool) -> None:
        if not keep and isinstance(self._postgres, LocalPostgres):
            _print("Sandbox and PostgreSQL are gone now. To look around in them: make demo KEEP=1")
            return
        if not keep:
            _print(f"The rows are in schema emag of {self._postgres!r}.")
            return
        psql = shutil.which("psql")
        if psql is None and isinstance(self._postgres, LocalPostgres):
            psql = str(self._postgres.psql)
        _print(f"\n  {psql or 'psql'} '{self._postgres.dsn}'")
        _print("  in there: SET search_path TO emag; \\d")
        _print(f"  sandbox: {self._sandbox.url} (user demo, password demo)")
        _print("  before Meltano, such as `meltano run dbt:build`, in another terminal:")
        for name, text in self._postgres.environment().items():
            _print(f"    export {name}={shlex.quote(text)}")
        _print("")

    @contextmanager
    def _step(self, title: str) -> Iterator[None]:
        """Show a step, and how long it took once it is through."""
        begin = time.monotonic()
        sys.stdout.write(f"  {title} ... ")
        sys.stdout.flush()
        try:
            yield
        except BaseException:
            _print("failed")
            raise
        _print(f"{time.monotonic() - begin:.1f} s")


def _number(text: str) -> int:
    number = int(text)
    if number < FEWEST:
        raise argparse.ArgumentTypeError(f"{number} is too few; write {FEWEST} or more")
    return number


def _refuse_a_used(postgres: Postgres) -> None:
    """Refuse a given database that may contain the user's own tables."""
    if isinstance(postgres, ExternalPostgres) and Results(postgres).counts():
        raise PostgresError(
            f"{postgres!r} has a schema `emag` with tables in it already. The demo does not write"
            " into them: name an empty database in DATABASE_URL, or none"
        )


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _fail(message: str) -> int:
    sys.stderr.write(f"\nThe demo stopped: {message}\n")
    return 1


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
