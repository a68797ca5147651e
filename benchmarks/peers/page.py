"""Writes the comparison as a table, a plot and sentences."""

from __future__ import annotations

import re
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import altair as alt

from benchmarks.peers.measures import CHANGING_AT, DAYS, QUIET_AT, SETTLED, UNSLICED
from benchmarks.peers.taps import AIRBYTE_PER_TENTH, PEERS, PER_SECOND, WINDOW_DAYS
from benchmarks.runs import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.peers.measures import Figures, Sizes
    from benchmarks.report import Machine

BEGIN, END = "<!-- peers begin -->", "<!-- peers end -->"
PLOT: Final = ROOT / "docs" / "benchmarks-peers.svg"
OURS, *OTHERS = NAMES = [peer.NAME for peer in PEERS]
NONE: Final = "none"
SORTS: Final = {
    "id_desc": "newest id first",
    "modified_asc": "oldest change first",
}


@dataclass(frozen=True)
class Row:
    """A row of the table: the measure, its name for readers, which figure is the best."""

    measure: str
    title: str
    best: Callable[[Sequence[float]], float]
    form: str = ",.0f"

    def shown(self, figure: float) -> str:
        """Return a figure as the table shows it."""
        return f"{figure:{self.form}}"

    def cell(self, rounds: Sequence[float]) -> str:
        """Return the median, and the least and the most of the rounds where they differ."""
        least, most = self.shown(min(rounds)), self.shown(max(rounds))
        median = self.shown(statistics.median(rounds))
        return median if least == most else f"{median} ({least} to {most})"

    def beats(self, theirs: float, ours: float) -> bool:
        """Return whether a figure is better than ours, as far as the table shows it."""
        different = self.shown(theirs) != self.shown(ours)
        return different and self.best([theirs, ours]) == theirs


def rows(sizes: Sizes) -> Iterator[Row]:
    """Yield the rows of the table."""
    for latency in sizes.latencies:
        title = f"share of the request budget used, {latency:g} s of latency"
        yield Row(f"share at {latency:g}", title, max, ".0%")
    yield Row("refused", "requests refused (429), at all of these", min, ".1%")
    yield Row("orders per second", "orders per second, read", max)
    yield Row("orders per request", "orders per request", max, ".1f")
    yield Row("orders per second into Postgres", "orders per second into Postgres", max)
    for sort in sizes.sorts:
        ways = {"": "by windows", UNSLICED: "all of the history at once"}
        for windows, how in ways.items():
            title = f"orders lost or old, {SORTS[sort]}, {how}"
            yield Row(f"lost with {sort}{windows}", title, min)
    yield Row("requests of a quiet run", "requests of a quiet run", min)
    for volume in sizes.volumes:
        title = f"processor seconds per 1,000 orders, {volume:,} orders"
        yield Row(f"processor seconds of {volume}", title, min, ".2f")
    for volume in sizes.volumes:
        title = f"peak memory in MB, {volume:,} orders"
        yield Row(f"megabytes of {volume}", title, min)


def table(figures: Figures, sizes: Sizes) -> str:
    """Return the table; the best figure of each row is bold."""
    lines = [f"| measured | {' | '.join(NAMES)} |", "| --- | ---: | ---: | ---: | ---: |"]
    for row in rows(sizes):
        measured = figures[row.measure]
        medians = {name: statistics.median(rounds) for name, rounds in measured.items()}
        best = row.shown(row.best(list(medians.values())))
        cells = []
        for name in NAMES:
            cell = row.cell(measured[name]) if name in medians else NONE
            is_best = name in medians and row.shown(medians[name]) == best
            cells.append(f"**{cell}**" if is_best else cell)
        lines.append(f"| {row.title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def better(figures: Figures, sizes: Sizes) -> str:
    """Return a list of the rows in which a peer is better than tap-emag."""
    found: dict[str, list[str]] = {}
    for row in rows(sizes):
        medians = {name: statistics.median(rounds) for name, rounds in figures[row.measure].items()}
        for name in OTHERS:
            if OURS in medians and name in medians and row.beats(medians[name], medians[OURS]):
                found.setdefault(name, []).append(row.title)
    if not found:
        return "In no row a peer is better than tap-emag."
    lists = (f"- {name}: {'; '.join(titles)}." for name, titles in found.items())
    return "\n".join(["Peers are better than tap-emag in these rows:", "", *lists])


def plot(figures: Figures, sizes: Sizes, path: Path) -> None:
    """Draw the shares of the budget by latency as an SVG."""
    points = [
        {
            "latency": f"{latency:g}",
            "program": name,
            "share": statistics.median(rounds),
            "least": min(rounds),
            "most": max(rounds),
        }
        for latency in sizes.latencies
        for name, rounds in figures[f"share at {latency:g}"].items()
    ]
    base = alt.Chart(alt.InlineData(values=points)).encode(
        x=alt.X(
            "latency:O", sort=None, title="latency of the API, seconds", axis={"labelAngle": 0}
        ),
        color=alt.Color("program:N", sort=NAMES, title=None, legend={"orient": "top"}),
    )
    share = alt.Y("share:Q", title="share of the request budget", axis={"format": "%"})
    chart = base.mark_line(point=True).encode(y=share) + base.mark_rule().encode(
        y="least:Q", y2="most:Q"
    )
    chart.properties(width=460, height=240, background="white").save(path)


def section(figures: Figures, sizes: Sizes, machine: Machine) -> str:
    """Return the page's part about peers."""
    versions = _versions()
    volumes = ", ".join(f"{each:,}" for each in sizes.volumes)
    return f"""{BEGIN}
## Peers

`make bench-peers ARGS="--write"` has written this part: {machine}.

Four programs read the orders of the same sandbox, one after the other: tap-emag, a plain tap of
singer-sdk, the `rest_api` source of dlt {versions["dlt"]}, and a manifest for Airbyte's declarative
CDK, airbyte-cdk {versions["airbyte-cdk"]}. The loader of both taps is target-postgres
{versions["meltanolabs-target-postgres"]}.

{table(figures, sizes)}

![Share of the request budget by latency]({PLOT.name})

{better(figures, sizes)}

Figures are medians of {sizes.rounds} rounds, with the least and the most in brackets. The best of a
row is bold.

How the programs are configured:

- **tap-emag** has its defaults, which take 90 % of the budget. `max_concurrent_requests` is a third
  more than latency and budget need. It also writes the lines, vouchers and attachments of orders as
  streams of their own.
- **plain tap** is `benchmarks/serial_tap.py`: the SDK's `RESTStream` and its bookmark with a
  look-back of one hour, one page after the other. An order is one row, with its lines in a column.
- **dlt** reads windows of {WINDOW_DAYS} days: a parent resource lists them from an incremental
  cursor, with a look-back of one hour, and the orders are a `parallelized` child of it, merged by
  key. A small paginator ends at a page that is not full. dlt has no limit of requests per
  second, so the number of workers follows from the latency, {PER_SECOND} at most. Its requests are
  repeated where they are refused. Its lists become tables of their own.
- **Airbyte CDK** runs as `source-declarative-manifest`: a `ListPartitionRouter` for the types, and
  a `DatetimeBasedCursor` with a step of {WINDOW_DAYS} days and a look-back of one hour. Its
  `concurrency_level` is tap-emag's number of requests at once. Its `HTTPAPIBudget` is
  {AIRBYTE_PER_TENTH} request per tenth of a second: with a limit per second it sends as many at
  once, and some are refused. It has no loader outside of Airbyte's platform, so it only writes to a
  file.

How it is measured:

- Shares and refusals: {sizes.orders:,} orders of {DAYS} days, {sizes.serial_orders:,} for the
  plain tap, which sends one request at a time. The share is that of the {PER_SECOND} requests per
  second that eMAG allows, from the first request to the last, without refused ones. A program that
  asks for more pages than it needs has a higher share, so compare the orders per second as well.
- Orders per second, those per request, and quiet runs: at {QUIET_AT:g} s of latency. A quiet run
  is the second one, from its own state, while nothing has changed. *Read* counts from the first
  request to the last reply.
- Into Postgres: {sizes.loaded:,} orders, from the start of the command to its end, at
  {QUIET_AT:g} s of latency. Both taps are piped into target-postgres: tap-emag into `emag-loader`
  with the settings of `meltano.yml`, the plain tap with the loader's defaults. dlt has a
  destination of its own.
- Lost or old: {sizes.changing:,} orders of {sizes.changing_days} days are read at
  {CHANGING_AT:g} s of latency, while {sizes.changes_per_second:g} orders per second change. That is
  far more than in a real shop, so that few pages are enough. The changes end, and {SETTLED:g} s
  later each program runs once more from its state. Then its rows are compared with the sandbox's
  own: an order is lost where it is missing, and old where a former version of it remains. eMAG
  documents no order of pages, so several are measured. *All of the history at once* leaves out the
  windows of dlt and of Airbyte's CDK, which then send at most two requests at a time. The other two
  have no such setting.
- Processor time and memory: {volumes} orders, without budgets and latency, the start of the program
  included. All write to files.
{END}
"""


def _versions() -> Mapping[str, str]:
    """Return the versions in the requirements of the programs."""
    text = "".join(
        (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
        for name in ("airbyte", "dlt", "loader")
    )
    return dict(re.findall(r"(?m)^([\w-]+)==([^\s;]+)", text))
