"""`python -m benchmarks.volume`: a shop of a million orders, read without budgets.

In a large shop, memory must not grow with the shop, the state must not grow with its orders, and
the time must not grow faster than the shop.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec
import psutil

from benchmarks.others import Others
from benchmarks.page_parts import put
from benchmarks.report import Machine
from benchmarks.runs import ROOT, RunFailedError, catalog
from benchmarks.shop import open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- volume begins -->", "<!-- volume ends -->"
TENTHS = 10
MOST_MEMORY = 350.0  # MB
MOST_GROWTH = 60.0  # MB, from a tenth to the end
LEAST_A_REQUEST = 92.0  # rows, where most windows are as large as they may be
MOST_SLOWING = 1.25  # times the second tenth's time that a later one may take
MEGABYTE = 1e6
LOOK_EVERY = 200  # rows
KINDS = 8  # more than there are order types
SHOP = {"orders": ("orders", "offers"), "products": ("offers", "orders")}


class _Message(msgspec.Struct):
    type: str
    stream: str = ""
    record: msgspec.Raw = msgspec.Raw()
    value: msgspec.Raw = msgspec.Raw()


class _Key(msgspec.Struct):
    id: int
    type: int = 0  # orders of both types may share an id

    @property
    def number(self) -> int:
        return self.id * KINDS + self.type


@dataclass
class Reading:
    """One stream read to its end: each tenth's seconds, and the most memory during it, in MB."""

    stream: str
    rows: int
    delivered: int = 0
    requests: int = 0
    seconds: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    state_bytes: int = 0

    @property
    def growth(self) -> float:
        """Return how much more memory was used at the end than after a tenth, in MB."""
        return max(self.memory[1:]) - self.memory[0]

    @property
    def slowing(self) -> float:
        """Return the slowest tenth's time by the second one's; the first contains the start."""
        return max(self.seconds[2:]) / self.seconds[1]


def main() -> int:
    """Measure and print; return 1 if a promise is missed or a tap failed."""
    parser = argparse.ArgumentParser(prog="benchmarks.volume", description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--offers", type=int, default=200_000)
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    parser.add_argument("--write", action="store_true", help="also write docs/benchmarks.md")
    options = parser.parse_args()
    others = Others()
    try:
        with tempfile.TemporaryDirectory(prefix="tap-emag-volume-") as folder:
            readings = [
                read(Path(folder), "orders", options.orders),
                read(Path(folder), "products", options.offers),
            ]
    except RunFailedError as error:
        print(error, file=sys.stderr)
        return 1
    text = section(readings, Machine.this(others.share()))
    if options.write:
        put(PAGE, BEGIN, END, text)
    print(json.dumps([vars(reading) for reading in readings]) if options.json else text)
    return 0 if all(kept for reading in readings for *_, kept in lines(reading)) else 1


def read(folder: Path, stream: str, rows: int) -> Reading:
    """Read a shop's rows of one stream with the real command, and watch it from outside.

    Raises:
        RunFailedError: The command ended with an error.
    """
    full, empty = SHOP[stream]
    with open_shop(**{full: rows, empty: 0}, history_days=360, limits=False) as shop:
        config = {
            "username": "demo",
            "password": "demo",
            "api_url": shop.url,
            "start_date": (datetime.now(timezone.utc) - timedelta(days=361)).isoformat(),
            "sync_timeout_seconds": 0,
            "state_dir": str(folder / stream),
        }
        path = folder / f"{stream}.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        chosen = catalog(folder, stream.removesuffix("s"))
        command = [sys.executable, "-m", "benchmarks.unlimited", "--config", str(path)]
        log = folder / f"{stream}.log"
        with (
            log.open("wb") as stderr,
            subprocess.Popen(  # noqa: S603 - our own tap
                [*command, "--catalog", str(chosen)],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=stderr,
            ) as process,
        ):
            reading = _watched(process, Reading(stream, rows))
        reading.requests = len(shop.requests())
    if process.returncode:
        raise RunFailedError(f"{stream}:\n{log.read_text(errors='replace')[-2000:]}")
    return reading


def _watched(process: subprocess.Popen[bytes], reading: Reading) -> Reading:
    tap = psutil.Process(process.pid)
    seen: set[int] = set()
    begun, most = time.monotonic(), 0.0
    for key in _keys(process.stdout, reading):
        seen.add(key)
        if len(seen) % LOOK_EVERY == 0:
            most = max(most, tap.memory_info().rss / MEGABYTE)
        if len(seen) >= reading.rows * (len(reading.seconds) + 1) // TENTHS:
            reading.seconds.append(time.monotonic() - begun)
            reading.memory.append(max(most, tap.memory_info().rss / MEGABYTE))
            begun, most = time.monotonic(), 0.0
    reading.delivered = len(seen)
    return reading


def _keys(output: IO[bytes] | None, reading: Reading) -> Iterator[int]:
    """Give the ids of the stream's rows as they come, and keep the latest state's size."""
    messages, keys = msgspec.json.Decoder(_Message), msgspec.json.Decoder(_Key)
    for line in output or ():
        message = messages.decode(line)
        if message.type == "STATE":
            reading.state_bytes = len(bytes(message.value))
        elif message.type == "RECORD" and message.stream == reading.stream:
            yield keys.decode(message.record).number


def lines(reading: Reading) -> Iterator[tuple[str, str, str, bool]]:
    """Give what was measured, the figure, the promise, and whether it was kept."""
    whole = reading.delivered == reading.rows
    yield "written, each counted once", f"{reading.delivered:,}", f"all {reading.rows:,}", whole
    each = reading.rows / reading.requests
    least = f"{LEAST_A_REQUEST:.0f} or more"
    yield "rows a request, counts included", f"{each:.1f}", least, each >= LEAST_A_REQUEST
    seconds = sum(reading.seconds)
    yield "rows per second", f"{reading.rows / seconds:,.0f}", "", True
    yield (
        "slowest later tenth by the second tenth's time",
        f"{reading.slowing:.2f}",
        f"at most {MOST_SLOWING}",
        reading.slowing <= MOST_SLOWING,
    )
    most = max(reading.memory)
    yield "memory, MB", f"{most:.0f}", f"at most {MOST_MEMORY:.0f}", most <= MOST_MEMORY
    yield (
        "growth from the first tenth to the end, MB",
        f"{reading.growth:.0f}",
        f"below {MOST_GROWTH:.0f}",
        reading.growth < MOST_GROWTH,
    )
    yield "bytes of state", f"{reading.state_bytes:,}", "", True


def section(readings: list[Reading], machine: Machine) -> str:
    """Return the page's part about volume."""
    table = ["| measured | figure | promise | |", "| --- | ---: | --- | --- |"]
    for reading in readings:
        table.append(f"| **{reading.rows:,} rows of `{reading.stream}`** | | | |")
        for what, figure, promise, kept in lines(reading):
            verdict = ("kept" if kept else "MISSED") if promise else ""
            table.append(f"| {what} | {figure} | {promise} | {verdict} |")
    text = "\n".join(table)
    return f"""{BEGIN}
## Volume

`make bench-volume ARGS="--write"` has written this part: {machine}.

{text}

The sandbox keeps no budgets here, and the tap takes no slots, so that computing is all that bounds
it; otherwise it is the real command, whose output is read as it comes and whose memory (resident
set) is looked at from outside. Tenths are tenths of the rows. Child streams are written along.
{END}
"""


if __name__ == "__main__":
    sys.exit(main())
