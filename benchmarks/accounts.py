"""`python -m benchmarks.accounts`: run the jobs of fifty accounts on two hosts into one Postgres.

Each host has its own project folder, `state_dir` and processes, and a part of the accounts; the
first account has so many requests to make that its budget takes longest. Some accounts fail.
Then one account's jobs run again with nothing new: what that costs is the size of a host.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from benchmarks.accounts_page import RUNS_A_DAY, Figures, marks, section, sizing
from benchmarks.hosts import Fleet, Outcome, Sizes, span
from benchmarks.measures import TOO_MANY, necessary
from benchmarks.others import Others
from benchmarks.page_parts import put
from benchmarks.peak import Peak
from benchmarks.report import Machine
from benchmarks.runs import ROOT
from benchmarks.volume import PAGE
from emag_sandbox.demo.pipeline import PipelineError
from tests.e2e.orchestrate.airflow_hosts import AirflowHosts
from tests.e2e.orchestrate.dagster_hosts import DagsterHosts

if TYPE_CHECKING:
    from emag_sandbox.postgres.server import LocalPostgres


class Way(NamedTuple):
    """A way to run the accounts' jobs.

    `engine` starts them, None for the fleet itself; `complete` is whether it needs all accounts in
    the table of each host. `estimates` is how many offers the slowest account needs so that its
    budget takes longer than the processors do for all others.
    """

    engine: type[DagsterHosts | AirflowHosts] | None = None
    complete: bool = False
    estimates: int = Sizes.estimates


WAYS: Final = {
    "": Way(),
    "dagster": Way(DagsterHosts),
    "airflow": Way(AirflowHosts, complete=True, estimates=3_600),
}
SIZING: Final = ROOT / "docs" / "sizing.md"
SHORT: Final = Sizes(
    accounts=5, orders=60, offers=10, estimates=80, refused=1, hanging=1, at_once=2, hangs=20
)
QUIET_RUNS: Final = 3
HUNDRED_THOUSAND: Final = 100_000


def planned(folder: Path, under: str = "", *, short: bool) -> Fleet:
    """Return the accounts for one way to run them."""
    way = WAYS[under]
    sizes = SHORT if short else replace(Sizes(), estimates=way.estimates)
    return Fleet(folder, sizes, complete=way.complete)


def measure(
    fleet: Fleet,
    under: str = "",
    quiet_jobs: int = len(RUNS_A_DAY),
    quiet_runs: int = QUIET_RUNS,
) -> Figures:
    """Run all accounts, `under` a scheduler if one is named, then jobs of one account again."""
    with ExitStack() as stack:
        start = WAYS[under].engine
        engine = start(fleet) if start else None
        if engine:
            stack.enter_context(engine)
        connections = Peak(partial(_connections, fleet.postgres), interval=1.0)
        stack.enter_context(connections)
        outcomes = (engine or fleet).run_all()
    asked, loaded = fleet.requests(), fleet.orders()
    good = [each for each in fleet.accounts if not each.fails]
    begun = min(each.begun for each in outcomes.values())
    sizes, slowest = fleet.sizes, fleet.slowest
    wanted = {each.name: sizes.orders for each in good if each is not slowest}
    tables, indexes = fleet.bytes_of("order%")
    times = HUNDRED_THOUSAND / max(1, sum(loaded.values()))
    found = Figures(
        accounts=sizes.accounts,
        at_once=sizes.at_once,
        seconds=max(outcomes[each.name].ended for each in good) - begun,
        necessary=necessary(asked[slowest.name]),
        share=necessary(asked[slowest.name]) / span(asked[slowest.name]),
        requests=sum(map(len, asked.values())),
        refused=sum(each.status == TOO_MANY for every in asked.values() for each in every),
        failed=[each.name for each in fleet.accounts if outcomes[each.name].code],
        expected=[each.name for each in fleet.accounts if each.fails],
        missing={
            name: orders - loaded.get(name, 0)
            for name, orders in wanted.items()
            if loaded.get(name, 0) != orders
        },
        processor=statistics.median(outcomes[name].processor for name in wanted),
        connections=int(connections.most),
        table_bytes=tables * times,
        index_bytes=indexes * times,
        shared=fleet.shared_tables(),
        workers=Counter(each.worker for each in outcomes.values() if each.worker),
    )
    found.quiet = {job: quiet(fleet, job, quiet_runs) for job in list(RUNS_A_DAY)[:quiet_jobs]}
    return found


def quiet(fleet: Fleet, group: str, runs: int) -> Outcome:
    """Run a job of the last account until there is nothing new, then measure it."""
    account = fleet.accounts[-1]
    job = f"{account.name}-{group}"
    fleet.run(account, job)
    found = [fleet.run(account, job, watched=True) for _ in range(runs)]
    return Outcome(
        begun=0.0,
        ended=statistics.median(each.ended - each.begun for each in found),
        code=max(each.code for each in found),
        processor=statistics.median(each.processor for each in found),
        megabytes=max(each.megabytes for each in found),
    )


def _connections(postgres: LocalPostgres) -> int:
    """Return how many connections there are, but for the one that counts them."""
    query = "SELECT count(*) - 1 FROM pg_stat_activity WHERE backend_type = 'client backend'"
    with postgres.connect() as connection:
        [(number,)] = connection.execute(query).fetchall()
    return int(number)


def main() -> int:
    """Measure and print; return 0 even if a promise is missed, 1 if Meltano cannot be run."""
    parser = argparse.ArgumentParser(prog="benchmarks.accounts", description=__doc__)
    parser.add_argument("--short", action="store_true", help="five accounts, to see that it works")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--under", choices=[*filter(None, WAYS)], default="", help="start jobs by a scheduler"
    )
    parser.add_argument("--write", action="store_true", help=f"also {PAGE.name} and {SIZING.name}")
    options = parser.parse_args()
    if options.short and options.write:
        parser.error("--short measures too little to be written down")
    others = Others()
    with tempfile.TemporaryDirectory(prefix="tap-emag-accounts-") as folder:
        try:
            with planned(Path(folder), options.under, short=options.short) as fleet:
                figures = measure(fleet, options.under, 0 if options.under else len(RUNS_A_DAY))
        except PipelineError as error:
            print(error, file=sys.stderr)
            return 1
    machine, under = Machine.this(others.share()), options.under
    text = section(figures, machine, under)
    if options.write:
        put(PAGE, *marks(under), text)
    if not under:
        text += sizing(figures, machine)
        if options.write:
            put(SIZING, *marks(), sizing(figures, machine))
    print(json.dumps(asdict(figures)) if options.json else text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
