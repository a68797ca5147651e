"""`python -m benchmarks.metrics_cost`: what counting and exporting metrics adds to a run.

The same orders are read several times, in turn with all three exporters and without counting. The
runs have no request budget, so that the tap never waits. The processor's time is compared, since
other programs lengthen a run but hardly its computing.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import sys
import tempfile
import threading
import urllib.request
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.runs import RunFailedError, catalog, run
from benchmarks.shop import open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.shop import Shop

PROMISED = 0.02  # of a run's processor time
COUNTED, UNCOUNTED = "benchmarks.unlimited", "benchmarks.uncounted"
LOOK_EVERY = 15.0  # seconds between two looks at the port
HISTORY_DAYS = 90


@dataclass(frozen=True)
class Cost:
    """Processor seconds of each run, in turn: with metrics and without."""

    orders: int
    counted: list[float]
    uncounted: list[float]

    @property
    def share(self) -> float:
        """Return what metrics add to a run, as a part of a run without them.

        Other programs make a run's caches cold and so lengthen it, never shorten it: of each kind,
        the run that was disturbed least is compared.
        """
        return min(self.counted) / min(self.uncounted) - 1

    @property
    def middle(self) -> float:
        """Return the same by medians, which a busy machine moves by more than what is measured."""
        return statistics.median(self.counted) / statistics.median(self.uncounted) - 1

    def __str__(self) -> str:
        """Return it as a line for people."""
        return (
            f"{self.orders:,} orders, {len(self.counted)} runs of each kind: at least "
            f"{min(self.counted):.2f} s of processor time with metrics, "
            f"{min(self.uncounted):.2f} s without: {100 * self.share:+.1f} % "
            f"(promised: at most {100 * PROMISED:.0f} %); by medians {100 * self.middle:+.1f} %"
        )


class _Gateway(BaseHTTPRequestHandler):
    """Takes what is pushed, as a Pushgateway does."""

    def do_PUT(self) -> None:
        """Read the body and accept it."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own
        """Log nothing."""


def main() -> int:
    """Measure and print; return 1 if the promise is missed or a tap failed."""
    parser = argparse.ArgumentParser(prog="benchmarks.metrics_cost", description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000, help="orders to read in each run")
    parser.add_argument("--rounds", type=int, default=7, help="runs of either kind")
    parser.add_argument("--json", action="store_true", help="print JSON, not a sentence")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="tap-emag-metrics-") as folder:
            cost = measure(Path(folder), options.orders, options.rounds)
    except RunFailedError as error:
        print(error, file=sys.stderr)
        return 1
    print(
        json.dumps(asdict(cost) | {"share": cost.share, "middle": cost.middle})
        if options.json
        else cost
    )
    return 0 if cost.share <= PROMISED else 1


def measure(folder: Path, orders: int, rounds: int) -> Cost:
    """Read so many orders so often, in turn with metrics and without.

    Raises:
        RunFailedError: A run ended with an error.
    """
    cost = Cost(orders, [], [])
    shop = open_shop(orders=orders, offers=0, history_days=HISTORY_DAYS, limits=False)
    with shop as open_one, _gateway() as gateway:
        chosen = catalog(folder, "order")
        _once(folder, open_one, chosen, UNCOUNTED, {})  # the sandbox makes its rows only once
        for number in range(rounds):
            # Each kind goes first every other time, in case the machine gets slower or faster.
            kinds = [COUNTED, UNCOUNTED] if number % 2 else [UNCOUNTED, COUNTED]
            for kind in kinds:
                outlets = _outlets(folder, gateway) if kind == COUNTED else {}
                used = _once(folder, open_one, chosen, kind, outlets)
                (cost.counted if kind == COUNTED else cost.uncounted).append(used)
    return cost


def _once(folder: Path, shop: Shop, chosen: Path, kind: str, outlets: dict[str, Any]) -> float:
    config = {
        "username": "demo",
        "password": "demo",
        "api_url": shop.url,
        "start_date": (datetime.now(timezone.utc) - timedelta(days=HISTORY_DAYS + 1)).isoformat(),
        "sync_timeout_seconds": 0,
        "state_dir": str(folder / "state"),
    }
    with _looking(outlets.get("metrics_port")):
        command = [sys.executable, "-m", kind]
        return run(command, folder, config | outlets, "orders", catalog=chosen).cpu_seconds


def _outlets(folder: Path, gateway: str) -> dict[str, Any]:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    textfile = str(folder / "metrics.prom")
    return {"metrics_textfile": textfile, "pushgateway_url": gateway, "metrics_port": port}


@contextmanager
def _gateway() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Gateway) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def _looking(port: int | None) -> Iterator[None]:
    """Read a port's metrics now and then, as Prometheus does."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_EVERY):
            with (
                suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply,
            ):
                reply.read()

    if port:
        threading.Thread(target=look, daemon=True).start()
    yield
    over.set()


if __name__ == "__main__":
    sys.exit(main())
