"""Writes the figures as one table, for a terminal and for Markdown."""

from __future__ import annotations

import platform
import sys
import time
import timeit
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from os import cpu_count
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.measures import CONCURRENCY, allowed_rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.measures import Again, Figures, Sizes, Speed, Whole

LEAST_SHARE = 0.95
LEAST_ROWS_PER_REQUEST = 88
MOST_OVER = 0.1  # of the time that the budgets make necessary
MOST_STATE = 1_500_000  # bytes
MOST_PER_TYPE = 2
LOOP = "for _ in range(10_000_000): pass"
FULL_OFFERS = 2_000  # the promise of unchanged offers: of fewer, the start takes more
FULL_ORDERS = 20_000  # the promise of rows a request is for as many


@dataclass(frozen=True)
class Machine:
    """Where and when it was measured.

    `others` is what other programs took of its cores, 0 to 1; `loop` is the processor seconds of a
    loop of ten million turns, by which the processors of two machines can be compared.
    """

    cores: int
    system: str
    python: str
    sdk: str
    date: str
    others: float
    loop: float

    @classmethod
    def this(cls, others: float) -> Machine:
        """Return this machine, now."""
        return cls(
            others=others,
            loop=min(timeit.repeat(LOOP, number=1, repeat=3, timer=time.process_time)),
            cores=cpu_count() or 1,
            system=f"{platform.system()} {platform.machine()}",
            python=platform.python_version(),
            sdk=version("singer-sdk"),
            date=datetime.now(timezone.utc).date().isoformat(),
        )

    def __str__(self) -> str:
        return (
            f"{self.date}, {self.cores} cores, {self.system},"
            f" {sys.implementation.name} {self.python}, singer-sdk {self.sdk};"
            f" a loop of ten million turns took {self.loop:.2f} s,"
            f" other programs kept {_percent(self.others, 0)} of the cores busy"
        )


class Line(NamedTuple):
    """A row of the table; without a promise, `kept` is None."""

    what: str
    figure: str
    promise: str = ""
    kept: bool | None = None


def table(figures: Figures, sizes: Sizes) -> str:
    """Return the table."""
    verdicts = {None: "", True: "kept", False: "MISSED"}
    cells = [("measured", "figure", "promise", "")]
    cells += [(*line[:3], verdicts[line.kept]) for line in _lines(figures, sizes)]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    rule = ["-" * width for width in widths]
    rule[1] = rule[1][1:] + ":"
    head, *body = (_row(row, widths) for row in cells)
    return "\n".join([head, _row(rule, widths), *body])


def _percent(share: float, digits: int) -> str:
    return f"{100 * share:.{digits}f} %"


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    what, figure, promise, verdict = cells
    padded = (
        what.ljust(widths[0]),
        figure.rjust(widths[1]),
        promise.ljust(widths[2]),
        verdict.ljust(widths[3]),
    )
    return f"| {' | '.join(padded)} |"


def _lines(figures: Figures, sizes: Sizes) -> Iterator[Line]:
    delay = f"{1000 * sizes.latency:g} ms"
    yield Line(f"**{sizes.orders:,} orders, {delay} a reply, {CONCURRENCY} at once**", "")
    yield from _order_lines(figures.orders)
    if figures.more_orders:
        yield Line(f"**{sizes.more_orders:,} orders, likewise**", "")
        yield from _order_lines(figures.more_orders)
    yield Line("**orders again, nothing new**", "")
    yield from _again_lines(figures.orders_again)
    yield Line(f"**{sizes.serial_orders:,} orders, a plain serial SDK tap, {delay} a reply**", "")
    yield from _serial_lines(figures)
    yield Line(f"**{sizes.offers:,} offers, {delay} a reply**", "")
    yield from _offer_lines(figures.offers)
    again = figures.offers_again
    yield Line("**offers again, none changed**", "")
    yield Line("requests", f"{again.requests:g}")
    yield Line("rows written", f"{again.written:g}", "0", again.written == 0)
    yield Line("seconds these need at the rate that the tap may use", f"{again.necessary:.1f}")
    yield Line("seconds, the command from start to end", f"{again.seconds:.1f}")
    full, over = sizes.offers >= FULL_OFFERS, again.seconds / again.necessary - 1
    yield Line(
        "more than needed",
        _percent(over, 1),
        f"at most {_percent(MOST_OVER, 0)}" if full else "",
        over <= MOST_OVER if full else None,
    )
    orders, offers, returns, categories = sizes.whole
    yield Line(
        f"**a first run of everything: {orders:,} orders, {offers:,} offers, {returns:,} returns,"
        f" {categories:,} categories**",
        "",
    )
    yield from _lines_of_everything(figures.whole, full=orders >= FULL_ORDERS)
    yield Line(f"**the state of {figures.state_offers:,} offers**", "")
    size = figures.state_bytes
    yield Line("bytes", f"{size:,}", f"below {MOST_STATE:,}", size < MOST_STATE)


def _lines_of_everything(everything: Whole, *, full: bool) -> Iterator[Line]:
    yield Line("requests for orders", f"{everything.order_requests:g}")
    yield Line("requests for all else", f"{everything.other_requests:g}")
    yield Line("refused (429)", f"{everything.refused:g}", "0", everything.refused == 0)
    yield Line(
        "seconds these need at the rates that the tap may use", f"{everything.necessary:.1f}"
    )
    over = everything.seconds / everything.necessary - 1
    yield Line("seconds it took, first request to last reply", f"{everything.seconds:.1f}")
    yield Line(
        "more than needed",
        _percent(over, 1),
        f"at most {_percent(MOST_OVER, 0)}" if full else "",
        over <= MOST_OVER if full else None,
    )


def _order_lines(speed: Speed) -> Iterator[Line]:
    yield from _delivered(speed)
    yield from _rate(speed, "orders")
    full = speed.rows >= FULL_ORDERS
    yield Line(
        "orders a request, counts included",
        f"{speed.rows_per_request:.1f}",
        f"{LEAST_ROWS_PER_REQUEST} or more" if full else "",
        speed.rows_per_request >= LEAST_ROWS_PER_REQUEST if full else None,
    )
    yield from _cost(speed, "orders")


def _offer_lines(speed: Speed) -> Iterator[Line]:
    yield from _delivered(speed)
    yield from _rate(speed, "other")
    yield from _cost(speed, "offers")


def _delivered(speed: Speed) -> Iterator[Line]:
    whole = speed.delivered == speed.rows
    yield Line("written, each counted once", f"{speed.delivered:,g}", f"all {speed.rows:,g}", whole)


def _rate(speed: Speed, bucket: str) -> Iterator[Line]:
    yield Line("requests", f"{speed.requests:g}")
    yield Line("requests per second, first to last", f"{speed.rate:.2f}")
    yield Line(
        f"share of the {allowed_rate(bucket):.3g} per second that the tap may use",
        _percent(speed.share, 1),
        f"{_percent(LEAST_SHARE, 0)} or more",
        speed.share >= LEAST_SHARE,
    )
    yield Line("requests in the busiest second", f"{speed.busiest_second:g}")
    yield Line("refused (429)", f"{speed.refused:g}", "0", speed.refused == 0)


def _cost(speed: Speed, rows: str) -> Iterator[Line]:
    yield Line(f"{rows} per second, first request to last reply", f"{speed.rows_per_second:,.0f}")
    yield Line("seconds, the command from start to end", f"{speed.seconds:.1f}")
    yield Line("of these the tap computed", f"{speed.cpu_seconds:.1f}")
    yield Line(
        f"{rows} per second of computing, start included", f"{speed.rows / speed.cpu_seconds:,.0f}"
    )
    yield Line("peak memory, MB", f"{speed.peak_megabytes:.0f}")


def _again_lines(again: Again) -> Iterator[Line]:
    kept = again.most_per_type <= MOST_PER_TYPE
    yield Line(
        "requests an order type", f"{again.most_per_type:g}", f"at most {MOST_PER_TYPE}", kept
    )
    yield Line("rows written again (look-back of one hour)", f"{again.written:g}")
    yield Line("seconds, the command from start to end", f"{again.seconds:.1f}")


def _serial_lines(figures: Figures) -> Iterator[Line]:
    serial = figures.serial
    yield Line("written, each counted once", f"{serial.delivered:,g}")
    yield Line("requests per second, first to last", f"{serial.rate:.2f}")
    yield Line(f"share of {allowed_rate('orders'):.3g} per second", _percent(serial.share, 1))
    yield Line("orders per second, first request to last reply", f"{serial.rows_per_second:,.0f}")
    yield Line("refused (429)", f"{serial.refused:g}")
    yield Line("tap-emag's orders per second by this tap's", f"{figures.times_serial:.1f} times")


def page(figures: Figures, sizes: Sizes, machine: Machine, parts: str) -> str:
    """Return the page for the documentation; `parts` are those that other commands write."""
    arguments = "--full --write" if sizes.more_orders else "--write"
    larger = " The larger number of orders is read once." if sizes.more_orders else ""
    rounds = "one round" if sizes.rounds == 1 else f"{sizes.rounds} rounds"
    return f"""# Benchmarks

`make bench ARGS="{arguments}"` has written this page: {machine}.
On a busy machine requests leave and arrive late, which costs rate: measure on a calm one.

{table(figures, sizes)}

Figures are medians of {rounds}.{larger} Of what must never happen (a row missing, a request
refused, a request too many) this is the worst round. Within a round all taps run one after the
other, so that whatever slows the machine slows them alike.

How it is measured:

- Each tap is the real command in a process of its own and writes to a file. Selected are either the
  orders or the offers, with the streams that come along; for the run of everything, all that is on
  by default. The settings are the defaults, but
  `start_date` is the beginning of the data and `max_concurrent_requests` is {CONCURRENCY},
  and `state_dir` is a new folder.
- The sandbox runs in another process of the same machine, takes {1000 * sizes.latency:g} ms for
  each reply, and keeps eMAG's budgets over any second and any minute: 12 and 720 requests for
  orders, 3 and 180 for all else. Orders are spread over {sizes.history_days} days and do not change
  meanwhile.
- *What the tap may use* is `rate_limit_share` 0.9 of the budget.
- Times of requests are those at which the sandbox saw them. *Requests per second* are the intervals
  between the first and the last request, which includes the first one's going alone.
- *Orders a request*: eMAG gives at most 100 orders a request and takes at most a month between two
  bounds. So each month of an order type costs a count and a last page that is not full. Where
  months have more orders, this matters less: see [Volume](#volume).
- *Computed* is processor time of the tap's process. It bounds what a core could read, convert and
  write if there were no budget.
- The plain tap is `benchmarks/serial_tap.py`: singer-sdk's
  `RESTStream` with its defaults, one page after the other, filtered by `modifiedAfter`. It writes
  orders as they come, as one stream, and does not prove that none is missing. It reads
  {sizes.serial_orders:,} orders, which is enough for a rate.

{parts}"""
