"""The steps of the Containerfile, run without a container: what they build loads a shop.

It takes minutes and downloads every package anew, so it runs only with TAP_EMAG_LONG=1.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.e2e.deploy.project import ROOT
from tests.e2e.deploy.test_examples import CONTAINERFILE

if TYPE_CHECKING:
    from pathlib import Path

    from emag_sandbox.postgres.server import Postgres

pytestmark = [
    pytest.mark.meltano,
    pytest.mark.long,
    pytest.mark.skipif(not os.environ.get("TAP_EMAG_LONG"), reason="only with TAP_EMAG_LONG=1"),
]
STAGE = re.compile(r"(?ms)^FROM (?P<image>\S+)(?: AS (?P<name>\w+))?$(?P<steps>.*?)(?=^FROM |\Z)")


def steps(stage: str | None) -> list[tuple[str, str]]:
    """Return the instructions of a stage, each with its words."""
    [found] = [each for each in STAGE.finditer(CONTAINERFILE) if each["name"] == stage]
    lines = [line for line in found["steps"].splitlines() if line and not line.startswith("#")]
    return [(name, words) for name, _, words in (line.partition(" ") for line in lines)]


def variables(words: str, folder: Path) -> dict[str, str]:
    """Return what ENV sets, for a project in another folder."""
    pairs = (each.partition("=") for each in shlex.split(words.replace("/project", str(folder))))
    return {name: value for name, _, value in pairs}


def test_what_its_steps_build_loads_a_shop(tmp_path: Path, database: Postgres) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").symlink_to(sys.executable)
    path = f"{tmp_path / 'bin'}:/usr/local/bin:/usr/bin:/bin"
    environment = {"PATH": path, "HOME": str(tmp_path / "home")}
    network = ("PIP_", "UV_", "SSL_")  # how this machine reaches a package index
    environment |= {name: text for name, text in os.environ.items() if name.startswith(network)}

    done = 0
    for name, words in steps("build"):
        if name == "ENV":
            environment |= variables(words, folder)
        elif name == "COPY":
            *sources, target = words.split()
            for source in sources:
                copy(source, folder / target)
        elif name == "RUN":
            run(words.replace("/project", str(folder)), folder, environment)
            done += 1
        else:
            assert (name, words) == ("WORKDIR", "/project")
    assert done == 3

    [given] = [words for name, words in steps(None) if name == "ENV"]
    runtime = variables(given, folder) | {"HOME": str(tmp_path / "home")}
    runtime["PATH"] = f"{folder / '.venv/bin'}:{path}"
    (folder / ".meltano/run").mkdir(mode=0o700)
    runtime["TAP_EMAG_STATE_DIR"] = str(tmp_path / "state")
    runtime["MELTANO_DATABASE_URI"] = f"sqlite:///{tmp_path / 'meltano.db'}"
    secret = tmp_path / "emag_password"
    secret.write_text("demo\n")
    with Sandbox(SandboxConfig(orders=10, offers=2, history_days=3, limits=False)) as shop:
        runtime |= {**database.environment(), "TAP_EMAG_API_URL": shop.url}
        runtime |= {"TAP_EMAG_USERNAME": "demo", "TAP_EMAG_PASSWORD_FILE": str(secret)}
        entry = "sh deploy/container/entrypoint.sh"
        run(f"{entry} meltano run orders", folder, runtime)
        orders = len(shop.world.order_keys())
    with database.connect() as connection:
        assert connection.execute("SELECT count(*) FROM emag.orders").fetchall() == [(orders,)]
    run(f"{entry} python -c 'import deploy.scheduler'", folder, runtime)


def copy(source: str, target: Path) -> None:
    """Copy a file, or the content of a folder, as COPY does."""
    found = ROOT / source
    if found.is_dir():
        ignored = shutil.ignore_patterns("__pycache__", "secrets")
        shutil.copytree(found, target, dirs_exist_ok=True, ignore=ignored)
    else:
        shutil.copy(found, target)


def run(command: str, folder: Path, environment: dict[str, str]) -> None:
    """Run a command in a folder, with nothing of this environment."""
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
