"""Runs that are booked in Meltano's database, and processes that look like those of a run."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock
from uuid import UUID, uuid4

import sqlalchemy as sa

from tap_emag.ops.cli import run
from tap_emag.ops.meltano.database import RUNS, STATE, Runs
from tap_emag.ops.meltano.pipelines import OwnPipelines
from tap_emag.ops.meltano.project import Place, folder_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_emag.ops.meltano.database import Run

STATE_ID = "dev:tap-emag-orders-to-target-postgres"
THEIRS = "dev:tap-shop-to-target-postgres"  # of a tap that is not this one
# The project's own meltano.yml, and beside its eMAG plugins one of somebody else.
MELTANO_YML = """
default_environment: dev
environments: [{name: dev}, {name: prod}]
plugins:
  extractors:
  - {name: tap-emag, namespace: tap_emag, executable: tap-emag}
  - {name: tap-emag-orders, inherit_from: tap-emag}
  - {name: tap-emag-offers, inherit_from: tap-emag}
  - {name: tap-emag-returns, inherit_from: tap-emag}
  - {name: tap-emag-fbe, inherit_from: tap-emag}
  - {name: tap-emag-fbe-orders, inherit_from: tap-emag-fbe}
  - {name: tap-shop, namespace: tap_shop, executable: tap-shop}
  - {name: tap-emag-like, namespace: tap_emag_like, executable: /opt/tap-emag-like}
  loaders:
  - {name: target-postgres, namespace: target_postgres, executable: target-postgres}
  - {name: target-jsonl, namespace: target_jsonl, executable: target-jsonl}
"""
EMAG_OPS = str(Path(sys.executable).with_name("emag-ops"))
# Stands for Meltano, tap or target: says that it is there, starts another, and waits.
PROGRAM = """
import os, signal, subprocess, sys, time
options, rest = sys.argv[1].split(","), sys.argv[2:]
if "deaf" in options:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
log = open(os.environ["HELD_OPEN"], "a") if "log" in options else None
if "child" in options:
    subprocess.Popen([os.environ["CHILD"], *os.environ["CHILD_WORDS"].split()])
open(os.environ["READY"] + str(os.getpid()), "w").close()
time.sleep(120)
"""


class Books:
    """A project's folder and its database, with what a test books in it."""

    def __init__(self, root: Path, uri: str) -> None:
        """Make the folder; the database is there already."""
        root.mkdir()
        (root / "meltano.yml").write_text(MELTANO_YML)
        self.root = root
        self.environment = {
            **{name: value for name, value in os.environ.items() if "MELTANO" not in name},
            "MELTANO_PROJECT_ROOT": str(root),
            "MELTANO_SYS_DIR_ROOT": str(root / ".meltano"),
            "MELTANO_DATABASE_URI": uri,
            "XDG_STATE_HOME": str(root / "state"),
        }
        self.place = replace(
            Place.from_environment(self.environment),
            logs=(root / "state" / "meltano" / "log" / "elt",),
        )
        self.runs = Runs(self.place.url)
        self.own = OwnPipelines.of_project(root).own
        self.engine = sa.create_engine(self.place.url, poolclass=sa.pool.NullPool)

    def book(
        self,
        state_id: str = STATE_ID,
        *,
        minutes: float = 0,
        state: str = "RUNNING",
        heartbeat: float | None = 0,
        ended: float | None = None,
        payload: Mapping[str, Any] | None = None,
        run_id: str | None = None,
    ) -> Run:
        """Book a run that began so many minutes ago; `heartbeat` and `ended` likewise."""
        now = _now()
        values = {
            "job_name": state_id,
            "run_id": UUID(run_id) if run_id else uuid4(),
            "state": state,
            "started_at": now - timedelta(minutes=minutes),
            "last_heartbeat_at": None if heartbeat is None else now - timedelta(minutes=heartbeat),
            "ended_at": None if ended is None else now - timedelta(minutes=ended),
            "payload": json.dumps(payload or {}),
            "payload_flags": 0,
            "trigger": "cli",
        }
        with self.engine.begin() as connection:
            key = connection.execute(sa.insert(RUNS).values(values)).inserted_primary_key
        assert key
        return self.row(key[0])

    def row(self, number: int) -> Run:
        """Return a run as it is booked now."""
        return next(run for run in self.runs.newest(1000) if run.id == number)

    def write(self, run: Run, **values: object) -> None:
        """Change a run's row, as Meltano does."""
        with self.engine.begin() as connection:
            connection.execute(sa.update(RUNS).where(RUNS.c.id == run.id).values(values))

    def keep_state(self, state_id: str, state: Mapping[str, Any]) -> None:
        """Keep a Singer state for the next run of a state id, instead of another one."""
        text = json.dumps({"singer_state": state})
        values = {"state_id": state_id, "completed_state": text, "partial_state": "{}"}
        with self.engine.begin() as connection:
            connection.execute(sa.delete(STATE).where(STATE.c.state_id == state_id))
            connection.execute(sa.insert(STATE).values(values))

    def everything(self) -> list[tuple[Any, ...]]:
        """Return all rows of both tables."""
        with self.engine.connect() as connection:
            queries = (sa.select(RUNS).order_by(RUNS.c.id), sa.select(STATE))
            return [tuple(row) for query in queries for row in connection.execute(query)]

    def log_of(self, run: Run) -> Path:
        """Return where Meltano writes a run's log, and make the folder."""
        folder = self.place.logs[0] / folder_name(run.state_id) / run.run_id
        folder.mkdir(parents=True, exist_ok=True)
        return folder / "elt.log"

    def config(self, plugin: str, age: float = 0, **values: object) -> Path:
        """Write a plugin's configuration file as Meltano does, as if some seconds ago."""
        kind = "target" if plugin.startswith("target") else "tap"
        path = self.root / ".meltano" / "run" / plugin / f"{kind}.{uuid4()}.config.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"password": "demo", **values}))
        os.utime(path, (time.time() - age, time.time() - age))
        return path

    def command(self, *words: str) -> subprocess.Popen[str]:
        """Start `emag-ops` as a process of its own."""
        return subprocess.Popen(
            [EMAG_OPS, *words],
            env=self.environment,
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def call(self, *words: str, code: int = 0) -> str:
        """Run a command of `emag-ops` in this process, and return what it writes.

        When it ends with 1 or 2, that is its messages.
        """
        output, messages = io.StringIO(), io.StringIO()
        handler = logging.StreamHandler(messages)
        logger = logging.getLogger("emag-ops")
        logger.addHandler(handler)
        try:
            with (
                mock.patch.dict(os.environ, self.environment, clear=True),
                redirect_stdout(output),
                redirect_stderr(messages),
            ):
                found = run(words)
        finally:
            logger.removeHandler(handler)
        assert found == code, output.getvalue() + messages.getvalue()
        return messages.getvalue() if code in {1, 2} else output.getvalue()

    def spawn(self, *words: str, code: int = 0) -> str:
        """Do the same in a process of its own, in the project's folder."""
        process = self.command(*words)
        output, messages = process.communicate(timeout=300)
        assert process.returncode == code, output + messages
        return messages if code in {1, 2} else output

    def clean_up(self, *words: str, code: int = 0) -> Any:  # noqa: ANN401 - JSON
        """Run the clean-up, and return its JSON."""
        return json.loads(self.call("cleanup-stuck-runs", "--json", *words, code=code))


def _now() -> datetime:
    return datetime.now(timezone.utc).replace(tzinfo=None)


class Actors:
    """Processes that look like Meltano's and its plugins', gone at the end of a test."""

    def __init__(self, books: Books) -> None:
        """Play in this project."""
        self.books = books
        self.folder = books.root / "actors"
        self.folder.mkdir()
        (self.folder / "ready").mkdir()
        self.started: list[subprocess.Popen[bytes]] = []

    def meltano(self, run: Run, *options: str, child: tuple[str, ...] = ()) -> int:
        """Start what looks like the run's Meltano; `child` are the words of its plugin."""
        environment = {
            "HELD_OPEN": str(self.books.log_of(run)),
            "CHILD": str(self._program("tap-emag")),
            "CHILD_WORDS": " ".join(child),
        }
        options = (*options, "log", *(["child"] if child else []))
        pid = self._start("meltano", options, ["run"], environment, 2 if child else 1)
        self.books.write(run, started_at=_now(), last_heartbeat_at=_now())
        return pid

    def command_within_meltano(self, run: Run, output: Path, *words: str) -> None:
        """Start what looks like the run's Meltano, which then starts the real `emag-ops`."""
        script = self.folder / "later"
        script.write_text(f'#!/bin/sh\nsleep 1\nexec {EMAG_OPS} "$@" > {output}\n')
        script.chmod(0o755)
        told = {
            "HELD_OPEN": str(self.books.log_of(run)),
            "CHILD": str(script),
            "CHILD_WORDS": " ".join(words),
        }
        self._start("meltano", ("log", "child"), ["run"], told)
        self.books.write(run, started_at=_now(), last_heartbeat_at=_now())

    def orphan(self, run: Run, config: Path, *options: str) -> int:
        """Start what looks like a plugin whose Meltano is gone."""
        environment, pair = run.state_id.split(":")[:2]
        tap, target = pair.split("-to-")
        told = {"MELTANO_ENVIRONMENT": environment, "MELTANO_EXTRACTOR_NAME": tap}
        if config.name.startswith("target."):
            told["MELTANO_LOADER_NAME"] = target
        pid = self._start(config.parent.name, options, ["--config", str(config)], told)
        self.books.write(run, last_heartbeat_at=_now())
        return pid

    def end(self) -> None:
        """End them all."""
        for process in self.started:
            process.kill()
            process.wait()
        for ready in (self.folder / "ready").iterdir():
            with suppress(ProcessLookupError):
                os.kill(int(ready.name), 9)

    def _program(self, name: str) -> Path:
        path = self.folder / name
        path.write_text(f"#!{sys.executable}\n{PROGRAM}")
        path.chmod(0o755)
        return path

    def _start(
        self,
        name: str,
        options: tuple[str, ...],
        words: list[str],
        environment: Mapping[str, str],
        number: int = 1,
    ) -> int:
        ready = self.folder / "ready"
        before = len(list(ready.iterdir()))
        process = subprocess.Popen(
            [self._program(name), ",".join(options), *words],
            env={**self.books.environment, **environment, "READY": f"{ready}/"},
            cwd=self.books.root,
        )
        self.started.append(process)
        until = time.monotonic() + 120
        while len(list(ready.iterdir())) < before + number:
            assert process.poll() is None
            assert time.monotonic() < until, "it did not come about"
            time.sleep(0.02)
        return process.pid
