"""Accounts, their shops, one Postgres, and hosts that run the accounts' jobs.

A host is a project folder, a `state_dir` and processes of its own. Hosts share Postgres: a database
for the rows, and one that has Meltano's runs and bookmarks and the request budgets.
"""

from __future__ import annotations

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import psycopg

from benchmarks.peak import Peak, of_tree
from benchmarks.shop import open_shops
from emag_sandbox.demo.pipeline import Pipeline, meltano_command
from emag_sandbox.postgres.server import LocalPostgres
from tests.support.accounts import write_accounts
from tests.support.meltano_project import install_plugins, project_with

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Self

    from benchmarks.shop import Shop
    from emag_sandbox import Request

HOSTS: Final = 2
DAYS: Final = 20  # that the orders are spread over
SHOP: Final = {
    "returns": 5,
    "categories": 20,
    "localities": 20,
    "invoices": 0,
    "customer_invoices": 0,
    "history_days": DAYS,
    "latency": 0.2,
}
SELDOM: Final = {"orders": "1d", "offers": "1d"}  # a scheduler starts nothing by itself meanwhile
LONGEST: Final = 2400  # seconds, the deadline of each tap


@dataclass(frozen=True)
class Sizes:
    """How many accounts there are, and how large.

    - `orders`: of each account but the slowest; `estimates`: offers of the slowest, each of which
      costs it a request.
    - `refused`, `hanging`: the accounts with a wrong password, and those whose eMAG never answers.
    - `at_once`: runs of a host at the same time, as a pool of a scheduler allows.
    - `hangs`: the deadline in seconds of a run that hangs.
    """

    accounts: int = 50
    orders: int = 400
    offers: int = 20
    estimates: int = 1_300
    refused: int = 2
    hanging: int = 2
    at_once: int = 3
    hangs: int = 200


@dataclass(frozen=True)
class Account:
    """An account of the table; `fails` is why its run cannot succeed, "" if it can."""

    name: str
    marketplace: str
    host: int
    job: str
    fails: str = ""

    def variable(self, setting: str) -> str:
        """Return the variable of one of its settings."""
        return f"TAP_EMAG_{self.name.replace('-', '_').upper()}_{setting}"


@dataclass
class Outcome:
    """One run of a job: times of the monotonic clock, and seconds of processors.

    `worker` is the scheduler's worker that ran it, "" where a scheduler has none.
    """

    begun: float
    ended: float
    code: int
    processor: float = 0.0
    megabytes: float = 0.0  # of all its processes, each shared page counted once
    worker: str = ""


class Fleet:
    """All of it, while the context lasts."""

    def __init__(self, folder: Path, sizes: Sizes, *, complete: bool = False) -> None:
        """Work in an empty folder; `complete` is whether each host's table has all accounts."""
        self.folder, self.sizes = folder, sizes
        self.projects = [
            project_with(install_plugins(), folder / f"host-{number}" / "project")
            for number in range(HOSTS)
        ]
        markets: dict[str, str] = {}
        for number, project in enumerate(self.projects):
            host, hosts = (0, 1) if complete else (number, HOSTS)
            markets |= write_accounts(project, sizes.accounts, host, hosts, **SELDOM)
        self.accounts = [
            _account(number, number % HOSTS, markets, sizes) for number in range(sizes.accounts)
        ]
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.postgres = stack.enter_context(LocalPostgres())
            self.shared = self.postgres.create_database("shared")
            knobs = [self._knobs(each) for each in self.accounts]
            shops = stack.enter_context(open_shops(knobs))
            self.shops: dict[str, Shop] = {
                each.name: shop for each, shop in zip(self.accounts, shops, strict=True)
            }
            self.pipelines = list(map(self._pipeline, range(len(self.projects))))
            self._prepare()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def slowest(self) -> Account:
        """The account whose budget needs most time."""
        return self.accounts[0]

    def variables(self, host: int) -> dict[str, str]:
        """Return the environment variables of a host."""
        start = datetime.now(timezone.utc) - timedelta(days=DAYS + 1)
        uri = self.shared.dsn.replace("postgresql://", "postgresql+psycopg://", 1)
        slowest = self.slowest.variable(f"{self.slowest.job.rpartition('-')[2].upper()}__SELECT")
        found = {
            **self.postgres.environment(),
            "MELTANO_DATABASE_URI": uri,
            "TAP_EMAG_RATE_LIMIT_STORE": self.shared.dsn,
            "TAP_EMAG_START_DATE": start.isoformat(),
            "TAP_EMAG_STATE_DIR": str(self.folder / f"host-{host}" / "state"),
            "TAP_EMAG_SYNC_TIMEOUT_SECONDS": str(LONGEST),
            slowest: '["products.*", "commissions.*"]',
        }
        for each in self.accounts:
            password = "wrong" if each.fails == "password" else "demo"
            url = self.shops[each.name].url
            login = {"USERNAME": each.name, "PASSWORD": password, "API_URL": url}
            if each.fails == "hangs":
                login["SYNC_TIMEOUT_SECONDS"] = str(self.sizes.hangs)
            found |= {each.variable(name): value for name, value in login.items()}
        return found

    def run(self, account: Account, job: str = "", *, watched: bool = False) -> Outcome:
        """Run a job of an account on its host, to its end."""
        pipeline = self.pipelines[account.host]
        log = (self.folder / f"{account.name}.log").open("ab")
        begun = time.monotonic()
        with log:
            process = subprocess.Popen(  # noqa: S603 - Meltano of our own environment
                [meltano_command(), "run", job or account.job],
                cwd=pipeline.folder,
                env=pipeline.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            memory = Peak(partial(of_tree, process.pid))
            with memory if watched else nullcontext():
                _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        ended = time.monotonic()
        used = usage.ru_utime + usage.ru_stime  # those of tap and loader too, as they have ended
        return Outcome(begun, ended, process.returncode, used, memory.most)

    def run_all(self) -> dict[str, Outcome]:
        """Run every account's job, on each host as many at once as its pool allows."""
        with ExitStack() as stack:
            pools = [
                stack.enter_context(ThreadPoolExecutor(self.sizes.at_once)) for _ in self.projects
            ]
            started = {each.name: pools[each.host].submit(self.run, each) for each in self.accounts}
            return {name: future.result() for name, future in started.items()}

    def requests(self) -> dict[str, list[Request]]:
        """Return the requests of each account since this was last called."""
        return {name: shop.requests() for name, shop in self.shops.items()}

    def orders(self) -> dict[str, int]:
        """Return how many orders of each account are in Postgres."""
        query = "SELECT account_type, count(*) FROM emag.orders GROUP BY 1"
        with self.postgres.connect() as connection, suppress(psycopg.errors.UndefinedTable):
            return {str(name): int(number) for name, number in connection.execute(query)}
        return {}

    def begun(self) -> set[str]:
        """Return the accounts whose tap has begun: it lists itself before its first request."""
        query = "SELECT account_type FROM tap_emag_accounts"
        with self.shared.connect() as connection, suppress(psycopg.errors.UndefinedTable):
            return {str(name) for (name,) in connection.execute(query)}
        return set()

    def bytes_of(self, tables: str) -> tuple[int, int]:
        """Return the bytes of the tables whose names are like this, and those of their indexes."""
        query = """
            SELECT coalesce(sum(pg_table_size(oid)), 0)::bigint,
              coalesce(sum(pg_indexes_size(oid)), 0)::bigint
            FROM pg_class WHERE relnamespace = 'emag'::regnamespace AND relkind = 'r'
              AND relname LIKE %s
        """
        with self.postgres.connect() as connection:
            [(table, index)] = connection.execute(query, (tables,)).fetchall()
        return int(table), int(index)

    def shared_tables(self) -> dict[str, int]:
        """Return the bytes of each table in the database that the hosts share."""
        query = """
            SELECT relname, pg_total_relation_size(oid) FROM pg_class
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
        """
        with self.shared.connect() as connection:
            return {str(name): int(size) for name, size in connection.execute(query)}

    def _knobs(self, account: Account) -> dict[str, Any]:
        sizes, slowest = self.sizes, account.name == self.slowest.name
        return {
            **SHOP,
            "marketplace": account.marketplace,
            "username": account.name,
            "orders": 0 if slowest else sizes.orders,
            "offers": sizes.estimates if slowest else sizes.offers,
            "seed": 1 + int(account.name.rpartition("-")[2]),
            "resource_faults": {"order": "hang"} if account.fails == "hangs" else {},
        }

    def _pipeline(self, host: int) -> Pipeline:
        folder = self.folder / f"host-{host}"
        variables = {**self.variables(host), "XDG_STATE_HOME": str(folder / "home")}
        return Pipeline(self.projects[host], variables, folder / "log")

    def _prepare(self) -> None:
        """Let Meltano create its tables, which two hosts cannot do at the same time."""
        self.pipelines[0].call("schedule", "list")


def span(requests: Sequence[Request]) -> float:
    """Return the seconds from the first request to the last."""
    times = [each.time for each in requests]
    return max(times) - min(times)


def _account(number: int, host: int, markets: dict[str, str], sizes: Sizes) -> Account:
    """Return an account; the first is the slowest, and the next ones fail."""
    name = f"shop-{number}"
    if number == 0:
        return Account(name, markets[name], host, f"{name}-offers")
    fails = ""
    if number <= sizes.refused:
        fails = "password"
    elif number <= sizes.refused + sizes.hanging:
        fails = "hangs"
    return Account(name, markets[name], host, f"{name}-orders", fails)
