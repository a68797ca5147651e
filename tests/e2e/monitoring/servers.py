"""A real Prometheus and what it reads from, each a process that lives as long as a `with` block."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

import yaml

from tests.e2e.monitoring.programs import program

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PATIENCE = 240.0  # seconds until a server must answer, however busy the machine is
Labels = tuple[tuple[str, str], ...]


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        return int(taken.getsockname()[1])


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as reply:
        return str(reply.read().decode())


@contextmanager
def serving(command: Sequence[str], ready: str, log: Path, **options: Any) -> Iterator[None]:  # noqa: ANN401
    """Run a server, from its first answer at `ready` on, until the block ends."""
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=out, **options) as process,
    ):
        try:
            _wait(process, ready, log)
            yield
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(process: subprocess.Popen[bytes], ready: str, log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while not _answers(ready):
        alive = process.poll() is None and time.monotonic() < until
        assert alive, f"{ready} does not answer:\n{log.read_text(errors='replace')[-2000:]}"
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        read(url)
    except OSError:
        return False
    return True


class Prometheus:
    """Asks a Prometheus."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, query: str, at: float | None = None) -> dict[Labels, float]:
        """Return a query's values by labels, at a moment (Unix time) or now."""
        asked = {"query": query} | ({} if at is None else {"time": repr(at)})
        answer = self.get("query", **asked)["data"]
        if answer["resultType"] == "scalar":
            return {(): float(answer["result"][1])}
        return {
            tuple(sorted(each["metric"].items())): float(each["value"][1])
            for each in answer["result"]
        }

    def one(self, query: str, at: float | None = None) -> float:
        """Return the value of a query that has exactly one."""
        found = self.ask(query, at)
        assert len(found) == 1, f"{query}: {found}"
        return next(iter(found.values()))

    def series(self, query: str, start: float, end: float, step: float) -> list[Any]:
        """Return what a graph of a query would show."""
        answer = self.get("query_range", query=query, start=start, end=end, step=step)
        return cast("list[Any]", answer["data"]["result"])

    def get(self, path: str, **parameters: object) -> dict[str, Any]:
        """Return the answer of the API."""
        answer = json.loads(read(f"{self.url}/api/v1/{path}?{urlencode(parameters)}"))
        assert answer["status"] == "success"
        return cast("dict[str, Any]", answer)

    def wait_for(self, query: str, least: float) -> float:
        """Ask until a query has a value that is at least so large, and return it."""
        until = time.monotonic() + PATIENCE
        while True:
            found = self.ask(query)
            if found and min(found.values()) >= least:
                return min(found.values())
            assert time.monotonic() < until, f"{query} did not come about: {found}"
            time.sleep(0.2)


@contextmanager
def prometheus(folder: Path, config: dict[str, Any], *options: str) -> Iterator[Prometheus]:
    """Run a Prometheus that keeps its data in `folder / "data"`."""
    folder.mkdir(parents=True, exist_ok=True)
    path, port = folder / "prometheus.yml", free_port()
    path.write_text(yaml.safe_dump(config))
    command = [
        program("prometheus"),
        f"--config.file={path}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        *options,
    ]
    url = f"http://127.0.0.1:{port}"
    with serving(command, f"{url}/-/ready", folder / "log", cwd=folder):
        yield Prometheus(url)
