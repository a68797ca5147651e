"""Prometheus and what belongs to it, for tests: those of this machine, or else Debian's packages.

Nothing is installed: packages are unpacked into a folder of the checkout that git ignores, once.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.orchestrate.environments import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = ("prometheus", "prometheus-pushgateway", "prometheus-node-exporter")
# What Debian and what everybody else calls them.
NAMES = {
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    "pushgateway": ("prometheus-pushgateway", "pushgateway"),
    "node_exporter": ("prometheus-node-exporter", "node_exporter"),
}
WITHOUT = "WITHOUT_PROMETHEUS"  # set it to 1 where a build server cannot have them


def program(name: str) -> str:
    """Return the path of a program; skip the test where it cannot be had.

    A build server (CI is set) must not leave tests out unnoticed: there it is an error, unless the
    variable in `WITHOUT` is set.
    """
    found = _installed(name, os.environ.get("PATH", os.defpath))
    if found:
        return found
    try:
        folder = _unpacked()
    except _CannotBeHadError as error:
        reason = f"{name} is not installed, and {error}"
        if os.environ.get("CI") and not os.environ.get(WITHOUT):
            pytest.fail(f"{reason}; install Prometheus, or set {WITHOUT}=1", pytrace=False)
        pytest.skip(reason)
    found = _installed(name, str(folder / "usr" / "bin"))
    assert found, f"Debian's packages have no {name}"
    return found


class _CannotBeHadError(Exception):
    """The packages cannot be had; the text says why."""


def _installed(name: str, path: str) -> str | None:
    found = (shutil.which(each, path=path) for each in NAMES[name])
    return next(filter(None, found), None)


def _unpacked() -> Path:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise _CannotBeHadError("there is no apt-get to fetch it with")
    folder = FOLDER / f"prometheus-{_release()}"
    with _one_at_a_time():
        # The marker is written last: what was interrupted half-way is made anew.
        if not (folder / ".ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _fetch(folder)
            for package in folder.glob("*.deb"):
                subprocess.run(["dpkg", "--extract", package, folder], check=True)
                package.unlink()
            (folder / ".ready").touch()
    return folder


def _fetch(folder: Path) -> None:
    """Download the packages, by lists of our own where the system has none; needs no root."""
    if not _apt(folder, "download", *PACKAGES):
        return
    lists, cache = folder / "lists", folder / "cache"
    for each in (lists / "partial", cache / "archives" / "partial"):
        each.mkdir(parents=True)
    own = ["-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={cache}"]
    problem = _apt(folder, *own, "update") or _apt(folder, *own, "download", *PACKAGES)
    if problem:
        raise _CannotBeHadError(f"apt-get could not download it: {problem}")


def _apt(folder: Path, *arguments: str) -> str:
    """Run apt-get, and return what it complains of, or nothing."""
    command = ["apt-get", "-q", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr.strip() or "it failed"


def _release() -> str:
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    told = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return "-".join(told.get(key, "").strip('"') for key in ("ID", "VERSION_ID")).strip("-")


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let other test processes wait until this one has the programs."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "prometheus.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
