"""Two runs of one state: the second makes no request while the first lives, however that ends."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.errors import AnotherRunError
from tap_emag.state.run_lock import only_run
from tap_emag.state.store import StateStore
from tests.support.command import Command, run
from tests.support.stores import rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.command import Finished

OFFERS = "products,product_history,product_deletions"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxConfig(orders=20, offers=8, returns=0, limits=False)) as sandbox:
        yield sandbox


def begin(place: Path, sandbox: Sandbox, state: Finished, streams: str) -> Command:
    """Start a run, and wait until it has sent a request, which is never answered."""
    sandbox.log.clear()
    sandbox.set(fail_next=["hang"])
    settings: dict[str, Any] = {
        "state_dir": str(place.parent / "state"),
        "request_timeout_seconds": 60,
    }
    command = Command(place, sandbox, state.state, streams=streams, **settings)
    deadline = time.monotonic() + 120
    while not len(sandbox.log) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(sandbox.log)
    return command


@pytest.mark.parametrize("streams", [OFFERS, "orders"])
def test_a_second_run_of_one_state_makes_no_request(
    tmp_path: Path, sandbox: Sandbox, streams: str
) -> None:
    given = {"streams": streams, "state_dir": str(tmp_path / "state")}
    first = run(tmp_path / "0", sandbox, **given)
    assert first.code == 0, first.log
    running = begin(tmp_path / "1", sandbox, first, streams)
    second = run(tmp_path / "2", sandbox, state=first.state, **given)
    assert second.code == 5
    assert "another run uses this state" in second.log
    assert str(running.process.pid) in second.log
    assert not second.messages
    running.signal(signal.SIGKILL)
    running.process.wait()
    third = run(tmp_path / "3", sandbox, state=first.state, **given)
    assert third.code == 0, third.log


def test_runs_of_other_states_do_not_keep_each_other_out(store: StateStore) -> None:
    with StateStore(store.folder) as other:
        with only_run(store, ["a"]), only_run(other, ["b"]):
            for each in (store, other):
                with pytest.raises(AnotherRunError), only_run(each, ["c", "a"]):
                    pytest.fail("it began")
            with only_run(other, ["c"]):
                pass
        with only_run(other, ["a", "b"]):
            pass
        assert rows(store, "SELECT * FROM run_locks") == []
    store.close()
    assert not list(store.folder.glob("running-*"))


def test_where_no_lock_can_be_kept_the_run_goes_on_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("a file, not a folder")
    with only_run(StateStore(tmp_path / "state"), ["a"]):
        pass
    assert "does not support locks" in caplog.text
