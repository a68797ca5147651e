"""`python -m benchmarks.refusals`: the rate that is used where requests are late on their way.

The real command reads a sandbox that counts sliding or fixed seconds, at several latencies. A
request is up to a tenth of a second on its way, so that some draw nearer to those before them.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

from benchmarks.measures import TOO_MANY, allowed_rate
from benchmarks.others import Others
from benchmarks.page_parts import put
from benchmarks.report import Machine
from benchmarks.runs import TAP_EMAG, RunFailedError, catalog, run
from benchmarks.shop import open_shops
from benchmarks.volume import PAGE

MODES: Final = ("sliding", "fixed")
LATENCIES: Final = (0.1, 0.25, 0.5, 1.0, 2.0)
JITTER: Final = 0.1  # seconds
ORDERS: Final = 20_000
ROUNDS: Final = 3  # some 680 requests: a rate of one in 500 cannot be seen in fewer
DAYS: Final = 180
ORDER_BYTES: Final = 10_000  # of an order as it is sent, at most
LEAST_SHARE: Final = 0.97
ONE_IN: Final = 500
BEGIN, END = "<!-- refusals begin -->", "<!-- refusals end -->"


@dataclass(frozen=True)
class Used:
    """Some readings of all orders; `share` is of the allowed rate while all threads are at work."""

    mode: str
    latency: float  # seconds
    concurrency: int
    requests: int
    refused: int
    share: float
    missing: int  # orders

    @property
    def kept(self) -> bool:
        """Return whether what is promised was kept."""
        few = self.refused <= max(1, self.requests / ONE_IN)
        return self.share >= LEAST_SHARE and few and not self.missing


def main() -> int:
    """Measure and print; return 1 if a promise is missed or a tap failed."""
    parser = argparse.ArgumentParser(prog="benchmarks.refusals", description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="readings for each row")
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    parser.add_argument("--write", action="store_true", help="also write docs/benchmarks.md")
    options = parser.parse_args()
    others = Others()
    found = []
    try:
        for mode in MODES:
            for latency in LATENCIES:
                with tempfile.TemporaryDirectory(prefix="tap-emag-refusals-") as folder:
                    found.append(read(Path(folder), options.orders, mode, latency, options.rounds))
                print(f"{found[-1]}", file=sys.stderr, flush=True)
    except RunFailedError as error:
        print(error, file=sys.stderr)
        return 1
    text = section(found, options.orders, options.rounds, Machine.this(others.share()))
    if options.write:
        put(PAGE, BEGIN, END, text)
    print(json.dumps([asdict(each) for each in found]) if options.json else text)
    return 0 if all(each.kept for each in found) else 1


def read(folder: Path, orders: int, mode: str, latency: float, rounds: int = 1) -> Used:
    """Read all orders with as many threads as the latency needs, and some more.

    Raises:
        RunFailedError: The command ended with an error.
    """
    rate = allowed_rate("orders")
    concurrency = max(8, math.ceil(1.3 * rate * (latency + JITTER)) + 3)
    knobs = {
        "cache_bytes": ORDER_BYTES * orders,
        "orders": orders,
        "offers": 0,
        "history_days": DAYS,
        "latency": latency,
        "arrival_jitter": JITTER,
        "limit_mode": mode,
    }
    found = []
    with open_shops([knobs], made_before=True) as [api]:
        for number in range(rounds):
            place = folder / str(number)
            place.mkdir()
            config = {
                "username": "demo",
                "password": "demo",
                "api_url": api.url,
                "start_date": (datetime.now(timezone.utc) - timedelta(days=DAYS)).isoformat(),
                "max_concurrent_requests": concurrency,
                "state_dir": str(place / "state"),
            }
            done = run(TAP_EMAG, place, config, "orders", catalog=catalog(place, "order"))
            requests = api.requests()
            times = sorted(each.time for each in requests)
            steady = times[concurrency:-concurrency]
            found.append(
                Used(
                    mode=mode,
                    latency=latency,
                    concurrency=concurrency,
                    requests=len(times),
                    refused=sum(each.status == TOO_MANY for each in requests),
                    share=(len(steady) - 1) / (steady[-1] - steady[0]) / rate,
                    missing=orders - done.distinct,
                )
            )
    return together(found)


def together(rounds: list[Used]) -> Used:
    """Return some readings as one: all their requests, and the share of all their time."""
    requests = sum(each.requests for each in rounds)
    return replace(
        rounds[0],
        requests=requests,
        refused=sum(each.refused for each in rounds),
        share=requests / sum(each.requests / each.share for each in rounds),
        missing=sum(each.missing for each in rounds),
    )


def section(found: list[Used], orders: int, rounds: int, machine: Machine) -> str:
    """Return the page's part about refusals."""
    table = [
        "| the server counts | latency, s | at once | requests | refused | share of the rate | |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    table += [
        f"| {each.mode} seconds | {each.latency:g} | {each.concurrency} | {each.requests} |"
        f" {each.refused} | {100 * each.share:.1f} % | {'kept' if each.kept else 'MISSED'} |"
        for each in found
    ]
    text, least = "\n".join(table), f"{100 * LEAST_SHARE:.0f} %"
    return f"""{BEGIN}
## Refusals

`python -m benchmarks.refusals --write` has written this part: {machine}.

{text}

{orders:,} orders are read with the real command {rounds} times for each row, which has the
requests of all {rounds}. The sandbox has made its orders before, so that it counts a request when
it comes, up to {JITTER:g} s after it was sent.
The share is that of {allowed_rate("orders"):.3g} requests per second. At the begin and at the end
of a reading as many requests are left out as are sent at once. Promised are {least} or
more, and at most one refusal, or one in {ONE_IN} requests.
{END}
"""


if __name__ == "__main__":
    sys.exit(main())
