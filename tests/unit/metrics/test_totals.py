"""Sums go on over runs, processes and kills, and a damaged file costs a restart, not a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tap_emag.metrics.totals import AccountState, Sums, Totals
from tap_emag.settings.account import Account
from tap_emag.state.store import StateStore
from tests.support.stores import rows

if TYPE_CHECKING:
    import pytest

    from tap_emag.metrics.recorder import Sample

NAME = "emag_stuck_runs_cleaned_total"
COUNTING = """
import sys
from pathlib import Path
from tap_emag.metrics import Totals
from tap_emag.state.store import StateStore
for _ in range(50):
    store = Totals(StateStore(Path(sys.argv[1])))
    store.count("emag_stuck_runs_cleaned_total", {"state_id": "a"}, 1)
"""
SYNCING = """
import sys, time
from pathlib import Path
from tap_emag.metrics import Totals
from tap_emag.metrics.totals import RunningSync
from tap_emag.state.store import StateStore
state = StateStore(Path(sys.argv[1]))
token = state.liveness.token()
with Totals(state).changing() as changes:
    changes.set_running([RunningSync(token, "main", "orders")], token)
print("under way", flush=True)
time.sleep(60)
"""


def value(store: StateStore, state_id: str = "a") -> float:
    return Totals(store).read().values.get((NAME, (("state_id", state_id),)), 0.0)


def test_counts_of_several_processes_add_up(store: StateStore) -> None:
    command = [sys.executable, "-c", COUNTING, str(store.folder)]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert value(store) == 200


def test_a_sync_whose_process_was_killed_is_no_longer_under_way(store: StateStore) -> None:
    command = [sys.executable, "-c", SYNCING, str(store.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        assert [item.sync_type for item in Totals(store).read().running] == ["orders"]
        os.kill(process.pid, signal.SIGKILL)
    assert Totals(store).read().running == []
    assert not list(store.folder.glob("running-*"))
    with Totals(store).changing() as changes:
        changes.set_running([], "another")
    assert rows(store, "SELECT * FROM running_syncs") == []


def test_a_damaged_file_counts_as_empty(store: StateStore) -> None:
    store.folder.mkdir()
    store.path.write_text("no database" * 500)
    assert value(store) == 0
    Totals(store).count(NAME, {"state_id": "a"}, 3)
    assert value(store) == 3


names = st.text(max_size=5)


@given(
    st.dictionaries(
        st.tuples(names, st.lists(st.tuples(names, names), max_size=3).map(tuple)),
        st.floats(-1e300, 1e300),
        max_size=5,
    ),
    st.dictionaries(names, st.sets(names, max_size=3), max_size=3),
)
def test_what_was_kept_is_read_again(
    tmp_path_factory: pytest.TempPathFactory,
    values: dict[Sample, float],
    fields: dict[str, set[str]],
) -> None:
    account, where = Account("emag_ro", "main"), AccountState("one-", "two-", 0.9, shared=False)
    with StateStore(tmp_path_factory.mktemp("store")) as state:
        with Totals(state).changing() as changes:
            changes.count(values)
            changes.add_fields(account, fields)
            changes.set_account(account, where)
        kept = Totals(state).read()
        named = {("emag_ro", "main", table): names for table, names in fields.items() if names}
        assert kept == Sums(values, named, [], {("emag_ro", "main"): where})
        with Totals(state).changing() as changes:
            changes.count(values)
            changes.set_missing(dict.fromkeys(values, 7.0))
        assert Totals(state).read().values == {each: 2 * number for each, number in values.items()}
        with Totals(state).changing() as changes:
            changes.set(dict.fromkeys(values, 7.0))
        assert Totals(state).read().values == dict.fromkeys(values, 7.0)
