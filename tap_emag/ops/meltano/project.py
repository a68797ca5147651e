"""Finds a Meltano project's database, its folder of running plugins, and its logs of runs.

Meltano passes them to a plugin that it invokes. Outside of Meltano, its defaults apply.
"""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs

from tap_emag.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.engine import URL

    from tap_emag.ops.meltano.database import Run

POSTGRES: Final = frozenset({"postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"})
URI: Final = "MELTANO_DATABASE_URI"


@dataclass(frozen=True)
class Place:
    """A Meltano project on this host, and the database of its runs.

    `uri` is the database's address as Meltano got it, which its processes' environments contain.
    """

    root: Path
    system: Path
    logs: tuple[Path, ...]
    uri: str
    url: URL

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Place:
        """Read the variables that Meltano has set.

        Raises:
            ConfigurationError: There is no project, or the database is of another kind.
        """
        root = root_of(environment)
        system = Path(environment.get("MELTANO_SYS_DIR_ROOT") or root / ".meltano")
        uri = environment.get(URI) or f"sqlite:///{system / 'meltano.db'}"
        # Meltano 4 keeps its logs in the user's own folder, earlier ones kept them in the project.
        logs = (platformdirs.user_log_path("meltano") / "elt", system / "logs" / "elt")
        return cls(root, system, logs, uri, _url(uri))

    def log_of(self, run: Run) -> Path | None:
        """Return the file that Meltano writes the run's log to, if it is on this host."""
        name = folder_name(run.state_id)
        files = (folder / name / run.run_id / "elt.log" for folder in self.logs)
        return next((file for file in files if file.is_file()), None)


def folder_name(state_id: str) -> str:
    """Return the name that Meltano gives a folder for a state id."""
    plain = unicodedata.normalize("NFKD", state_id).encode("ascii", "ignore").decode()
    words = plain.replace("/", " ").split()
    return re.sub(r"[^A-Za-z0-9_.-]", "", "_".join(words)).strip("._")


def root_of(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the project's folder.

    Raises:
        ConfigurationError: There is no project.
    """
    given = environment.get("MELTANO_PROJECT_ROOT")
    if given:
        return Path(given)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "meltano.yml").is_file():
            return folder
    problem = (
        f"MELTANO_PROJECT_ROOT: is missing, and there is no meltano.yml in {here}; run this as"
        " `meltano invoke emag-ops …`, in the project's folder"
    )
    raise ConfigurationError([problem])


def _url(uri: str) -> URL:
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - a large import
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    try:
        url = make_url(uri)
    except ArgumentError:
        url = None
    if url is not None and url.drivername in POSTGRES:
        return url.set(drivername="postgresql+psycopg")
    if url is not None and url.drivername in {"sqlite", "sqlite+pysqlite"} and url.database:
        return url
    # The address may contain a password, so the message does not repeat it.
    problem = (
        f"{URI}: is not the address of a SQLite or Postgres database; write one such as"
        " sqlite:////folder/meltano.db or postgresql+psycopg://user:password@host/database"
    )
    raise ConfigurationError([problem])
