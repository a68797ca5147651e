"""Dagster in an environment and a home of its own, which runs one test's Meltano project."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_emag.sandbox.demo.pipeline import _meltano
from tests.orchestrate.environments import CHECKOUT, environment

if TYPE_CHECKING:
    from tests.meltano_project import MeltanoProject

MODULE = ("-m", "orchestrate.dagster.definitions")
LOOK = Path(__file__).with_name("dagster_look.py")


@dataclass(frozen=True)
class Finished:
    """How a command of Dagster ended."""

    code: int
    output: str


class Dagster:
    """Runs commands of Dagster."""

    def __init__(self, project: MeltanoProject, home: Path) -> None:
        self.project = project
        self._home = home
        home.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / "orchestrate" / "dagster" / "dagster.yaml", home)

    @cached_property
    def environ(self) -> dict[str, str]:
        folder = environment("dagster")
        known = self.project.pipeline.environment
        return {
            **known,
            "PATH": f"{folder / 'bin'}:{known['PATH']}",
            "PYTHONPATH": str(CHECKOUT),
            "DAGSTER_HOME": str(self._home),
            "MELTANO": _meltano(),
            "MELTANO_PROJECT_ROOT": str(self.project.pipeline.folder),
            "EMAG_RETRY_SECONDS": "1",
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command; whoever called waits for it."""
        python = environment("dagster") / "bin" / "python"
        return subprocess.Popen(
            [python, *arguments],
            # Not the checkout: Dagster, too, would read the `.env` of whoever runs the tests.
            cwd=self._home,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start_job(self, job: str) -> subprocess.Popen[str]:
        """Start a job, as `dagster job execute` does."""
        return self.start("-m", "dagster", "job", "execute", *MODULE, "--job", job)

    def execute(self, job: str) -> Finished:
        """Run a job to its end."""
        return _finish(self.start_job(job))

    def materialize(self, *assets: str) -> Finished:
        """Make assets anew, such as `main/orders`."""
        chosen = ("--select", ",".join(assets))
        return _finish(self.start("-m", "dagster", "asset", "materialize", *MODULE, *chosen))

    def look(self, question: str) -> Any:  # noqa: ANN401 - JSON
        """Ask Dagster; see `dagster_look.py`."""
        process = self.start(str(LOOK), question)
        stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr
        return json.loads(stdout)


def _finish(process: subprocess.Popen[str]) -> Finished:
    stdout, stderr = process.communicate(timeout=300)
    return Finished(process.returncode, f"{stdout}\n{stderr}")
