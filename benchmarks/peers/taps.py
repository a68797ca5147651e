"""The four programs that are compared, each configured as its documentation advises."""

from __future__ import annotations

import gzip
import json
import math
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from benchmarks.runs import ROOT, SERIAL_TAP, TAP_EMAG, RunFailedError, catalog, measured
from emag_sandbox.api.budgets import BUDGETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emag_sandbox.postgres.address import Postgres

ENVIRONMENTS: Final = ROOT / ".venv" / "peers"
HERE: Final = Path(__file__).parent
WALL: Final = ZoneInfo("Europe/Bucharest")
PER_SECOND: Final = BUDGETS["orders"][0]
WINDOW_DAYS: Final = 7
AIRBYTE_PER_TENTH: Final = 1  # requests per tenth of a second
UNLIMITED: Final = 1_000_000  # likewise
USUAL_WORKERS: Final = 5  # dlt's default
LOCAL: Final = "%Y-%m-%d %H:%M:%S"


class Usage(NamedTuple):
    """What a run took: seconds, those of processors, and bytes of memory at most."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


class Key(NamedTuple):
    """An order's key."""

    type: int
    id: int


class _Order(msgspec.Struct):
    id: int
    type: int
    modified: str


class _Line(msgspec.Struct):
    """A message of Singer's protocol or of Airbyte's."""

    type: str
    stream: str = ""
    record: msgspec.Raw = msgspec.Raw()
    value: msgspec.Raw = msgspec.Raw()
    state: msgspec.Raw = msgspec.Raw()


class _AirbyteRecord(msgspec.Struct):
    data: _Order


ORDERS: Final = msgspec.json.Decoder(_Order, strict=False)  # numbers may arrive as texts
LINES: Final = msgspec.json.Decoder(_Line)
AIRBYTE_RECORDS: Final = msgspec.json.Decoder(_AirbyteRecord, strict=False)


@dataclass(frozen=True)
class Task:
    """What is read: an empty folder to work in, the API, and the days of its history.

    Without budgets the API takes any number of requests; without windows all of the history is
    asked for at once, where the program offers the choice.
    """

    folder: Path
    url: str
    days: float
    latency: float
    budgets: bool = True
    windows: bool = True

    @property
    def start(self) -> datetime:
        """Return a time before the first order."""
        return datetime.now(timezone.utc) - timedelta(days=self.days + 1)

    @property
    def concurrency(self) -> int:
        """Return more requests at once than the latency needs for the complete budget."""
        return max(8, math.ceil(1.3 * PER_SECOND * self.latency) + 3)


class Peer(ABC):
    """A program at its task: each `read` goes on where the last one ended."""

    NAME: ClassVar[str]
    SERIAL: ClassVar[bool] = False  # sends one request after the other
    WINDOWS: ClassVar[bool] = False  # `Task.windows` makes a difference
    TABLE: ClassVar[str | None] = None  # of orders in Postgres; None where it has no loader

    def __init__(self, task: Task) -> None:
        self.task = task
        self.orders: dict[Key, str] = {}  # `modified` as the API spelled it, last version written
        self.output = task.folder / "output"
        self._state = task.folder / "state.json"

    @abstractmethod
    def read(self) -> Usage:
        """Read what is new, and note it in `orders`.

        Raises:
            RunFailedError: It ended with an error.
        """

    def load(self, _database: Postgres) -> float | None:
        """Read all orders into Postgres; return the seconds, None without a loader.

        Raises:
            RunFailedError: It ended with an error.
        """
        return None

    def _login(self) -> dict[str, Any]:
        return {"api_url": self.task.url, "username": "demo", "password": "demo"}

    def _write(self, name: str, content: object) -> str:
        path = self.task.folder / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return str(path)


class Singer(Peer):
    """A Singer tap, which writes lines of JSON."""

    LOADER: ClassVar[str]
    SETTINGS: ClassVar[dict[str, Any]]

    def read(self) -> Usage:
        """Read what is new."""
        used = measured(self._command(), self.task.folder, self.output)
        with self.output.open("rb") as lines:
            for line in map(LINES.decode, lines):
                if line.type == "STATE":
                    self._state.write_bytes(bytes(line.value))
                elif line.type == "RECORD" and line.stream == "orders":
                    order = ORDERS.decode(line.record)
                    moment = datetime.fromisoformat(order.modified)
                    self.orders[Key(order.type, order.id)] = f"{moment.astimezone(WALL):{LOCAL}}"
        self.output.unlink()
        return Usage(**used)

    def load(self, database: Postgres) -> float:
        """Pipe the tap into its loader."""
        address = {
            "host": database.host,
            "port": database.port,
            "user": database.user,
            "password": database.password,
            "database": database.database,
        }
        config = self._write("loader.json", address | self.SETTINGS)
        loader = [str(ENVIRONMENTS / "loader" / "bin" / self.LOADER), "--config", config]
        log = self.task.folder / "log.txt"
        begun = time.monotonic()
        with (
            log.open("wb") as errors,
            subprocess.Popen(  # noqa: S603 - our own taps
                self._command(), cwd=ROOT, stdout=subprocess.PIPE, stderr=errors
            ) as tap,
            subprocess.Popen(  # noqa: S603 - the loader of our own environment
                loader, stdin=tap.stdout, stdout=subprocess.DEVNULL, stderr=errors
            ) as target,
        ):
            if tap.stdout:
                tap.stdout.close()  # the loader's end alone
            codes = target.wait(), tap.wait()
        if any(codes):
            raise RunFailedError(f"{self.NAME} and its loader:\n{log.read_text()[-2000:]}")
        return time.monotonic() - begun

    def _command(self) -> list[str]:
        state = ["--state", str(self._state)] if self._state.exists() else []
        return [*self._tap(), *state]

    @abstractmethod
    def _tap(self) -> list[str]:
        """Return the command without a state."""

    def _config(self) -> dict[str, Any]:
        return self._login() | {"start_date": self.task.start.isoformat()}


class TapEmag(Singer):
    """This project's tap with its defaults; threads as the latency needs."""

    NAME = "tap-emag"
    TABLE = "emag.orders"
    LOADER = "emag-loader"
    # As in meltano.yml.
    SETTINGS: ClassVar[dict[str, Any]] = {
        "default_target_schema": "emag",
        "batch_size_rows": 2000,
        "validate_records": False,
    }

    def _tap(self) -> list[str]:
        config = self._config() | {
            "max_concurrent_requests": self.task.concurrency,
            "state_dir": str(self.task.folder / "state"),
        }
        chosen = self.task.folder / "catalog.json"
        chosen.write_bytes(_catalog())
        unlimited = (sys.executable, "-m", "benchmarks.unlimited")
        command = TAP_EMAG if self.task.budgets else unlimited
        return [*command, "--config", self._write("config.json", config), "--catalog", str(chosen)]


class PlainTap(Singer):
    """A tap as in the guide of singer-sdk: see `benchmarks/serial_tap.py`."""

    NAME = "plain tap"
    SERIAL = True
    TABLE = "plain.orders"
    LOADER = "target-postgres"
    SETTINGS: ClassVar[dict[str, Any]] = {"default_target_schema": "plain"}

    def _tap(self) -> list[str]:
        return [*SERIAL_TAP, "--config", self._write("config.json", self._config())]


class Dlt(Peer):
    """dlt's `rest_api` source: see `dlt_orders.py`."""

    NAME = "dlt"
    WINDOWS = True
    TABLE = "dlt.orders"

    def read(self) -> Usage:
        """Read what is new into files of JSON."""
        self.output.mkdir(exist_ok=True)
        used = self._run({"output": str(self.output)})
        for path in sorted(self.output.glob("dlt/orders/*.jsonl*")):
            with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as lines:
                for order in map(ORDERS.decode, lines):
                    # It takes a time without a zone for one in UTC.
                    local = order.modified[:19].replace("T", " ")
                    self.orders[Key(order.type, order.id)] = local
            path.unlink()
        return used

    def load(self, database: Postgres) -> float:
        """Load by dlt's own destination."""
        return self._run({"postgres": database.dsn}).seconds

    def _run(self, destination: Mapping[str, str]) -> Usage:
        task = self.task
        config = {
            **self._login(),
            "start": task.start.isoformat(),
            "days": WINDOW_DAYS if task.windows else 0,
            "folder": str(task.folder / "pipelines"),
            **destination,
        }
        # Without a limit of its own, only as many workers as can hardly exceed the API's.
        fit = min(PER_SECOND, max(1, int(PER_SECOND * task.latency)))
        workers = fit if task.budgets else USUAL_WORKERS
        program = [str(ENVIRONMENTS / "dlt" / "bin" / "python"), str(HERE / "dlt_orders.py")]
        environment = {
            "EXTRACT__WORKERS": str(workers),
            "EXTRACT__MAX_PARALLEL_ITEMS": str(workers),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "RUNTIME__LOG_LEVEL": "ERROR",
        }
        command = [*program, self._write("config.json", config)]
        out = task.folder / "stdout.txt"
        return Usage(**measured(command, task.folder, out, environment=environment))


class Airbyte(Peer):
    """Airbyte's declarative CDK: see `airbyte_orders.yaml`. Outside of its platform: no loader."""

    NAME = "Airbyte CDK"
    WINDOWS = True

    def read(self) -> Usage:
        """Read what is new."""
        used = measured(self._command(), self.task.folder, self.output)
        with self.output.open("rb") as lines:
            for line in map(LINES.decode, lines):
                if line.type == "STATE":
                    self._state.write_bytes(b"[" + bytes(line.state) + b"]")
                elif line.type == "RECORD":
                    order = AIRBYTE_RECORDS.decode(line.record).data
                    self.orders[Key(order.type, order.id)] = order.modified
        self.output.unlink()
        return Usage(**used)

    def _command(self) -> list[str]:
        task = self.task
        config = {
            **self._login(),
            "start": f"{task.start.astimezone(WALL):{LOCAL}}",
            "step": f"P{WINDOW_DAYS}D" if task.windows else "P10Y",
            "bounded": task.windows,
            "workers": task.concurrency,
            "per_tenth": AIRBYTE_PER_TENTH if task.budgets else UNLIMITED,
        }
        stream = {
            "name": "orders",
            "json_schema": {},
            "supported_sync_modes": ["full_refresh", "incremental"],
        }
        modes = {"sync_mode": "incremental", "destination_sync_mode": "append_dedup"}
        streams = {"streams": [{"stream": stream, **modes}]}
        return [
            str(ENVIRONMENTS / "airbyte" / "bin" / "source-declarative-manifest"),
            "read",
            *("--config", self._write("config.json", config)),
            *("--catalog", self._write("catalog.json", streams)),
            *("--manifest-path", str(HERE / "airbyte_orders.yaml")),
            *(("--state", str(self._state)) if self._state.exists() else ()),
        ]


PEERS: Final[tuple[type[Peer], ...]] = (TapEmag, PlainTap, Dlt, Airbyte)


@cache
def _catalog() -> bytes:
    """Return tap-emag's catalogue of orders with the streams that come along."""
    with tempfile.TemporaryDirectory(prefix="tap-emag-peers-") as folder:
        return catalog(Path(folder), "order").read_bytes()
