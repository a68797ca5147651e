"""Sums go on over runs, processes and kills, and a damaged file costs a restart, not a run."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_emag.metrics.store import FILE, Store, Sums

if TYPE_CHECKING:
    from pathlib import Path

NAME = "emag_stuck_runs_cleaned_total"
COUNTING = """
import sys
from pathlib import Path
from tap_emag.metrics import Store
for _ in range(50):
    Store(Path(sys.argv[1])).count("emag_stuck_runs_cleaned_total", {"state_id": "a"}, 1)
"""
SYNCING = """
import sys, time
from pathlib import Path
from tap_emag.metrics import Store
store = Store(Path(sys.argv[1]))
with store.changing() as sums:
    sums.running.append({"token": store.token(), "account_type": "main", "sync_type": "orders"})
print("under way", flush=True)
time.sleep(60)
"""


def value(folder: Path, state_id: str = "a") -> float:
    return Store(folder).read().values.get((NAME, (("state_id", state_id),)), 0.0)


def test_counts_of_several_processes_add_up(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COUNTING, str(tmp_path)]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert value(tmp_path) == 200


def test_only_this_user_may_read_the_file(tmp_path: Path) -> None:
    Store(tmp_path / "new").count(NAME, {"state_id": "a"}, 1)
    files = [tmp_path / "new", *(tmp_path / "new").iterdir()]
    assert [stat.S_IMODE(file.stat().st_mode) & 0o077 for file in files] == [0] * len(files)


def test_a_sync_whose_process_was_killed_is_no_longer_under_way(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SYNCING, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        assert [item["sync_type"] for item in Store(tmp_path).read().running] == ["orders"]
        os.kill(process.pid, signal.SIGKILL)
    assert Store(tmp_path).read().running == []
    assert not list(tmp_path.glob("running-*"))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 99}', '{"format": 1}', "null"])
def test_a_damaged_file_counts_as_empty(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    Store(tmp_path).count(NAME, {"state_id": "a"}, 3)
    assert value(tmp_path) == 3


names = st.text(max_size=5)


@given(
    st.dictionaries(
        st.tuples(names, st.lists(st.tuples(names, names), max_size=3).map(tuple)),
        st.floats(allow_nan=False, allow_infinity=False),
        max_size=5,
    ),
    st.dictionaries(st.tuples(names, names, names), st.sets(names, max_size=3), max_size=3),
)
def test_what_was_kept_is_read_again(
    tmp_path_factory: pytest.TempPathFactory,
    values: dict[tuple[str, tuple[tuple[str, str], ...]], float],
    fields: dict[tuple[str, str, str], set[str]],
) -> None:
    folder = tmp_path_factory.mktemp("store")
    with Store(folder).changing() as sums:
        sums.values, sums.fields = values, fields
    kept = Store(folder).read()
    assert kept == Sums(values, fields)
    assert json.loads((folder / FILE).read_text())["format"] == 1
