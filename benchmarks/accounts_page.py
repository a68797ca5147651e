"""What running many accounts showed, and the parts of two pages that show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from benchmarks.hosts import HOSTS
from benchmarks.report import LEAST_SHARE
from benchmarks.volume import MEGABYTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.hosts import Outcome
    from benchmarks.report import Machine

TITLES: Final = {"": "", "dagster": " under Dagster", "airflow": " under Airflow"}
HOW: Final = {
    "": """{accounts} accounts over five marketplaces, on two hosts that each run {at_once} jobs at
once. A host is a project folder, a `state_dir` and processes of its own on the same machine, with
half of the accounts in its table. All accounts load into one Postgres, which also has Meltano's
runs and bookmarks and the request budgets. Each account has a shop and a user of its own, and each
shop keeps eMAG's budgets. The first account reads the commission of each of its offers, which takes
one request each; all others read their orders. It starts first on its host. A shop counts the
requests of its own user alone, so no account is refused for what another asks; a machine that is
short of processors may let an account's own requests arrive too close to each other. What follows
from this for the size of a host: [sizing.md](sizing.md).""",
    "dagster": """The same {accounts} accounts on two hosts. One Dagster, set up as in
[dagster.md](dagster.md), queues a run for each; each host serves a code location with its part of
the accounts. The time counts from the first run that is queued.""",
    "airflow": """The same {accounts} accounts on two hosts. One Airflow, set up as in
[airflow.md](airflow.md#several-hosts) with its servers on the first host, gives the tasks of an
account to the worker of its host; each worker runs {at_once} at once. The time counts from the
first DAG that is unpaused. Airflow's servers and each start of a task need the processors as well:
the first account has more offers, so that its budget takes longer than they do.""",
}
MOST_OVER: Final = 1.1  # times the time that the slowest account's budget needs
DAY: Final = 86_400
RUNS_A_DAY: Final = {"orders": DAY / 300 + 1 + 1 / 7, "offers": 24, "returns": 24, "reference": 1}
USED: Final = 0.7  # of a core: the rest is for runs that begin together, and for long ones
ROOM: Final = 0.5  # of the memory, likewise


@dataclass
class Figures:
    """What was measured.

    - `seconds`: from the first start until the last account that can succeed has ended.
    - `necessary`: seconds that the requests of the slowest account take at the allowed rates.
    - `share`: the slowest account's part of its allowed rate, from its first request to its last.
    - `requests`, `refused`: of all accounts, and those answered 429.
    - `failed`, `expected`: accounts whose run failed, and those whose run cannot succeed.
    - `missing`: orders that are not in Postgres, of accounts that can succeed.
    - `processor`: seconds of processors of a first run of orders, median.
    - `connections`: the most to Postgres at the same time.
    - `quiet`: a run of each job with nothing new, medians.
    - `table_bytes`, `index_bytes`: of the orders' tables, per 100,000 orders.
    - `shared`: bytes of the tables in the database that hosts share.
    - `workers`: how many accounts each worker of a scheduler has run, {} where it has none.
    """

    accounts: int
    at_once: int
    seconds: float
    necessary: float
    share: float
    requests: int
    refused: int
    failed: list[str]
    expected: list[str]
    missing: dict[str, int]
    processor: float
    connections: int
    quiet: dict[str, Outcome] = field(default_factory=dict)
    table_bytes: float = 0.0
    index_bytes: float = 0.0
    shared: dict[str, int] = field(default_factory=dict)
    workers: dict[str, int] = field(default_factory=dict)

    @property
    def over(self) -> float:
        """Return the time by that of the slowest account's budget."""
        return self.seconds / self.necessary

    @property
    def isolated(self) -> bool:
        """Return whether the accounts that can succeed have, and no others."""
        return self.failed == self.expected and not self.missing

    @property
    def processor_a_day(self) -> float:
        """Return the seconds of processors that an account's jobs take in a day."""
        return sum(RUNS_A_DAY[job] * each.processor for job, each in self.quiet.items())

    @property
    def busy(self) -> float:
        """Return the part of a day in which a job of an account runs."""
        spent = (RUNS_A_DAY[job] * (each.ended - each.begun) for job, each in self.quiet.items())
        return sum(spent) / DAY

    @property
    def megabytes(self) -> float:
        """Return the memory of the largest job."""
        return max(each.megabytes for each in self.quiet.values())

    @property
    def per_core(self) -> int:
        """Return how many accounts a core can run."""
        return int(USED * DAY / self.processor_a_day)

    @property
    def per_gigabyte(self) -> int:
        """Return how many accounts can be run in a GB of memory."""
        return int(ROOM * 1000 / self.megabytes / self.busy)


def marks(under: str = "") -> tuple[str, str]:
    """Return the first and the last line of a part."""
    name = f"accounts {under}".strip()
    return f"<!-- {name} begin -->", f"<!-- {name} end -->"


def _lines(figures: Figures) -> Iterator[tuple[str, str, str, bool | None]]:
    """Yield what was measured, the figure, the promise, and whether it was kept."""
    for worker, accounts in sorted(figures.workers.items()):
        yield f"accounts that the worker `{worker}` ran", f"{accounts}", "", None
    yield "requests", f"{figures.requests:,}", "", None
    yield "refused (429)", f"{figures.refused}", "0", figures.refused == 0
    failing = len(figures.expected)
    yield "accounts with a wrong password, or whose eMAG hangs", f"{failing}", "", None
    others = set(figures.failed) - set(figures.expected) | set(figures.missing)
    yield "other accounts that failed or miss orders", f"{len(others)}", "0", not others
    yield (
        "seconds that the slowest account's requests need at the rate that the tap may use",
        f"{figures.necessary:.0f}",
        "",
        None,
    )
    yield "seconds until all other accounts were loaded", f"{figures.seconds:.0f}", "", None
    over = f"{100 * (figures.over - 1):.1f} %"
    most = f"at most {100 * (MOST_OVER - 1):.0f} %"
    yield "more than needed", over, most, figures.over <= MOST_OVER
    share = f"{100 * figures.share:.1f} %"
    kept = figures.share >= LEAST_SHARE
    yield (
        "rate of the slowest account, of what it may use",
        share,
        f"{100 * LEAST_SHARE:.0f} % or more",
        kept,
    )
    if figures.processor:
        yield "seconds of processor, first run of orders", f"{figures.processor:.1f}", "", None
    yield "connections to Postgres, most at once", f"{figures.connections}", "", None


def section(figures: Figures, machine: Machine, under: str = "") -> str:
    """Return the benchmark page's part about many accounts."""
    verdicts = {None: "", True: "kept", False: "MISSED"}
    rows = [f"| {' | '.join([*line[:3], verdicts[line[3]]])} |" for line in _lines(figures)]
    table = "\n".join(["| measured | figure | promise | |", "| --- | ---: | --- | --- |", *rows])
    begin, end = marks(under)
    command = "python -m benchmarks.accounts" + (f" --under {under}" if under else "")
    return f"""{begin}
## Many accounts{TITLES[under]}

`{command} --write` has written this part: {machine}.

{table}

{HOW[under].format(accounts=figures.accounts, at_once=figures.at_once)}
{end}
"""


def sizing(figures: Figures, machine: Machine) -> str:
    """Return the part of the page about sizes that is measured."""
    jobs = "\n".join(
        f"| `{job}` | {RUNS_A_DAY[job]:.0f} | {each.processor:.1f} | {each.ended:.1f} |"
        f" {each.megabytes:.0f} |"
        for job, each in figures.quiet.items()
    )
    table, index = figures.table_bytes / MEGABYTE, figures.index_bytes / MEGABYTE
    shared = sum(figures.shared.values()) / MEGABYTE
    begin, end = marks()
    return f"""{begin}
## Measured

`python -m benchmarks.accounts --write` has written this part: {machine}.

| job with nothing new | runs per day | seconds of processor | seconds | MB |
| --- | ---: | ---: | ---: | ---: |
{jobs}

| it follows | |
| --- | ---: |
| seconds of processor, per account and day | {figures.processor_a_day:,.0f} |
| accounts per core | {figures.per_core} |
| accounts per GB of memory | {figures.per_gigabyte} |
| MB in Postgres per 100,000 orders: tables | {table:,.0f} |
| MB in Postgres per 100,000 orders: indexes | {index:,.0f} |
| connections to Postgres per run, at most | {figures.connections / HOSTS / figures.at_once:.1f} |
| MB of Meltano's runs, bookmarks and all budgets of {figures.accounts} accounts | {shared:.1f} |

*Accounts per core* leaves {100 - 100 * USED:.0f} % of the core for runs that begin together and for
first syncs. *Accounts per GB* fills {100 * ROOM:.0f} % of it with as many runs as are under way on
average. The memory is that of Meltano, tap and loader together. The tables are those of orders,
with lines, vouchers, attachments and the like.
{end}
"""
