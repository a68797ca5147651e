"""Checks this machine and the settings, without a request."""

from __future__ import annotations

import os
import platform
import shutil
import stat
from importlib.metadata import PackageNotFoundError, distributions, version
from typing import TYPE_CHECKING, Any, Final

from tap_emag.errors import ConfigurationError
from tap_emag.ops.doctor.report import explained
from tap_emag.ops.doctor.samples import some
from tap_emag.settings.kinds import is_quoted
from tap_emag.settings.settings import SETTINGS, Checked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from tap_emag.ops.doctor.report import Report
    from tap_emag.state.store import StateStore

PACKAGES: Final = ("tap-emag", "singer-sdk", "requests", "sqlalchemy", "psycopg")
MEGABYTE: Final = 1_000_000
LITTLE: Final = 1000  # MB free on a disk
TOO_LITTLE: Final = 100
OTHERS: Final = 0o077  # rights of the group and of all users
PROXIES: Final = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


def check_versions(report: Report, root: Path | None, meltano: str | None) -> None:
    """Report what is installed; `root` is the Meltano project."""
    found = [f"{name} {number}" for name in PACKAGES if (number := _version(name))]
    if meltano:
        found.append(f"Meltano {meltano}")
    loader = _loader(root) if root else None
    if loader:
        found.append(loader)
    system = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    report.ok("versions", f"{', '.join(found)}; {system}")


def check_settings(
    report: Report, config: Mapping[str, Any], checked: Checked, now: datetime
) -> bool:
    """Report each setting that is invalid; return whether all are valid."""
    for name, problem in checked.problems.items():
        text, _, remedy = problem.partition("; ")
        report.fault(f"setting {name}", text, remedy)
    for each in SETTINGS:
        if each.kind.verbatim and is_quoted(config.get(each.name)):
            report.warn(
                f"setting {each.name}",
                "the quotation marks round it count as part of it",
                "write it without them, unless they belong to it",
            )
    if checked.problems:
        return False
    usual = Checked.of({}, now).usable
    changed = [
        each.name
        for each in SETTINGS
        if config.get(each.name) not in (None, "")
        and not each.required
        and getattr(checked.usable, each.name) != getattr(usual, each.name)
    ]
    report.ok("settings", f"all valid; set: {some(changed)}" if changed else "all valid")
    if any(os.environ.get(name) for name in PROXIES):
        report.ok("proxy", "the environment names one; requests pass it")
    return True


def check_state_folder(report: Report, state: StateStore) -> bool:
    """Prepare the state folder as a run does; return whether it can be used."""
    try:
        state.prepare()
    except ConfigurationError as error:
        report.fault("state_dir", *explained(error))
        return False
    mode = stat.S_IMODE(state.folder.stat().st_mode)
    if mode & OTHERS:
        report.warn(
            "state_dir",
            f"usable, but its rights are {mode:04o}: others can look into it",
            "chmod 0700 state_dir",
        )
    else:
        report.ok("state_dir", f"usable, and only by this user ({mode:04o})")
    return True


def check_disks(report: Report, folders: Mapping[str, Path]) -> None:
    """Report the space that is free where the named folders are, each disk once."""
    seen = set()
    for name, folder in folders.items():
        place = next((each for each in (folder, *folder.parents) if each.exists()), None)
        if place is None or place.stat().st_dev in seen:
            continue
        seen.add(place.stat().st_dev)
        free = shutil.disk_usage(place).free // MEGABYTE
        text = f"{free:,} MB free"
        if free < TOO_LITTLE:
            report.fault(f"disk of {name}", text, "free some space: a run needs it for its state")
        elif free < LITTLE:
            report.warn(f"disk of {name}", text, "free some space")
        else:
            report.ok(f"disk of {name}", text)


def check_secret_files(report: Report, root: Path, system: Path) -> None:
    """Check that only this user can read the files that contain passwords."""
    for name, path, mode in ((".env", root / ".env", "0600"), ("run", system / "run", "0700")):
        shown = ".env" if name == ".env" else "folder of running plugins"
        try:
            rights = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            report.ok(shown, "not there")
            continue
        if rights & OTHERS and not _is_shut(path, system, root):
            where = ".env" if name == ".env" else ".meltano/run"
            report.warn(
                shown,
                f"its rights are {rights:04o}: other users can read passwords in it",
                f"chmod {mode} {where}",
            )
        else:
            report.ok(shown, f"only this user can read it ({rights:04o})")


def _is_shut(path: Path, system: Path, root: Path) -> bool:
    """Return whether a folder above, within the project, keeps other users out."""
    above = [each for each in path.parents if each in (system, root)]
    return any(not stat.S_IMODE(each.stat().st_mode) & 0o011 for each in above)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _loader(root: Path) -> str | None:
    """Return the Postgres loader that Meltano has installed, with its version."""
    places = root.glob(".meltano/loaders/*/venv/lib/python*/site-packages")
    for place in places:
        for each in distributions(path=[str(place)]):
            name = each.metadata["Name"]
            if name and "target-postgres" in name:
                return f"{name} {each.version}"
    return None
