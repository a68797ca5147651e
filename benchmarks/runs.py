"""Runs a tap as a process of its own; returns what it wrote, used and how long it took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[1]
TAP_EMAG = (str(Path(sys.executable).with_name("tap-emag")),)
SERIAL_TAP = (sys.executable, "-m", "benchmarks.serial_tap")
MEASURED = (sys.executable, "-I", "-S", str(Path(__file__).with_name("usage.py")))


class _Message(msgspec.Struct):
    type: str
    stream: str = ""
    record: msgspec.Raw = msgspec.Raw()
    value: msgspec.Raw = msgspec.Raw()


class _Key(msgspec.Struct, frozen=True):
    id: int | str
    type: int | str = ""


class RunFailedError(Exception):
    """A measured tap ended with an error, so it has no speed."""


@dataclass(frozen=True)
class Run:
    """What one run wrote and used; `distinct` counts the different rows of the measured stream.

    `seconds` and the rest cover the complete process, with the interpreter's start.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    rows: Counter[str]
    distinct: int
    state: bytes


def catalog(folder: Path, prefix: str) -> Path:
    """Write a catalogue of the streams whose names begin so, but for those off by default."""
    config = folder / "discover.json"
    config.write_text(json.dumps({"username": "demo", "password": "demo"}), encoding="utf-8")
    command = [*TAP_EMAG, "--config", str(config), "--discover"]
    found = subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own tap
    entries = json.loads(found.stdout)
    for stream in entries["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                by_default = entry["metadata"]["selected-by-default"]
                chosen = stream["tap_stream_id"].startswith(prefix)
                entry["metadata"]["selected"] = by_default and chosen
    path = folder / "catalog.json"
    path.write_text(json.dumps(entries), encoding="utf-8")
    return path


def run(
    command: Sequence[str],
    folder: Path,
    config: dict[str, Any],
    stream: str,
    *,
    catalog: Path | None = None,
    state: bytes | None = None,
) -> Run:
    """Run a tap to its end, its output going to a file.

    Raises:
        RunFailedError: When it ends with an error.
    """
    paths = {"--config": folder / "config.json"}
    paths["--config"].write_text(json.dumps(config), encoding="utf-8")
    if catalog:
        paths["--catalog"] = catalog
    if state:
        paths["--state"] = folder / "state.json"
        paths["--state"].write_bytes(state)
    options = [text for name, path in paths.items() for text in (name, str(path))]
    output = folder / "output.jsonl"
    used = measured([*command, *options], folder, output)
    rows, distinct, last = _read(output, stream)
    output.unlink()
    return Run(**used, rows=rows, distinct=distinct, state=last)


def measured(
    command: Sequence[str],
    folder: Path,
    output: Path,
    *,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Run a command to its end, its output going to a file; return the figures of `usage.py`.

    Raises:
        RunFailedError: When it ends with an error.
    """
    log, usage = folder / "log.txt", folder / "usage.json"
    with output.open("wb") as stdout, log.open("wb") as stderr:
        done = subprocess.run(  # noqa: S603 - our own taps
            [*MEASURED, str(usage), *command],
            check=False,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdout=stdout,
            stderr=stderr,
        )
    if done.returncode:
        tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RunFailedError(f"{' '.join(command)} ended with {done.returncode}:\n{tail}")
    figures: dict[str, Any] = json.loads(usage.read_bytes())
    return figures


def _read(output: Path, stream: str) -> tuple[Counter[str], int, bytes]:
    """Return rows by stream, how many different ones `stream` has, and the last state."""
    messages, keys = msgspec.json.Decoder(_Message), msgspec.json.Decoder(_Key)
    rows: Counter[str] = Counter()
    seen: set[_Key] = set()
    state = b""
    with output.open("rb") as lines:
        for line in lines:
            message = messages.decode(line)
            if message.type == "STATE":
                state = bytes(message.value)
            elif message.type == "RECORD":
                rows[message.stream] += 1
                if message.stream == stream:
                    seen.add(keys.decode(message.record))
    return rows, len(seen), state
