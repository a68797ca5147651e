"""Runs the processes of Postgres as another user where we are root, which it refuses."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Unprivileged:
    """The account of child processes; None means our own."""

    uid: int | None = None
    gid: int | None = None

    @classmethod
    def choose(cls) -> Unprivileged:
        """Return our own account, or as root an existing one: `postgres` or `nobody`."""
        if os.geteuid() != 0:
            return cls()
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_uid, entry.pw_gid)
        raise RuntimeError(
            "PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it"
            " as: add one (useradd postgres), or set DATABASE_URL to use a server of your own"
        )

    def subprocess_options(self) -> dict[str, Any]:
        """Return what `subprocess` needs to start a child under this account."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give a file or folder to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def temporary_base(self) -> Path:
        """Return a folder for temporary things that this account can reach."""
        usual = Path(tempfile.gettempdir()).resolve()
        candidates = (usual, Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - mkdtemp within
        return next((path for path in candidates if self._reaches(path)), usual)

    def reachable(self, package: Path, folder: Path) -> Path:
        """Return `package`, or a copy of it within `folder` if this account cannot get at it.

        A checkout in root's home is the common case. Opening that home for everybody would help
        too, but it is not ours to open.
        """
        if self._reaches(package):
            return package
        copies = folder / "program"
        if not copies.exists():
            unfinished = folder / "program.new"
            shutil.rmtree(unfinished, ignore_errors=True)
            # A wheel keeps the libraries of its programs in a second folder next to the first.
            for tree in (package, package.with_name(f"{package.name}.libs")):
                if tree.exists():
                    shutil.copytree(tree, unfinished / tree.name, symlinks=True)
            for path in (unfinished, *unfinished.rglob("*")):
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode | _for_everybody(path))
            unfinished.rename(copies)
        return copies / package.name

    def _reaches(self, path: Path) -> bool:
        if self.uid is None:
            return True
        return all(
            folder.stat().st_mode & stat.S_IXOTH
            for folder in (path, *path.parents)
            if folder.exists()
        )


def _for_everybody(path: Path) -> int:
    """Return the rights that let others read a file, and enter or run where the owner can."""
    run = stat.S_IXGRP | stat.S_IXOTH if path.stat().st_mode & stat.S_IXUSR else 0
    return stat.S_IRGRP | stat.S_IROTH | run
