"""`make bench-peers`: read the same sandbox with tap-emag and its peers, and compare."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys

from benchmarks.others import Others
from benchmarks.page_parts import put
from benchmarks.peers.measures import QUICK, Comparison, Sizes
from benchmarks.peers.page import BEGIN, END, PLOT, plot, section
from benchmarks.report import Machine
from benchmarks.runs import RunFailedError
from benchmarks.volume import PAGE
from emag_sandbox.postgres.server import LocalPostgres


def main() -> int:
    """Measure and print; return 1 if a program failed or has not read all of a quiet shop."""
    parser = argparse.ArgumentParser(prog="benchmarks.peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it works")
    parser.add_argument("--rounds", type=int, help="how often each is measured")
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    parser.add_argument("--write", action="store_true", help=f"also write {PAGE.name} and its plot")
    options = parser.parse_args()
    if options.quick and options.write:
        parser.error("--quick measures too little to be written down")
    sizes = QUICK if options.quick else Sizes()
    if options.rounds:
        sizes = dataclasses.replace(sizes, rounds=options.rounds)
    others = Others()
    try:
        with LocalPostgres() as postgres:
            comparison = Comparison(sizes, postgres, _log)
            for number in range(1, sizes.rounds + 1):
                _log(f"round {number} of {sizes.rounds}")
                comparison.round()
    except RunFailedError as error:
        _log(str(error))
        return 1
    figures = comparison.figures
    text = section(figures, sizes, Machine.this(others.share()))
    if options.write:
        put(PAGE, BEGIN, END, text)
        plot(figures, sizes, PLOT)
    print(json.dumps(figures) if options.json else text)
    return 0


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
