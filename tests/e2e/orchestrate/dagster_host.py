"""Dagster as `docs/dagster.md` sets it up, which runs one test's Meltano project."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emag_sandbox.demo.pipeline import meltano_command
from tests.e2e.orchestrate.environments import clean_environ, environment
from tests.e2e.orchestrate.page import CHECKOUT, commands, exported, lay
from tests.support.forked import forked

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tests.support.forked import Forked
    from tests.support.meltano_project import MeltanoProject

PAGE = "dagster.md"
LOAD = ".dagster/venv/bin/dagster job execute -m orchestrate.dagster.definitions --job orders"
FOLDER = Path(__file__).parent  # of `dagster_look`


@dataclass(frozen=True)
class Finished:
    """How a command of Dagster ended."""

    code: int
    output: str


class Dagster:
    """Runs commands of Dagster, where the page shows one, the page's."""

    def __init__(self, project: MeltanoProject, folder: Path, look: Forked) -> None:
        """Lay a checkout, and make a home in it as the page shows."""
        self.project = project
        self._look = look
        self.checkout = lay(folder, {".dagster/venv": environment("dagster")})
        for command in commands(PAGE, ".venv/bin/uv venv"):
            if "bin/uv " not in command:
                subprocess.run(["/bin/sh", "-c", command], cwd=self.checkout, check=True)

    @cached_property
    def environ(self) -> dict[str, str]:
        [export, _] = commands(PAGE, "export DAGSTER_HOME")
        return {
            **exported(export, self.checkout, self.project.pipeline.environment),
            "MELTANO": meltano_command(),
            "MELTANO_PROJECT_ROOT": str(self.project.pipeline.folder),
            "EMAG_RETRY_SECONDS": "1",
        }

    def start(self, command: str, *, own_session: bool = False) -> subprocess.Popen[str]:
        """Start a command in the checkout; the caller waits for it."""
        return subprocess.Popen(
            shlex.split(command),
            # Not the real checkout: Dagster, too, would read the `.env` of its user.
            cwd=self.checkout,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=own_session,
        )

    def paste(self, command: str) -> Finished:
        """Run a command of the page to its end."""
        return _finish(self.start(command))

    def start_job(self, job: str) -> subprocess.Popen[str]:
        """Start a job as the page shows it for `orders`."""
        [shown, _] = commands(PAGE, LOAD)
        return self.start(shown.replace("--job orders", f"--job {job}"))

    def execute(self, job: str) -> Finished:
        """Run a job to its end."""
        return _finish(self.start_job(job))

    def look(self, question: str) -> Any:  # noqa: ANN401 - JSON
        """Ask Dagster; see `dagster_look.py`."""
        answer, log = self.checkout / f"{question}.json", self.checkout / f"{question}.log"
        answer.unlink(missing_ok=True)
        command = ["dagster_look.py", question]
        code = self._look.run(command, self.checkout, self.environ, stdout=answer, stderr=log)
        assert code == 0, log.read_text(encoding="utf-8")
        return json.loads(answer.read_text(encoding="utf-8"))


def looking() -> AbstractContextManager[Forked]:
    """Import Dagster, which takes seconds, for all looks at once."""
    made = environment("dagster")
    variables = {**clean_environ(made / "bin"), "PYTHONPATH": str(CHECKOUT)}
    python = made / "bin" / "python"
    return forked("dagster_look", FOLDER, python=python, environment=variables)


def _finish(process: subprocess.Popen[str]) -> Finished:
    stdout, stderr = process.communicate(timeout=900)
    return Finished(process.returncode, f"{stdout}\n{stderr}")
