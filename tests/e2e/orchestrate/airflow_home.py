"""Runs the real Airflow as `docs/airflow.md` sets it up, with the DAGs of this checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from tests.e2e.orchestrate.environments import clean_environ, environment
from tests.e2e.orchestrate.page import block, exported, lay
from tests.support.forked import forked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAGE = "airflow.md"
FOLDER = Path(__file__).parent  # of `airflow_shape`


class Done(NamedTuple):
    """How a command ended, and all it had to say."""

    code: int
    output: str


class AirflowHome:
    """A home with an empty database, and Airflow's commands."""

    def __init__(self, folder: Path, project: Path) -> None:
        """Lay a checkout, and export what the page says that every shell has to."""
        self._environment = made = environment("airflow")
        self.checkout = lay(folder, {".airflow/bin": made / "bin"})
        clean = {
            name: value
            for name, value in clean_environ(made / "bin").items()
            if not name.startswith("AIRFLOW")
        }
        given = {
            # Meltano is asked on a machine that is busy with other tests.
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",
            "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "600",
            "MELTANO": str(Path(sys.executable).with_name("meltano")),
            "MELTANO_ENVIRONMENT": "dev",
            "MELTANO_PROJECT_ROOT": str(project),
            "NO_COLOR": "1",
        }
        shown = block(PAGE, ". .airflow/bin/activate")
        self.variables = exported(shown, self.checkout, clean | given)
        self.folder = Path(self.variables["AIRFLOW_HOME"])

    def export(self, text: str) -> None:
        """Add what a shell has after these commands of the page."""
        self.variables = exported(text, self.checkout, self.variables)

    def paste(self, text: str, variables: Mapping[str, str] | None = None) -> Done:
        """Run commands of the page in the checkout, to their end."""
        return self._finish(["/bin/sh", "-e", "-c", text], variables or {})

    def run(self, *arguments: str, variables: Mapping[str, str] | None = None) -> Done:
        """Run `airflow` with these arguments to its end."""
        return self._finish(["airflow", *arguments], variables or {})

    def test_task(self, dag: str, task: str, variables: Mapping[str, str]) -> Done:
        """Run one try of a task, in an Airflow that is imported already."""
        with TemporaryDirectory() as folder:
            log = Path(folder) / "log"
            command = ["airflow", "tasks", "test", dag, task]
            code = self._shapes.run(
                command, self.checkout, {**self.variables, **variables}, stdout=log
            )
            return Done(code, log.read_text(encoding="utf-8"))

    def start(
        self,
        *arguments: str,
        variables: Mapping[str, str] | None = None,
        output: IO[bytes] | int = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        """Start a command, and return at once; whatever it starts is in a session of its own."""
        return subprocess.Popen(
            arguments,
            cwd=self.checkout,
            env={**self.variables, **(variables or {})},
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @contextmanager
    def opened(self) -> Iterator[AirflowHome]:
        """Have Airflow's Python import Airflow, which takes it seconds, for all shapes at once."""
        python = self._environment / "bin" / "python"
        with forked("airflow_shape", FOLDER, python=python, environment=self.variables) as shapes:
            self._shapes = shapes
            yield self

    def shape(self, **variables: str) -> dict[str, Any]:
        """Return the DAGs and what kept them from being read."""
        with TemporaryDirectory() as folder:
            shown, log = Path(folder) / "shape", Path(folder) / "log"
            environment = {**self.variables, **variables}
            command = ["airflow_shape.py"]
            code = self._shapes.run(command, self.checkout, environment, stdout=shown, stderr=log)
            assert code == 0, log.read_text(encoding="utf-8")
            last = shown.read_text(encoding="utf-8").strip().splitlines()[-1]
        found: dict[str, Any] = json.loads(last)
        return found

    def fresh_shape(self) -> dict[str, Any]:
        """Return the same by an Airflow that is imported for it, with the present `config`."""
        done = self._finish(["python", str(FOLDER / "airflow_shape.py")], {})
        assert done.code == 0, done.output
        found: dict[str, Any] = json.loads(done.output.strip().splitlines()[-1])
        return found

    def _finish(self, command: list[str], variables: Mapping[str, str]) -> Done:
        done = subprocess.run(
            command,
            env={**self.variables, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd=self.checkout,
        )
        return Done(done.returncode, done.stdout)


def for_airflow(variables: Mapping[str, str]) -> dict[str, str]:
    """Return those of a pipeline's variables that differ from this process' own."""
    return {name: value for name, value in variables.items() if os.environ.get(name) != value}
