"""Runs the real Airflow on a home of its own, with the DAGs of this checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.orchestrate.environments import CHECKOUT, clean_environ, environment

if TYPE_CHECKING:
    from collections.abc import Mapping

DAGS = CHECKOUT / "orchestrate" / "airflow"
SHAPE = Path(__file__).with_name("airflow_shape.py")


class Done(NamedTuple):
    """How a command ended, and all it had to say."""

    code: int
    output: str


class AirflowHome:
    """A home with an empty database, and Airflow's commands."""

    def __init__(self, folder: Path, project: Path) -> None:
        self.folder = folder
        self._bin = environment("airflow") / "bin"
        clean = {
            name: value
            for name, value in clean_environ(self._bin.parent).items()
            if not name.startswith("AIRFLOW")
        }
        self._variables = {
            **clean,
            "AIRFLOW_HOME": str(folder),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            # Meltano is asked on a machine that is busy with other tests.
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "120",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "MELTANO": str(Path(sys.executable).with_name("meltano")),
            "MELTANO_ENVIRONMENT": "dev",
            "MELTANO_PROJECT_ROOT": str(project),
            "NO_COLOR": "1",
        }

    def run(self, *arguments: str, variables: Mapping[str, str] | None = None) -> Done:
        """Run `airflow` with these arguments to its end."""
        return self._finish([str(self._bin / "airflow"), *arguments], variables or {})

    def start(self, *arguments: str, variables: Mapping[str, str]) -> subprocess.Popen[str]:
        """Start `airflow`, and return at once."""
        return subprocess.Popen(
            [str(self._bin / "airflow"), *arguments],
            env={**self._variables, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def python(self, *arguments: str, variables: Mapping[str, str] | None = None) -> Done:
        """Run Airflow's Python."""
        return self._finish([str(self._bin / "python"), *arguments], variables or {})

    def shape(self, **variables: str) -> dict[str, Any]:
        """Return the DAGs and what kept them from being read."""
        done = self.python(str(SHAPE), variables=variables)
        assert done.code == 0, done.output
        found: dict[str, Any] = json.loads(done.output.strip().splitlines()[-1])
        return found

    def _finish(self, command: list[str], variables: Mapping[str, str]) -> Done:
        done = subprocess.run(
            command,
            env={**self._variables, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd=self.folder,
        )
        return Done(done.returncode, done.stdout)


def for_airflow(variables: Mapping[str, str]) -> dict[str, str]:
    """Return those of a pipeline's variables that differ from this process' own."""
    return {name: value for name, value in variables.items() if os.environ.get(name) != value}
