"""Budgets shared between processes: through locked files, and through a database."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from array import array
from bisect import bisect_left
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tap_emag.api.rate_limit_local import SAVE, LocalStore, boot, load, name_of, save
from tap_emag.api.rate_limit_postgres import PostgresStore, reading
from tap_emag.api.rate_limiter import BUCKETS, Budget, Limiter
from tap_emag.errors import TransientError
from tap_emag.settings.account import Account
from tap_emag.state.store import SCHEMA, StateStore
from tests.support.stores import everything, fill_up, rows

if TYPE_CHECKING:
    from emag_sandbox.postgres.address import Postgres

ACCOUNT = "demo@127.0.0.1"
# Takes slots with four threads until the time is up; prints when each one left.
TAKER = """
import json, sys, threading, time
from pathlib import Path
from tap_emag.api.rate_limit_local import LocalStore
from tap_emag.api.rate_limit_postgres import PostgresStore
from tap_emag.api.rate_limiter import Limiter
from tap_emag.state.store import StateStore
where, bucket, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
there = where.startswith("postgres")
make, place = (PostgresStore, where) if there else (LocalStore, StateStore(Path(where)))
limiter = Limiter(make(place, "demo@127.0.0.1", 0.9))
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
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
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
    taken = [times(process) for process in takers(number, str(tmp_path), "orders", 12)]
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


def test_budgets_do_not_show_the_user(store: StateStore) -> None:
    Limiter(LocalStore(store, ACCOUNT, 0.9)).take("orders")
    assert b"demo" not in everything(store.folder)


@pytest.mark.parametrize("content", [b"x", b"SQLite format 3" + b"\0" * 60, os.urandom(500)])
def test_a_damaged_file_counts_as_untouched(store: StateStore, content: bytes) -> None:
    store.folder.mkdir()
    store.path.write_bytes(content)
    assert Limiter(LocalStore(store, ACCOUNT, 0.9)).take("orders") < 0.5
    [(left,)] = rows(store, "SELECT departures FROM rate_limits")
    assert len(left) == 8 * 2  # the ceiling and one departure


def test_a_file_deleted_under_way_is_made_anew(store: StateStore) -> None:
    with StateStore(store.folder) as other:
        stores = [LocalStore(each, ACCOUNT, 0.9) for each in (store, other)]
        for each in stores:
            Limiter(each).take("orders")
        shutil.rmtree(store.folder)
        for each in stores:
            Limiter(each).take("orders")
        with stores[0].open("orders") as (budget, _):
            assert len(budget.left) == 2  # both see the same new file


def test_what_another_start_of_the_machine_has_left_is_forgotten(store: StateStore) -> None:
    budget = Budget(BUCKETS["orders"], 0.9)
    budget.leave(10**6)
    budget.refuse(10**6, 60, 10**6)
    with store.transaction() as state:
        save(state.execute, "one", budget, "another start")
        assert not load(state.execute, "one", "orders", 0.9, boot()).left
        assert load(state.execute, "one", "orders", 0.9, "another start") == budget


def test_a_clock_that_was_ahead_blocks_nobody(store: StateStore) -> None:
    local = LocalStore(store, ACCOUNT, 0.9)
    with local.open("orders") as (budget, now):
        budget.next_slot = now + 10**6
        budget.held_until = now + 10**6
        budget.left.extend([now + 10**6] * 12)
    assert Limiter(local).take("orders") < 0.5


def test_on_a_full_disk_a_process_keeps_the_budget_on_its_own(
    store: StateStore, caplog: pytest.LogCaptureFixture
) -> None:
    local = LocalStore(store, ACCOUNT, 0.9)
    with local.open("orders") as (budget, now):
        budget.leave(now)
    fill_up(store)
    for number in range(2, 720):
        with local.open("orders") as (budget, now):
            assert len(budget.left) == number - 1
            budget.leave(now)
    assert caplog.text.count("shares its request budget with no other") == 1
    with store.transaction() as state:
        state.execute("PRAGMA max_page_count = 1000")
    with local.open("orders") as (budget, _):
        assert len(budget.left) == 719
    [(left,)] = rows(store, "SELECT departures FROM rate_limits")
    assert len(left) == 8 * 720  # the ceiling and 719 departures


def test_a_process_that_keeps_the_file_locked_holds_up_no_other_for_ever(
    store: StateStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tap_emag.state.store.BUSY_SECONDS", 0.1)
    local = LocalStore(store, ACCOUNT, 0.9)
    with local.open("orders") as (budget, now):
        budget.leave(now)
    with StateStore(store.folder) as other, other.transaction():
        for number in (2, 3):
            with local.open("orders") as (budget, now):
                budget.leave(now)
                assert len(budget.left) == number
    assert "another process locked it" in caplog.text
    with local.open("orders") as (budget, _):
        assert len(budget.left) == 3


@given(
    st.floats(allow_nan=False),
    st.floats(allow_nan=False),
    st.floats(0.1, 1),
    st.lists(st.floats(0, 1e9), max_size=720),
    st.floats(0.1, 1),
)
def test_a_budget_that_was_saved_comes_back(
    slot: float, held: float, pace: float, left: list[float], ceiling: float
) -> None:
    budget = Budget(BUCKETS["other"], 0.5, pace, slot, held, ceiling=ceiling)
    budget.left.extend(left)
    with closing(sqlite3.connect(":memory:")) as state:
        state.executescript(SCHEMA)
        save(state.execute, "one", budget, boot())
        assert load(state.execute, "one", "other", 0.5, boot()) == budget


def test_a_row_of_an_earlier_version_has_departures_alone(store: StateStore) -> None:
    values = ("one", boot(), 5.0, 4.0, 0.7, array("d", [1.0, 2.0]).tobytes())
    store.execute(SAVE, values)
    with store.transaction() as state:
        budget = load(state.execute, "one", "orders", 0.9, boot())
    assert (list(budget.left), budget.pace, budget.ceiling) == ([1.0, 2.0], 0.7, 1.0)


def test_a_budget_in_a_database_comes_back(database: Postgres) -> None:
    hosts = [PostgresStore(database.dsn, ACCOUNT, 0.9) for _ in range(2)]
    with hosts[0].open("other") as (untouched, now):
        assert untouched == Budget(BUCKETS["other"], 0.9)
        untouched.leave(now)
        untouched.refuse(now, 60, now)
    with hosts[1].open("other") as (budget, later):
        assert budget == untouched
        assert now < later
    with reading(database.dsn) as reader:
        assert reader.budget(name_of(ACCOUNT, "other"), "other", 0.9)[0] == untouched
        assert reader.accounts() == {}


def test_a_role_that_may_create_nothing_uses_the_tables_that_are_there(database: Postgres) -> None:
    with PostgresStore(database.dsn, ACCOUNT, 0.9).open("other"):
        pass
    role = f"low_{database.database}"
    with database.connect() as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'demo'")
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        connection.execute(f"GRANT SELECT, INSERT, UPDATE ON tap_emag_rate_limits TO {role}")
        low = f"postgresql://{role}:demo@{database.host}:{database.port}/{database.database}"
        try:
            store = PostgresStore(low, ACCOUNT, 0.9, Account("emag_ro", "main"))
            with store.open("other") as (budget, now):
                budget.leave(now)
            with reading(low) as reader:
                assert len(reader.budget(name_of(ACCOUNT, "other"), "other", 0.9)[0].left) == 1
                assert reader.accounts() == {}
        finally:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")


def test_a_store_that_is_used_no_more_closes_its_connections(database: Postgres) -> None:
    store = PostgresStore(database.dsn, ACCOUNT, 0.9)
    with store.open("other"):
        pass
    [connection] = store._connections.values()
    del store
    assert connection.closed


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
            self.slots[process] = self.budget.reserve(self.now)
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

    @rule(wait=st.none() | st.floats(0, 10**4), age=st.floats(0, 3))
    def be_refused(self, wait: float | None, age: float) -> None:
        self.budget.refuse(self.now, wait, self.now - age)

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
