"""Foreign programs for tests, each in an environment that is made once, as a page shows."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.orchestrate.page import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[3]
FOLDER = CHECKOUT / ".environments"
PLACES = {"airflow": ".airflow", "dagster": ".dagster/venv"}  # where the pages put them


def environment(name: str, page: str = "", place: str = "") -> Path:
    """Return a virtual environment made as a page shows; make it if need be.

    It stays for the next session. Another content of the lock, another Python, and other commands
    on the page make another one.

    Args:
        name: Of the environment, and of its lock if it has one.
        page: By default `<name>.md`.
        place: Where the page puts it.
    """
    lock = CHECKOUT / "requirements" / f"{name}.lock"
    place = place or PLACES[name]
    begin = f".venv/bin/uv venv --python .venv/bin/python {place}\n"
    shown = [each for each in commands(page or f"{name}.md", begin) if "bin/uv " in each]
    folder = FOLDER / f"{name}-{_digest(lock, shown)}"
    with _one_at_a_time(name):
        # The marker is written last: what was interrupted half-way is made anew.
        ready = folder / ".ready"
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            for command in shown:
                _run(command.replace(".venv/", f"{sys.prefix}/").replace(place, str(folder)))
            ready.touch()
    return folder


def clean_environ(folder: Path) -> dict[str, str]:
    """Return this process' environment variables as a shell would have them in that environment.

    Byte code is kept, or each start would compile thousands of modules again.
    """
    foreign = ("TAP_EMAG_", "TARGET_POSTGRES_", "MELTANO_", "VIRTUAL_ENV", "PYTHONPATH")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(foreign)}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, "PATH": f"{folder / 'bin'}{os.pathsep}{kept.get('PATH', os.defpath)}"}


def _digest(lock: Path, shown: list[str]) -> str:
    locked = lock.read_bytes() if lock.exists() else b""
    content = locked + sys.version.encode() + "\n".join(shown).encode()
    return hashlib.sha256(content).hexdigest()[:12]


@contextmanager
def _one_at_a_time(name: str) -> Iterator[None]:
    """Let other test processes wait until this one has made the environment."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(command: str) -> None:
    # uv trusts the system's certificates only if this is set, as the Makefile does.
    environ = {"UV_SYSTEM_CERTS": "1", **os.environ}
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=CHECKOUT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
