"""Budgets shared between processes: through locked files, and through a database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tap_emag.budgets import FileStore, boot, file_name, pack, unpack
from tap_emag.budgets_postgres import PostgresStore
from tap_emag.errors import TransientError
from tap_emag.limits import BUCKETS, Budget, Limiter

if TYPE_CHECKING:
    from tap_emag.sandbox.postgres_address import Postgres

ACCOUNT = "demo@127.0.0.1"
# Takes slots with four threads until the time is up; prints when each one left.
TAKER = """
import json, sys, threading, time
from pathlib import Path
from tap_emag.budgets import FileStore
from tap_emag.budgets_postgres import PostgresStore
from tap_emag.limits import Limiter
where, bucket, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
make = PostgresStore if where.startswith("postgres") else FileStore
limiter = Limiter(make(where if "://" in where else Path(where), "demo@127.0.0.1", 0.9))
left, until = [], time.monotonic() + seconds
def take():
    while time.monotonic() < until:
        limiter.take(bucket)
        left.append(time.monotonic())
        sys.stdout.write(json.dumps(left[-1]) + chr(10))  # at once: print would not
        sys.stdout.flush()
threads = [threading.Thread(target=take) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def takers(number: int, where: str, bucket: str, seconds: float) -> list[subprocess.Popen[str]]:
    command = [sys.executable, "-c", TAKER, where, bucket, str(seconds)]
    return [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
        for _ in range(number)
    ]


def times(process: subprocess.Popen[str]) -> list[float]:
    output, _ = process.communicate(timeout=60)
    return [json.loads(line) for line in output.splitlines()]


def most_within(moments: list[float], seconds: float) -> int:
    ordered = sorted(moments)
    return max(bisect_left(ordered, at + seconds) - index for index, at in enumerate(ordered))


@pytest.mark.timing
@pytest.mark.parametrize("number", [2, 4])
def test_processes_share_one_budget_fairly_and_use_it(tmp_path: Path, number: int) -> None:
    taken = [times(process) for process in takers(number, str(tmp_path), "orders", 6)]
    together = sorted(at for each in taken for at in each)
    # Between the moment all run and the moment the first one ends.
    begun, ended = max(each[0] for each in taken), min(each[-1] for each in taken)
    within = [at for at in together if begun <= at <= ended]
    assert (len(within) - 1) / (ended - begun) > 0.95 * 10.8
    assert most_within(together, 0.98) <= 12
    shares = [sum(begun <= at <= ended for at in each) for each in taken]
    assert max(shares) <= 1.2 * min(shares)


@pytest.mark.timing
def test_a_killed_process_costs_nobody_more_than_a_second(tmp_path: Path) -> None:
    victim, other = takers(2, str(tmp_path), "orders", 5)
    time.sleep(2.5)
    os.kill(victim.pid, signal.SIGKILL)
    killed = time.monotonic()
    victim.communicate()
    after = [at for at in times(other) if at > killed]
    gaps = [late - early for early, late in zip([killed, *after], after, strict=False)]
    assert max(gaps) < 1.0
    assert len(after) > 0.9 * 10.8 * (after[-1] - killed)


def test_files_are_private_and_do_not_name_the_user(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "tap-emag"
    Limiter(FileStore(folder, ACCOUNT, 0.9)).take("orders")
    [file] = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert "demo" not in file.name


@pytest.mark.parametrize(
    "content", [b"", b"x", b"emg1" + b"\0" * 60, os.urandom(500), b"\xff" * 5000]
)
def test_a_damaged_file_counts_as_untouched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / file_name(ACCOUNT, "orders")
    path.write_bytes(content)
    assert Limiter(FileStore(tmp_path, ACCOUNT, 0.9)).take("orders") < 0.5
    assert unpack(path.read_bytes(), "orders", 0.9, boot()).left


def test_a_file_deleted_under_way_is_made_anew(tmp_path: Path) -> None:
    stores = [FileStore(tmp_path, ACCOUNT, 0.9) for _ in range(2)]
    for store in stores:
        Limiter(store).take("orders")
    for file in tmp_path.iterdir():
        file.unlink()
    for store in stores:
        Limiter(store).take("orders")
    with stores[0].open("orders") as (budget, _):
        assert len(budget.left) == 2  # both see the same new file


def test_what_another_start_of_the_machine_has_left_is_forgotten() -> None:
    budget = Budget(BUCKETS["orders"], 0.9)
    budget.leave(10**6)
    budget.refuse(10**6, 60)
    assert not unpack(pack(budget, b"0" * 16), "orders", 0.9, boot()).left


def test_a_clock_that_was_ahead_blocks_nobody(tmp_path: Path) -> None:
    store = FileStore(tmp_path, ACCOUNT, 0.9)
    with store.open("orders") as (budget, now):
        budget.next_slot = now + 10**6
        budget.held_until = now + 10**6
        budget.left.extend([now + 10**6] * 12)
    assert Limiter(store).take("orders") < 0.5


@given(
    st.floats(-1e9, 1e9),
    st.floats(-1e9, 1e9),
    st.floats(0.1, 1),
    st.lists(st.floats(-1e9, 1e9), max_size=720),
)
def test_a_packed_budget_comes_back(
    slot: float, held: float, pace: float, left: list[float]
) -> None:
    budget = Budget(BUCKETS["other"], 0.5, pace, slot, held)
    budget.left.extend(left)
    assert unpack(pack(budget, boot()), "other", 0.5, boot()) == budget


@pytest.mark.timing
def test_hosts_share_a_budget_through_a_database(database: Postgres) -> None:
    taken = [times(process) for process in takers(2, database.dsn, "orders", 5)]
    together = sorted(at for each in taken for at in each)
    begun, ended = max(each[0] for each in taken), min(each[-1] for each in taken)
    within = [at for at in together if begun <= at <= ended]
    assert (len(within) - 1) / (ended - begun) > 0.9 * 10.8
    assert most_within(together, 0.98) <= 12
    shares = [sum(begun <= at <= ended for at in each) for each in taken]
    assert max(shares) <= 1.2 * min(shares)


def test_a_database_that_is_not_there_is_a_passing_failure_without_its_address() -> None:
    store = PostgresStore("postgresql://app:geheim@127.0.0.1:1/none", ACCOUNT, 0.9)
    with pytest.raises(TransientError) as caught:
        Limiter(store).take("orders")
    assert "geheim" not in str(caught.value)


class Takers(RuleBasedStateMachine):
    """Processes that book, wake late, send, are refused, and die, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.sent: list[float] = []
        self.slots: dict[int, float] = {}
        self.booked = 0

    @initialize(bucket=st.sampled_from(sorted(BUCKETS)), share=st.sampled_from([0.3, 0.9, 1.0]))
    def begin(self, bucket: str, share: float) -> None:
        self.budget = Budget(BUCKETS[bucket], share)

    @rule(process=st.integers(0, 3))
    def book(self, process: int) -> None:
        if process not in self.slots:
            self.slots[process] = self.budget.book(self.now)
            self.booked += 1

    @rule(seconds=st.floats(0, 2))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(process=st.integers(0, 3))
    def send_if_due(self, process: int) -> None:
        slot = self.slots.get(process)
        if slot is not None and slot <= self.now and self.budget.delay(self.now) <= 0:
            self.budget.leave(self.now)
            self.sent.append(self.now)
            del self.slots[process]

    @rule(process=st.integers(0, 3))
    def die(self, process: int) -> None:
        self.slots.pop(process, None)

    @rule(wait=st.none() | st.floats(0, 10**4))
    def be_refused(self, wait: float | None) -> None:
        self.budget.refuse(self.now, wait)

    @invariant()
    def no_window_holds_more_than_the_limit(self) -> None:
        for limit in self.budget.limits if self.sent else ():
            assert most_within(self.sent, limit.seconds - 1e-6) <= limit.requests

    @invariant()
    def a_slot_is_never_further_off_than_bookings_and_refusals_explain(self) -> None:
        if hasattr(self, "budget"):
            slowest = self.budget.rate / self.budget.pace * 0.1
            ahead = self.budget.next_slot - self.now
            assert ahead <= 120.001 + self.booked / slowest


TestTakers: Any = Takers.TestCase
TestTakers.settings = settings(max_examples=100, stateful_step_count=60, deadline=None)
