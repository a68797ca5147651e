"""The sums of all runs, in one small file of `state_dir` that processes share.

A run lives for minutes and Prometheus' counters for ever, so what a run counts is added to what
others have counted before it, or are counting beside it. A process that is killed loses what it has
counted since it last added, some seconds' worth. The file is changed under a lock and replaced as a
whole; one that is damaged or deleted counts as empty, which Prometheus takes for a restart.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tap_emag.metrics.counts import Sample

FILE, LOCK = "metrics.json", "metrics.lock"
FORMAT = 1
PRIVATE, PRIVATE_FOLDER = 0o600, 0o700


@dataclass
class Sums:
    """What is kept.

    `values` by sample; `fields`: names of unknown fields by marketplace, account type and table;
    `running`: syncs under way, each with the token of its process; `budgets`: where an account's
    budgets and breaker are to be found, and the share of them it takes.
    """

    values: dict[Sample, float] = field(default_factory=dict)
    fields: dict[tuple[str, str, str], set[str]] = field(default_factory=dict)
    running: list[dict[str, str]] = field(default_factory=list)
    budgets: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)


class Store:
    """The sums in a folder. Safe to use from any thread and process."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, which is made when something is written."""
        self.folder = folder
        self._token = ""
        self._alive: IO[bytes] | None = None

    def read(self) -> Sums:
        """Return the sums; `running` without the syncs of processes that are gone.

        Raises:
            OSError: The folder cannot be read.
        """
        sums = self._load()
        alive = {token: self._lives(token) for token in {item["token"] for item in sums.running}}
        sums.running = [item for item in sums.running if alive[item["token"]]]
        return sums

    @contextmanager
    def changing(self) -> Iterator[Sums]:
        """Lock the file, give its sums, and write what the caller makes of them.

        Raises:
            OSError: The folder cannot be used.
        """
        self.folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        descriptor = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            sums = self.read()
            yield sums
            self._save(sums)
        finally:
            os.close(descriptor)

    def count(self, name: str, labels: Mapping[str, str], number: float) -> None:
        """Add to one counter.

        Raises:
            OSError: The folder cannot be used.
        """
        sample = (name, tuple(sorted(labels.items())))
        with self.changing() as sums:
            sums.values[sample] = sums.values.get(sample, 0.0) + number

    def token(self) -> str:
        """Return what tells this process from others; as long as it lives, a file is locked."""
        if self._alive is None:
            self.folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            self._token = uuid4().hex
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._alive = os.fdopen(os.open(self._sign(self._token), flags, PRIVATE), "r+b")
            fcntl.flock(self._alive, fcntl.LOCK_EX)
        return self._token

    def close(self) -> None:
        """Be known as gone."""
        if self._alive is not None:
            self._sign(self._token).unlink(missing_ok=True)
            self._alive.close()
            self._alive = None

    def _sign(self, token: str) -> Path:
        return self.folder / f"running-{token}"

    def _lives(self, token: str) -> bool:
        """Tell whether a process lives: the system lets go of the lock of one that does not."""
        if token == self._token:
            return self._alive is not None
        try:
            with self._sign(token).open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        self._sign(token).unlink(missing_ok=True)
        return False

    def _load(self) -> Sums:
        try:
            kept = json.loads((self.folder / FILE).read_text())
            if kept["format"] != FORMAT:
                return Sums()
            return Sums(
                {(name, _pairs(labels)): float(value) for name, labels, value in kept["values"]},
                {(*owner,): set(names) for *owner, names in kept["fields"]},
                [{str(k): str(v) for k, v in item.items()} for item in kept["running"]],
                {(marketplace, kind): where for marketplace, kind, where in kept["budgets"]},
            )
        except FileNotFoundError:
            return Sums()
        except (ValueError, TypeError, KeyError, AttributeError):
            return Sums()

    def _save(self, sums: Sums) -> None:
        kept = {
            "format": FORMAT,
            "values": [[name, labels, value] for (name, labels), value in sums.values.items()],
            "fields": [[*owner, sorted(names)] for owner, names in sums.fields.items()],
            "running": sums.running,
            "budgets": [[*owner, where] for owner, where in sums.budgets.items()],
        }
        # Written aside and moved, so that no reader ever meets half of it.
        draft = self.folder / f"{FILE}.{os.getpid()}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
        with os.fdopen(descriptor, "w") as file:
            file.write(json.dumps(kept))  # json.dump would do without the encoder written in C
        draft.replace(self.folder / FILE)


def _pairs(labels: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((str(name), str(value)) for name, value in labels)
