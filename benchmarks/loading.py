"""`python -m benchmarks.loading`: run the job `orders` into Postgres, then again with nothing new.

It is `meltano run orders` as a schedule starts it, with all of its tasks. The sandbox keeps eMAG's
budgets.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.measures import CONCURRENCY, allowed_rate
from benchmarks.others import Others
from benchmarks.page_parts import put
from benchmarks.peak import Peak, resident
from benchmarks.report import Machine
from benchmarks.runs import ROOT, RunFailedError
from benchmarks.shop import open_shops
from benchmarks.volume import PAGE
from emag_sandbox.demo.pipeline import Pipeline, PipelineError
from emag_sandbox.postgres.server import LocalPostgres

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.shop import Shop

BEGIN, END = "<!-- loading begins -->", "<!-- loading ends -->"
ORDERS: Final = 20_000
DAYS: Final = 180
LATENCY: Final = 0.5  # seconds
QUIET_RUNS: Final = 5
MOST_OVER: Final = 1.15  # times the time that the requests need
MOST_MEMORY: Final = 350  # MB
MOST_QUIET: Final = 5.0  # seconds
MOST_QUIET_PROCESSOR: Final = 2.5  # seconds
LOADER: Final = "emag-loader"
MELTANO: Final = ROOT / "benchmarks" / "meltano_usage.py"
WRITTEN: Final = """
SELECT sum(n_tup_ins)::int, sum(n_tup_upd)::int FROM pg_stat_user_tables WHERE schemaname = 'emag'
"""


@dataclass(frozen=True)
class Job:
    """One run of the job: seconds from start to end, and those of processors."""

    seconds: float
    meltano: float
    plugins: float

    @property
    def processor(self) -> float:
        """Return the processor time of all."""
        return self.meltano + self.plugins


@dataclass(frozen=True)
class First:
    """The first run: its rows in Postgres, and where its time went."""

    job: Job
    orders: int
    rows: int
    rows_written_again: int
    requests: int
    necessary: float  # seconds that so many requests take at the allowed rate
    before: float  # the first request, seconds since the start
    after: float  # the last reply, seconds until the end
    loader_megabytes: float


class Bench:
    """A shop, a Postgres, and a Meltano project with its plugins installed."""

    def __init__(self, folder: Path, postgres: LocalPostgres, shop: Shop) -> None:
        """Work in an empty folder."""
        start = datetime.now(timezone.utc) - timedelta(days=DAYS + 1)
        self._postgres, self._shop = postgres, shop
        self._usage, self._meltano = folder / "usage.json", folder / "meltano"
        shutil.copy(MELTANO, self._meltano)  # its plugins look for a command of this name
        environment = {
            **postgres.environment(),
            "MELTANO_DATABASE_URI": f"sqlite:///{folder / 'meltano.db'}",
            "TAP_EMAG_API_URL": shop.url,
            "TAP_EMAG_USERNAME": "demo",
            "TAP_EMAG_PASSWORD": "demo",
            "TAP_EMAG_START_DATE": start.isoformat(),
            "TAP_EMAG_MAX_CONCURRENT_REQUESTS": str(CONCURRENCY),
            "TAP_EMAG_STATE_DIR": str(folder / "state"),
            "USAGE": str(self._usage),
        }
        self._pipeline = Pipeline(folder / "project", environment, folder / "log")
        self._pipeline.install()

    def first(self, orders: int) -> First:
        """Load all orders.

        Raises:
            RunFailedError: Meltano ended with an error, or rows are missing.
        """
        memory = Peak(partial(resident, LOADER))
        begun = time.monotonic()
        with memory:
            job = self._run()
        ended = begun + job.seconds
        requests = self._shop.requests()
        with self._postgres.connect() as connection:
            [(found,)] = connection.execute("SELECT count(*) FROM emag.orders").fetchall()
            [(inserted, updated)] = connection.execute(WRITTEN).fetchall()
        if found != orders:
            raise RunFailedError(f"{found} of {orders} orders are in Postgres")
        return First(
            job=job,
            orders=found,
            rows=inserted,
            rows_written_again=updated,
            requests=len(requests),
            necessary=len(requests) / allowed_rate("orders"),
            before=min(each.time for each in requests) - begun,
            after=ended - max(each.time + each.seconds for each in requests),
            loader_megabytes=memory.most,
        )

    def quiet(self, runs: int) -> list[Job]:
        """Run the job again, several times."""
        return [self._run() for _ in range(runs)]

    def _run(self) -> Job:
        pipeline = self._pipeline
        begun = time.monotonic()
        with pipeline.log.open("ab") as log:
            done = subprocess.run(  # noqa: S603 - Meltano of our own environment
                [sys.executable, str(self._meltano), "run", "orders"],
                cwd=pipeline.folder,
                env=pipeline.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            )
        seconds = time.monotonic() - begun
        if done.returncode:
            raise RunFailedError(pipeline.log.read_text(errors="replace")[-3000:])
        return Job(seconds, **json.loads(self._usage.read_bytes()))


def main() -> int:
    """Measure and print; return 0 even if a promise is missed, 1 if a run failed."""
    parser = argparse.ArgumentParser(prog="benchmarks.loading", description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS, help="of the shop")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--write", action="store_true", help=f"also write {PAGE.name}")
    options = parser.parse_args()
    others = Others()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tap-emag-load-")))
        postgres = stack.enter_context(LocalPostgres())
        knobs = {"orders": options.orders, "offers": 0, "history_days": DAYS, "latency": LATENCY}
        [shop] = stack.enter_context(open_shops([knobs], made_before=True))
        try:
            bench = Bench(folder, postgres, shop)
            first, quiet = bench.first(options.orders), bench.quiet(QUIET_RUNS)
        except (RunFailedError, PipelineError) as error:
            print(error, file=sys.stderr)
            return 1
    text = section(first, quiet, Machine.this(others.share()))
    if options.write:
        put(PAGE, BEGIN, END, text)
    figures = {"first": asdict(first), "quiet": [asdict(each) for each in quiet]}
    print(json.dumps(figures) if options.json else text)
    return 0


def _lines(first: First, quiet: Sequence[Job]) -> Iterator[tuple[str, str, str, bool | None]]:
    """Yield what was measured, the figure, the promise, and whether it was kept."""
    over = first.job.seconds / first.necessary
    yield f"**`meltano run orders`, {first.orders:,} orders**", "", "", None
    yield "rows in Postgres", f"{first.rows:,}", "", None
    again = first.rows_written_again
    yield "rows that were written again after that", f"{again:,}", "0", again == 0
    yield "requests", f"{first.requests:,}", "", None
    yield (
        "seconds that these need at the rate that the tap may use",
        f"{first.necessary:.1f}",
        "",
        None,
    )
    yield "seconds from start to end", f"{first.job.seconds:.1f}", "", None
    yield "of these before the first request", f"{first.before:.1f}", "", None
    yield "of these after the last reply", f"{first.after:.1f}", "", None
    yield "seconds by those needed", f"{over:.2f}", f"at most {MOST_OVER}", over <= MOST_OVER
    most, peak = MOST_MEMORY, first.loader_megabytes
    yield "peak memory of the loader, MB", f"{peak:.0f}", f"below {most}", peak < most
    yield f"**again, nothing new, median of {len(quiet)} runs**", "", "", None
    seconds = statistics.median(each.seconds for each in quiet)
    yield (
        "seconds from start to end",
        f"{seconds:.1f}",
        f"at most {MOST_QUIET:g}",
        seconds <= MOST_QUIET,
    )
    used = statistics.median(each.processor for each in quiet)
    limit = MOST_QUIET_PROCESSOR
    yield "seconds of processor", f"{used:.1f}", f"at most {limit:g}", used <= limit
    meltano = statistics.median(each.meltano for each in quiet)
    yield "of these Meltano's own", f"{meltano:.1f}", "", None
    plugins = statistics.median(each.plugins for each in quiet)
    yield "of these tap, loader and `emag-ops`", f"{plugins:.1f}", "", None


def section(first: First, quiet: Sequence[Job], machine: Machine) -> str:
    """Return the page's part about loading."""
    verdicts = {None: "", True: "kept", False: "MISSED"}
    rows = [f"| {' | '.join([*line[:3], verdicts[line[3]]])} |" for line in _lines(first, quiet)]
    table = "\n".join(["| measured | figure | promise | |", "| --- | ---: | --- | --- |", *rows])
    return f"""{BEGIN}
## Into Postgres

`python -m benchmarks.loading --write` has written this part: {machine}.

{table}

The job `orders` runs as a schedule starts it: clean-up, preparation of tables, tap and loader,
reports. The sandbox has made its orders before, takes {1000 * LATENCY:g} ms for each reply and
keeps eMAG's budgets. Sandbox and Postgres run on the same machine. *Meltano's own* is the processor
time of Meltano's process, without its plugins. The memory of the loader (resident set) is looked at
from outside.
{END}
"""


if __name__ == "__main__":
    sys.exit(main())
