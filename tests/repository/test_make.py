"""What the pages show of `make` is run: the environment is made, the sandbox serves."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import requests

from tests.e2e.monitoring.servers import free_port
from tests.repository.test_docs import PAGES, ROOT, _blocks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.repository.test_docs import Block

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
COPIED = (
    *("Makefile", "pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".env.example"),
    "requirements",
)
PACKAGES = ("tap_emag", "emag_sandbox")
SETUP = [each for each in _blocks("bash") if each.text.startswith("make setup")]
SANDBOX = [each for each in _blocks("bash") if each.text.startswith("make sandbox")]


def test_make_setup_makes_an_environment_in_which_meltano_and_the_tap_start(tmp_path: Path) -> None:
    assert [each.page for each in SETUP] == ["README.md", "get-started.md"]
    [shown] = {each.text for each in SETUP}
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    for name in PACKAGES:
        (tmp_path / name).symlink_to(ROOT / name)
    environ = {name: text for name, text in os.environ.items() if name != "VIRTUAL_ENV"}
    environ["PYTHON"] = sys.executable
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", shown],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("Ready. Next: make demo (no account needed); or")
    assert "### 3. Write the settings" in (ROOT / "docs/get-started.md").read_text("utf-8")
    for command in ("meltano", "tap-emag", "emag-sandbox", "emag-ops"):
        assert os.access(tmp_path / ".venv/bin" / command, os.X_OK), command
    version = subprocess.run(
        [tmp_path / ".venv/bin/tap-emag", "--version"], capture_output=True, text=True, check=True
    )
    assert version.stdout.startswith("tap-emag")
    for name, mode in ((".env", 0o600), (".meltano/run", 0o700)):
        assert (tmp_path / name).stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("block", SANDBOX, ids=str)
def test_make_sandbox_serves_until_ctrl_c(block: Block) -> None:
    port = str(free_port())
    # The environment that the tests run in stays as it is, were it out of date.
    shown = block.text.replace("make", "make -o .venv/.ready", 1)
    command = subprocess.Popen(
        ["/bin/sh", "-c", f"exec {shown.replace('8090', port)}"],
        cwd=ROOT,
        env={**os.environ} | {"ARGS": f"--port {port}"},  # for the block that names no port
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert command.stdout is not None
        announced = command.stdout.readline()
        reply = requests.post(
            f"http://127.0.0.1:{port}/api-3/vat/read", auth=("demo", "demo"), timeout=60
        )
    finally:
        os.killpg(command.pid, signal.SIGINT)
        command.communicate(timeout=60)
    assert reply.json()["isError"] is False
    orders = re.search(r"--orders (\d+)", shown)
    if orders:
        assert f": {orders[1]} orders" in announced
    else:
        output = next(each.text for each in _blocks("") if each.page == "sandbox.md")
        assert announced.replace(port, "8080") == output


def test_make_alone_lists_its_commands() -> None:
    shown = re.compile(r"(?m)(?:^|`)make (\w[\w-]*)")
    [contributing] = [
        b for b in _blocks("bash") if b.page == "CONTRIBUTING.md" and "make " in b.text
    ]
    assert "\nmake  " in contributing.text
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    named = set(re.findall(r"(?m)^ +make ([\w-]+)", listed))
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert {"demo", "test", "setup"} <= set(shown.findall(pages)) <= named
