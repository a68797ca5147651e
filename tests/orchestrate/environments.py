"""Schedulers for tests, each in an environment of its own that is made from its lock file once."""

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

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = CHECKOUT / ".environments"
UV = Path(sys.executable).with_name("uv")


def environment(name: str) -> Path:
    """Return a virtual environment with what `requirements/<name>.lock` names; make it if need be.

    It stays for the next session. Another content of the lock, or another Python, is another one.
    """
    lock = CHECKOUT / "requirements" / f"{name}.lock"
    folder = FOLDER / f"{name}-{_digest(lock)}"
    with _one_at_a_time(name):
        # The marker is written last: what was interrupted half-way is made anew.
        ready = folder / ".ready"
        if not ready.exists():
            _make(folder, lock)
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


def _digest(lock: Path) -> str:
    content = lock.read_bytes() + sys.version.encode()
    return hashlib.sha256(content).hexdigest()[:12]


@contextmanager
def _one_at_a_time(name: str) -> Iterator[None]:
    """Let other test processes wait until this one has made the environment."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(folder: Path, lock: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _uv("venv", "--python", sys.executable, str(folder))
    python = str(folder / "bin" / "python")
    _uv("pip", "sync", "--python", python, "--require-hashes", str(lock))


def _uv(*arguments: str) -> None:
    # uv trusts the system's certificates only when it is told to, as the Makefile does.
    environ = {"UV_SYSTEM_CERTS": "1", **os.environ}
    done = subprocess.run(
        [UV, "--quiet", *arguments], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"uv {' '.join(arguments)}: {done.stderr}"
