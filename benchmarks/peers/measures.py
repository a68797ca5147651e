"""Runs the programs against sandboxes, and computes what is compared."""

from __future__ import annotations

import json
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import requests
from psycopg import sql

from benchmarks.measures import TOO_MANY
from benchmarks.peers.taps import PEERS, PER_SECOND, Key, Task
from benchmarks.runs import RunFailedError
from benchmarks.shop import open_shop
from benchmarks.volume import MEGABYTE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from benchmarks.peers.taps import Peer
    from benchmarks.shop import Shop
    from emag_sandbox import Request
    from emag_sandbox.postgres.server import LocalPostgres

# By measure and program: the figure of each round.
Figures = dict[str, dict[str, list[float]]]

CONTROL: Final = "/_sandbox"
TIMEOUT: Final = 30.0
QUIET_AT: Final = 0.5  # seconds of latency
CHANGING_AT: Final = 0.25  # likewise
# Seconds after the last change, when the next run begins. The tap reads up to two seconds before
# the server's clock, which it knows to a second, and not into a second that is not over.
SETTLED: Final = 6.0
DAYS: Final = 180
UNSLICED: Final = ", without windows"


@dataclass(frozen=True)
class Sizes:
    """How much is measured: numbers of orders, but for what is named otherwise."""

    latencies: tuple[float, ...] = (0.1, 0.25, 0.5, 1.0, 2.0)  # seconds
    orders: int = 7_000
    serial_orders: int = 700
    loaded: int = 2_500
    changing: int = 1_500
    changing_days: int = 14
    changes_per_second: float = 10
    sorts: tuple[str, ...] = ("id_desc", "modified_asc")
    unsliced: bool = True  # also reads a changing shop without windows
    volumes: tuple[int, ...] = (100, 1_000, 10_000)
    rounds: int = 3


QUICK: Final = Sizes(
    latencies=(0.5,),
    orders=1_200,
    serial_orders=300,
    loaded=200,
    changing=600,
    changing_days=7,
    sorts=("modified_asc",),
    unsliced=False,
    volumes=(100,),
    rounds=1,
)


class Comparison:
    """Measures all programs, one after the other, and collects the figures."""

    def __init__(self, sizes: Sizes, postgres: LocalPostgres, log: Callable[[str], None]) -> None:
        self.figures: Figures = defaultdict(lambda: defaultdict(list))
        self._sizes, self._postgres, self._log = sizes, postgres, log

    def round(self) -> None:
        """Measure everything once.

        Raises:
            RunFailedError: A program ended with an error, or did not read all of a quiet shop.
        """
        sizes = self._sizes
        asked: dict[type[Peer], list[Request]] = defaultdict(list)
        for latency in sizes.latencies:
            for peer in PEERS:
                asked[peer] += self._rate(peer, latency)
        for peer, each in asked.items():
            refused = sum(request.status == TOO_MANY for request in each)
            self._note("refused", peer, refused / len(each))
        for peer in PEERS:
            self._load(peer)
        for sort in sizes.sorts:
            for peer in PEERS:
                self._lost(peer, sort, windows=True)
                if peer.WINDOWS and sizes.unsliced:
                    self._lost(peer, sort, windows=False)
        for volume in sizes.volumes:
            for peer in PEERS:
                self._cost(peer, volume)

    def _note(self, measure: str, peer: type[Peer], figure: float) -> None:
        self.figures[measure][peer.NAME].append(figure)
        self._log(f"  {measure}, {peer.NAME}: {figure:.4g}")

    def _rate(self, peer: type[Peer], latency: float) -> list[Request]:
        """Measure the share of the budget; at one latency, also the orders and a quiet run.

        Return the requests of the first run.
        """
        orders = self._sizes.serial_orders if peer.SERIAL else self._sizes.orders
        with _task(orders=orders, latency=latency) as (task, shop):
            reader = peer(task)
            reader.read()
            asked = shop.requests()
            _check(reader, orders)
            granted = [each for each in asked if each.status != TOO_MANY]
            times = [each.time for each in granted]
            rate = (len(times) - 1) / (max(times) - min(times))
            self._note(f"share at {latency:g}", peer, rate / PER_SECOND)
            if latency == QUIET_AT:
                self._note("orders per second", peer, orders / _seconds(granted))
                self._note("orders per request", peer, orders / len(granted))
                reader.read()
                self._note("requests of a quiet run", peer, len(shop.requests()))
        return asked

    def _load(self, peer: type[Peer]) -> None:
        """Measure the way into Postgres, from the start of the command to its end."""
        orders = self._sizes.loaded
        with _task(orders=orders, latency=QUIET_AT) as (task, _):
            database = self._postgres.create_database("peers")
            seconds = peer(task).load(database)
            if seconds is None or peer.TABLE is None:
                return
            table = sql.Identifier(*peer.TABLE.split("."))
            with database.connect() as connection:
                query = sql.SQL("SELECT count(*) FROM {}").format(table)
                [(found,)] = connection.execute(query).fetchall()
        if found != orders:
            raise RunFailedError(f"{peer.NAME}: {found} of {orders} orders are in Postgres")
        self._note("orders per second into Postgres", peer, orders / seconds)

    def _lost(self, peer: type[Peer], sort: str, *, windows: bool) -> None:
        """Count orders that are missing or old after a read amid changes and one without."""
        sizes = self._sizes
        opened = _task(
            days=sizes.changing_days,
            latency=CHANGING_AT,
            windows=windows,
            orders=sizes.changing,
            sort=sort,
            changes_per_second=sizes.changes_per_second,
        )
        with opened as (task, _):
            reader = peer(task)
            reader.read()
            control = task.url.rsplit("/", 1)[0] + CONTROL
            answer = requests.post(
                f"{control}/config", json={"changes_per_second": 0}, timeout=TIMEOUT
            )
            answer.raise_for_status()
            time.sleep(SETTLED)
            reader.read()
            truth = requests.get(f"{control}/truth/orders", timeout=TIMEOUT)
            truth.raise_for_status()
        rows = map(_truth, truth.iter_lines())
        lost = sum(reader.orders.get(key) != modified for key, modified in rows)
        if windows:
            self._note(f"lost with {sort}", peer, lost)
        if not windows or not peer.WINDOWS:
            self._note(f"lost with {sort}{UNSLICED}", peer, lost)

    def _cost(self, peer: type[Peer], orders: int) -> None:
        """Measure computing and memory where neither budgets nor latency bound it."""
        with _task(orders=orders, latency=0.0, limits=False) as (task, _):
            reader = peer(task)
            used = reader.read()
            _check(reader, orders)
        self._note(f"processor seconds of {orders}", peer, 1000 * used.cpu_seconds / orders)
        self._note(f"megabytes of {orders}", peer, used.peak_bytes / MEGABYTE)


@contextmanager
def _task(
    *,
    days: int = DAYS,
    latency: float,
    limits: bool = True,
    windows: bool = True,
    **knobs: Any,  # noqa: ANN401 - as many types as knobs
) -> Iterator[tuple[Task, Shop]]:
    """Open a shop of its own for a task, with a folder that goes afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="tap-emag-peers-") as folder,
        open_shop(offers=0, history_days=days, latency=latency, limits=limits, **knobs) as shop,
    ):
        yield Task(Path(folder), shop.url, days, latency, budgets=limits, windows=windows), shop


def _check(reader: Peer, orders: int) -> None:
    if len(reader.orders) != orders:
        found = len(reader.orders)
        raise RunFailedError(f"{reader.NAME} has read {found} of {orders} orders")


def _seconds(asked: list[Request]) -> float:
    """Return the time from the first request to the last reply."""
    return max(each.time + each.seconds for each in asked) - min(each.time for each in asked)


def _truth(line: bytes) -> tuple[Key, str]:
    row: Mapping[str, Any] = json.loads(line)
    return Key(row["type"], row["id"]), row["modified"]
