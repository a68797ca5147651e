"""Whatever a run's machine refuses is named with its remedy, on every channel that still works."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from emag_sandbox.postgres.server import LocalPostgres
from tap_emag.state.store import StateStore
from tests.support.command import COMMAND, Command, run
from tests.support.confined import FULL_DISK, READ_ONLY, confined, mounted
from tests.support.receiver import Receiver
from tests.support.stores import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.command import Finished

    Make = Callable[[Path], list[str]]  # of a folder: what to write before the command

SHOP = SandboxConfig(orders=40, offers=3, history_days=10, limits=False)
ERRORS = (
    'emag_sync_errors_total{account_type="main",error_type="ConfigurationError",sync_type="run"}'
)
NO_RIGHTS = confined(rights=False)
NO_THREADS = confined(refused={"clone": "EAGAIN", "clone3": "ENOSYS"})
NO_LOCKS = confined(refused={"flock": "ENOLCK"})
NO_RECORD_LOCKS = confined(refused={"fcntl(F_SETLK)": "ENOLCK"})


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    with Sandbox(SHOP) as sandbox:
        yield sandbox


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def refused(ended: Finished, receiver: Receiver, *words: str) -> None:
    """Hold that log, exit code and webhook tell the same, and that it is called no defect."""
    assert ended.code == 2, ended.log
    [line] = ended.critical
    for word in words:
        assert word in line
    assert "defect" not in ended.log
    assert "Traceback" not in ended.log
    [delivery] = receiver.received
    told = json.loads(delivery.body)
    assert (told["event"], told["exit_code"]) == ("sync_failed", 2)
    assert told["message"] in line


def full(folder: Path) -> list[str]:
    return mounted(FULL_DISK, folder)


def read_only(folder: Path) -> list[str]:
    return mounted(READ_ONLY, folder)


def without_rights(folder: Path) -> list[str]:
    folder.chmod(0o500)
    return NO_RIGHTS


def without_locks(_: Path) -> list[str]:
    return NO_LOCKS


def without_record_locks(_: Path) -> list[str]:
    return NO_RECORD_LOCKS


def in_the_way(folder: Path) -> list[str]:
    (folder / "state").write_text("a file")
    return []


def link_to_nowhere(folder: Path) -> list[str]:
    (folder / "state").symlink_to(folder / "nowhere")
    return []


FOLDERS = [
    (full, "is full; free some space"),
    (read_only, "is on a read-only file system; write a folder"),
    (without_rights, "has rights that keep its owner out"),
    (without_locks, "has no file locks"),
    (without_record_locks, "has no file locks"),
    (in_the_way, "is not a folder"),
    (link_to_nowhere, "is not a folder"),
]


@pytest.mark.parametrize(("make", "problem"), FOLDERS)
def test_a_state_folder_that_cannot_be_used_is_told_everywhere(
    shop: Sandbox,
    receiver: Receiver,
    tmp_path: Path,
    make: Callable[[Path], list[str]],
    problem: str,
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    ended = run(
        tmp_path / "run",
        shop,
        state_dir=str(place / "state"),
        webhook_url=receiver.url,
        prefix=make(place),
    )
    place.chmod(0o700)
    refused(ended, receiver, "state_dir: ", str(place), problem)


def other_user() -> list[str]:
    """Return what to write before a command that another user than root is to run.

    It may read what root may, as the interpreter can lie in root's home, and write nothing of it.
    """
    if os.geteuid() != 0:
        return []
    reads = "+dac_read_search"
    return ["setpriv", "--reuid=65534", "--inh-caps", reads, "--ambient-caps", reads]


HOMES = [
    (read_only, "is on a read-only file system; write a folder"),
    (without_rights, "has rights that keep its owner out"),
    (lambda _: other_user(), "belongs to root; write a folder of "),
]


@pytest.mark.parametrize(("make", "problem"), HOMES)
def test_a_home_in_which_no_state_folder_can_be_made_is_told_with_the_remedy(
    shop: Sandbox,
    receiver: Receiver,
    tmp_path: Path,
    make: Callable[[Path], list[str]],
    problem: str,
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    prefix = make(home)
    home = Path("/nonexistent") if problem.startswith("belongs") else home
    ended = run(
        tmp_path / "run",
        shop,
        state_dir="",
        webhook_url=receiver.url,
        prefix=prefix,
        environment={"HOME": str(home), "XDG_STATE_HOME": ""},
    )
    folder = home / ".local/state/tap-emag"
    refused(ended, receiver, f"state_dir: {folder} cannot be made: ", problem)
    assert "such as TAP_EMAG_STATE_DIR=/" in ended.log
    assert "chown" not in ended.log


def foreign_folder(folder: Path) -> Path:
    """Return a folder of another user: as root one is made so, for others root's own will do."""
    if os.geteuid() != 0:
        return Path("/usr/share")
    folder.mkdir(mode=0o700)
    os.chown(folder, 65534, 65534)
    return folder


def test_a_state_folder_of_another_user_is_refused_even_to_root(
    shop: Sandbox, receiver: Receiver, tmp_path: Path
) -> None:
    folder = foreign_folder(tmp_path / "foreign")
    ended = run(tmp_path / "run", shop, state_dir=str(folder), webhook_url=receiver.url)
    refused(ended, receiver, "state_dir: ", f"{folder} belongs to ", "chown -R")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can leave files behind as another user")
def test_one_file_that_another_user_has_left_is_named(
    shop: Sandbox, receiver: Receiver, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    file = state / "state.sqlite"
    file.touch(mode=0o600)
    os.chown(file, 65534, 65534)
    ended = run(
        tmp_path / "2", shop, state_dir=str(state), webhook_url=receiver.url, prefix=NO_RIGHTS
    )
    refused(ended, receiver, f"state_dir: {file} belongs to ")


@pytest.mark.parametrize("name", ["state.sqlite", "state.sqlite-wal", "running-one"])
def test_a_link_where_a_file_of_ours_should_be_is_refused(
    shop: Sandbox, receiver: Receiver, tmp_path: Path, name: str
) -> None:
    link, victim = tmp_path / "state" / name, tmp_path / "victim"
    link.parent.mkdir(parents=True, mode=0o700)
    victim.write_text("precious")
    link.symlink_to(victim)
    ended = run(tmp_path / "run", shop, state_dir=str(tmp_path / "state"), webhook_url=receiver.url)
    refused(ended, receiver, f"state_dir: {link} is a symbolic link; remove it")
    assert victim.read_text() == "precious"


def test_a_state_folder_that_everybody_can_write_to_is_refused(
    shop: Sandbox, receiver: Receiver, tmp_path: Path
) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(0o1777)
    ended = run(tmp_path / "run", shop, state_dir=str(folder), webhook_url=receiver.url)
    refused(ended, receiver, "state_dir: every user", f"chmod o-w {folder}")


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_folders_and_files_are_private_whatever_the_umask(
    shop: Sandbox, tmp_path: Path, umask: int
) -> None:
    state = tmp_path / "above" / "state"
    values: dict[str, Any] = {"state_dir": str(state), "streams": "products"}
    ended = run(tmp_path / "run", shop, prefix=confined(umask=umask, rights=False), **values)
    assert ended.code == 0, ended.log
    assert "cannot be kept" not in ended.log
    found = [state.parent, state, *state.rglob("*")]
    assert len(found) > 3
    modes = {str(path): path.stat().st_mode & 0o777 for path in found}
    assert modes == {str(path): 0o700 if path.is_dir() else 0o600 for path in found}


def test_a_store_of_budgets_that_is_down_is_told_everywhere(
    shop: Sandbox, receiver: Receiver, tmp_path: Path
) -> None:
    ended = run(
        tmp_path,
        shop,
        rate_limit_store="postgresql://127.0.0.1:1/none",
        webhook_url=receiver.url,
        metrics_textfile=str(tmp_path / "emag.prom"),
    )
    refused(ended, receiver, "rate_limit_store: the database does not answer", "check that it runs")
    assert f"{ERRORS} 1.0" in (tmp_path / "emag.prom").read_text()
    assert not ended.messages


@pytest.fixture
def slow() -> Iterator[Sandbox]:
    config = SandboxConfig(orders=1500, offers=40, history_days=300, type2_share=0, latency=0.2)
    with Sandbox(config) as sandbox:
        yield sandbox


def test_a_store_of_budgets_that_is_killed_under_way_is_no_failure_of_emag(
    slow: Sandbox, receiver: Receiver, tmp_path: Path
) -> None:
    values: dict[str, Any] = {
        "state_dir": str(tmp_path / "state"),
        "retry_max_attempts": 2,
        "breaker_failure_threshold": 1,
        "streams": "orders",
    }
    with LocalPostgres() as server:
        command = Command(
            tmp_path / "1",
            slow,
            rate_limit_store=server.dsn,
            webhook_url=receiver.url,
            metrics_textfile=str(tmp_path / "emag.prom"),
            **values,
        )
        command.until_rows("orders", 100)
    ended = command.finish(60)
    assert ended.code == 1, ended.log
    assert "rate_limit_store: the database does not answer" in ended.critical[0]
    assert "orders: not read completely" in ended.log
    [delivery] = receiver.received
    assert json.loads(delivery.body)["error"] == "BudgetStoreError"
    assert 'error_type="BudgetStoreError"' in (tmp_path / "emag.prom").read_text()
    slow.config.latency = 0
    assert run(tmp_path / "2", slow, state=ended.state, **values).code == 0


def test_a_disk_that_fills_up_under_way_does_not_stop_a_run(
    slow: Sandbox, receiver: Receiver, tmp_path: Path
) -> None:
    place, now = tmp_path / "place", tmp_path / "now"
    place.mkdir()
    command = Command(
        tmp_path / "run",
        slow,
        state_dir=str(place / "state"),
        webhook_url=receiver.url,
        prefix=mounted(FULL_DISK, place, now),
        streams="orders",
    )
    command.until_rows("orders", 100)
    now.touch()
    ended = command.finish(60)
    assert (tmp_path / "now.done").exists()
    assert ended.code == 0, ended.log
    assert "metrics cannot be kept or sent (state_dir): No space left on device" in ended.log
    assert ended.counts["orders"] == 1500
    [delivery] = receiver.received
    assert json.loads(delivery.body)["event"] == "sync_completed"


def test_a_state_folder_that_is_deleted_under_way_is_made_anew(
    slow: Sandbox, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    command = Command(tmp_path / "run", slow, state_dir=str(state), streams="orders")
    command.until_rows("orders", 100)
    shutil.rmtree(state)
    ended = command.finish(60)
    assert ended.code == 0, ended.log
    assert "defect" not in ended.log
    assert ended.counts["orders"] == 1500
    assert "state.sqlite was deleted while in use" in ended.log
    assert rows(StateStore(state), "SELECT count(*) FROM rate_limits") == [(1,)]
    assert state.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("content", [None, "no certificates"])
def test_certificates_that_cannot_be_read_are_named_and_the_webhook_is_told(
    receiver: Receiver, tmp_path: Path, content: str | None
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content:
        bundle.write_text(content)
    ended = run(
        tmp_path / "run",
        username="demo",
        password="demo",
        webhook_url=receiver.url,
        environment={"REQUESTS_CA_BUNDLE": str(bundle)},
    )
    refused(ended, receiver, f"REQUESTS_CA_BUNDLE: {bundle} cannot be used", "unset it")


def test_where_no_thread_can_be_started_that_is_told_everywhere(
    shop: Sandbox, receiver: Receiver, tmp_path: Path
) -> None:
    ended = run(
        tmp_path,
        shop,
        webhook_url=receiver.url,
        metrics_textfile=str(tmp_path / "emag.prom"),
        prefix=NO_THREADS,
    )
    refused(ended, receiver, "threads: the system starts no more of them", "ulimit")
    assert f"{ERRORS} 1.0" in (tmp_path / "emag.prom").read_text()


def test_a_full_disk_behind_standard_output_is_told_everywhere(
    shop: Sandbox, receiver: Receiver, tmp_path: Path
) -> None:
    ended = run(tmp_path, shop, webhook_url=receiver.url, output=Path("/dev/full"))
    refused(ended, receiver, "standard output: cannot be written to (No space left on device)")


def test_output_that_outgrows_its_disk_is_told_and_what_is_there_is_whole(
    slow: Sandbox, receiver: Receiver, tmp_path: Path
) -> None:
    ended = run(
        tmp_path,
        slow,
        webhook_url=receiver.url,
        prefix=confined(file_size=400_000),
        streams="orders",
    )
    refused(ended, receiver, "standard output: cannot be written to (File too large)")
    assert ended.counts["orders"] > 0


@pytest.mark.parametrize("words", [["--discover"], ["--about", "--format=json"]])
def test_what_is_only_shown_has_words_for_a_full_disk_too(words: list[str]) -> None:
    with Path("/dev/full").open("w") as disk:
        ended = subprocess.run([COMMAND, *words], stdout=disk, stderr=subprocess.PIPE, check=False)
    assert ended.returncode == 2
    assert b"standard output: cannot be written to" in ended.stderr
    assert b"Traceback" not in ended.stderr


def test_closed_standard_output_is_named() -> None:
    shell = ["sh", "-c", 'exec "$0" --discover >&-', COMMAND]
    ended = subprocess.run(shell, stderr=subprocess.PIPE, check=False)
    assert ended.returncode == 2
    assert b"standard output: is closed" in ended.stderr


@pytest.mark.parametrize(
    "values",
    [
        {"api_url": "https://*.example.com/api-3"},
        {"state_dir": "relative"},
    ],
)
def test_the_webhook_hears_of_wrong_settings(
    shop: Sandbox, receiver: Receiver, tmp_path: Path, values: dict[str, Any]
) -> None:
    ended = run(tmp_path, shop, webhook_url=receiver.url, **values)
    refused(ended, receiver, f"{next(iter(values))}: ")


def test_the_webhook_hears_of_a_state_that_cannot_be_used(
    shop: Sandbox, receiver: Receiver, tmp_path: Path
) -> None:
    ended = run(tmp_path, shop, webhook_url=receiver.url, state=[7])
    refused(ended, receiver, "state: ")


def test_one_channel_that_fails_does_not_silence_the_others(
    shop: Sandbox, receiver: Receiver, tmp_path: Path
) -> None:
    taken = tmp_path / "taken.prom"
    taken.mkdir()
    ended = run(
        tmp_path / "run",
        shop,
        streams="orders",
        webhook_url=receiver.url,
        metrics_textfile=str(taken),
        pushgateway_url="http://127.0.0.1:1",
    )
    assert ended.code == 0, ended.log
    assert "orders: 40 rows" in ended.log
    assert len(receiver.received) == 1


def handles(command: Command, signum: int) -> bool:
    """Tell whether a process has a handler of its own for a signal."""
    status = Path(f"/proc/{command.process.pid}/status").read_text()
    [caught] = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")]
    return bool(int(caught, 16) >> signum - 1 & 1)


@pytest.mark.parametrize(
    ("signum", "delay"),
    [(signal.SIGINT, 0), (signal.SIGTERM, 0.2), (signal.SIGHUP, 0.4), (signal.SIGINT, 0.8)],
)
def test_a_signal_at_any_moment_of_the_start_ends_it_with_the_shells_code(
    slow: Sandbox, tmp_path: Path, signum: int, delay: float
) -> None:
    command = Command(tmp_path, slow)
    # Until then it is Python's interpreter alone that is signalled.
    command.until(lambda: handles(command, signal.SIGHUP))
    time.sleep(delay)
    command.signal(signum)
    ended = command.finish(20)
    assert ended.code == 128 + signum, ended.log
    assert "Traceback" not in ended.log
    assert "defect" not in ended.log


def test_a_terminal_that_goes_away_ends_a_run_in_order(
    slow: Sandbox, receiver: Receiver, tmp_path: Path
) -> None:
    command = Command(tmp_path, slow, streams="orders", webhook_url=receiver.url)
    command.until_rows("orders", 100)
    command.signal(signal.SIGHUP)
    ended = command.finish(20)
    assert ended.code == 129, ended.log
    assert ended.state["bookmarks"]["orders"]
    [delivery] = receiver.received
    assert json.loads(delivery.body)["exit_code"] == 129


def test_a_run_under_nohup_outlives_its_terminal(slow: Sandbox, tmp_path: Path) -> None:
    slow.config.latency = 0
    ignoring = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh"]
    command = Command(tmp_path, slow, streams="orders", prefix=ignoring)
    command.until_rows("orders", 100)
    command.signal(signal.SIGHUP)
    ended = command.finish(30)
    assert ended.code == 0, ended.log


def test_a_machine_without_time_zones_reads_times_as_any_other(
    shop: Sandbox, tmp_path: Path
) -> None:
    # The tap brings the zones itself; that the tests' own packages bring them too proves nothing.
    project = Path(__file__).parents[2] / "pyproject.toml"
    assert re.search(r'(?m)^  "tzdata[^;"]*",$', project.read_text())
    ended = run(tmp_path, shop, streams="orders", environment={"PYTHONTZPATH": ""})
    assert ended.code == 0, ended.log
    assert ended.counts["orders"] == 40
