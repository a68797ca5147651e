"""`python -m benchmarks`: measure the tap against a sandbox and print one table."""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import accounts_page, loading, marts, refusals, volume
from benchmarks.measures import QUICK, STATE_OFFERS, Bench, Figures, Sizes, middle, state_bytes
from benchmarks.others import Others
from benchmarks.page_parts import part
from benchmarks.peers import page as peers
from benchmarks.report import Machine, page, table
from benchmarks.runs import RunFailedError
from benchmarks.volume import PAGE

if TYPE_CHECKING:
    from benchmarks.measures import Speed

MORE_ORDERS = 50_000


def main() -> int:
    """Measure and print; return 0 even if a promise is missed, 1 if a tap failed."""
    parser = _parser()
    options = parser.parse_args()
    if options.quick and options.write:
        parser.error("--quick measures too little to be written down")
    sizes = QUICK if options.quick else Sizes(more_orders=MORE_ORDERS if options.full else 0)
    if options.rounds:
        sizes = dataclasses.replace(sizes, rounds=options.rounds)
    others = Others()
    try:
        with tempfile.TemporaryDirectory(prefix="tap-emag-bench-") as folder:
            figures = _measure(Bench(Path(folder), sizes))
        machine = Machine.this(others.share())
    except RunFailedError as error:
        _log(str(error))
        return 1
    if options.write:
        PAGE.parent.mkdir(exist_ok=True)
        old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
        marks = [(each.BEGIN, each.END) for each in (loading, volume, marts, refusals, peers)]
        marks += map(accounts_page.marks, accounts_page.TITLES)
        parts = "\n".join(filter(None, (part(old, *each) for each in marks)))
        PAGE.write_text(page(figures, sizes, machine, parts), encoding="utf-8")
    if options.json:
        told = {
            "machine": dataclasses.asdict(machine),
            "sizes": dataclasses.asdict(sizes),
            "figures": dataclasses.asdict(figures),
        }
        print(json.dumps(told))
    else:
        print(f"{machine}\n\n{table(figures, sizes)}")
    return 0


def _measure(bench: Bench) -> Figures:
    sizes = bench.sizes
    orders, offers, serial = [], [], []
    for number in range(1, sizes.rounds + 1):
        _log(f"round {number} of {sizes.rounds}")
        orders.append(bench.orders(sizes.orders))
        _log_speed("orders", orders[-1][0])
        serial.append(bench.serial())
        _log_speed("orders, plain serial tap", serial[-1])
        offers.append(bench.offers())
        _log_speed("offers", offers[-1][0])
    more = bench.orders(sizes.more_orders)[0] if sizes.more_orders else None
    if more:
        _log_speed("orders", more)
    _log("all streams")
    whole = bench.whole()
    return Figures(
        whole=whole,
        orders=middle([first for first, _ in orders]),
        orders_again=middle([again for _, again in orders]),
        serial=middle(serial),
        times_serial=statistics.median(
            ours.rows_per_second / plain.rows_per_second
            for (ours, _), plain in zip(orders, serial, strict=True)
        ),
        offers=middle([first for first, _ in offers]),
        offers_again=middle([again for _, again in offers]),
        more_orders=more,
        state_offers=STATE_OFFERS,
        state_bytes=state_bytes(),
    )


def _log_speed(what: str, speed: Speed) -> None:
    _log(
        f"  {speed.rows:,} {what}: {100 * speed.share:.1f} % of the allowed rate,"
        f" {speed.refused} refused"
    )


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", action="store_true", help=f"also read {MORE_ORDERS:,} orders")
    size.add_argument("--quick", action="store_true", help="tiny sizes, to see that it works")
    parser.add_argument("--rounds", type=int, help="how often each is measured")
    parser.add_argument("--json", action="store_true", help="print JSON, not the table")
    parser.add_argument("--write", action="store_true", help="also write docs/benchmarks.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
