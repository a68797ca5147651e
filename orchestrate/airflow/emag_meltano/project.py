"""The Meltano project that Airflow runs, and how its command is called."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = "MELTANO_PROJECT_ROOT"
COMMAND = "MELTANO"
ENVIRONMENT = "MELTANO_ENVIRONMENT"
USUAL_ENVIRONMENT = (
    (".env", rf"^(?:export +)?{ENVIRONMENT} *= *['\"]?([\w-]+)"),
    ("meltano.yml", r"^default_environment: *['\"]?([\w-]+)"),
)
CHECKOUT = Path(__file__).resolve().parents[3]
ANSWER_SECONDS = 60.0
TAIL_LINES = 5
# Airflow's own interpreter and secrets are no business of Meltano's. With the last one set, as
# images of containers like to, every start of Meltano would compile all its modules again.
LEFT_OUT = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
LEFT_OUT_PREFIXES = ("AIRFLOW__", "_AIRFLOW")


class MeltanoError(Exception):
    """Meltano is not there, or does not answer; the message says what to do."""


@dataclass(frozen=True)
class Project:
    """A Meltano project: its folder, the command, and the environment, such as `prod`."""

    root: Path
    command: str
    environment: str = ""

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Project:
        """Find the project by the variables `MELTANO_PROJECT_ROOT`, `MELTANO` and so on.

        Raises:
            MeltanoError: There is no project, or no command `meltano`.
        """
        root = Path(variables.get(ROOT) or CHECKOUT)
        if not (root / "meltano.yml").is_file():
            raise MeltanoError(f"there is no meltano.yml in {root}; set {ROOT} to its folder")
        environment = variables.get(ENVIRONMENT) or _usual_environment(root)
        return cls(root, _command(root, variables), environment)

    def variables(self, more: Mapping[str, str]) -> dict[str, str]:
        """Return what a call of Meltano finds in its environment, `more` added."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in LEFT_OUT and not name.startswith(LEFT_OUT_PREFIXES)
        }
        named = {ENVIRONMENT: self.environment} if self.environment else {}
        # One JSON object a line, so that nobody has to guess which plugin said what.
        return {**kept, **named, "MELTANO_CLI_LOG_FORMAT": "json", **more}

    def ask(self, *arguments: str) -> str:
        """Return what a short command of Meltano prints.

        Raises:
            MeltanoError: It failed, or took longer than `ANSWER_SECONDS`.
        """
        asked = f"`{self.command} {' '.join(arguments)}` in {self.root}"
        try:
            done = subprocess.run(  # noqa: S603 - our own command, no shell
                [self.command, *arguments],
                cwd=self.root,
                env=self.variables({"MELTANO_CLI_LOG_FORMAT": "plain"}),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=ANSWER_SECONDS,
                check=False,
            )
        except OSError as error:
            raise MeltanoError(f"{asked} cannot be started: {error.strerror}") from None
        except subprocess.TimeoutExpired:
            raise MeltanoError(f"{asked} gave no answer within {ANSWER_SECONDS:.0f} s") from None
        if done.returncode:
            tail = "\n".join(done.stderr.strip().splitlines()[-TAIL_LINES:])
            raise MeltanoError(f"{asked} ended with code {done.returncode}:\n{tail}")
        return done.stdout


def _usual_environment(root: Path) -> str:
    """Return the environment that `meltano run` takes when nothing in the shell names one.

    `meltano schedule` and `meltano compile` would do without, so it has to be named.
    """
    for name, pattern in USUAL_ENVIRONMENT:
        path = root / name
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        found = re.search(pattern, text, re.MULTILINE)
        if found:
            return found[1]
    return ""


def _command(root: Path, variables: Mapping[str, str]) -> str:
    """Return the path of `meltano`: the one that is named, the project's own, or any."""
    beside = root / ".venv" / "bin" / "meltano"
    wanted = variables.get(COMMAND) or (str(beside) if beside.is_file() else "meltano")
    found = shutil.which(wanted)
    if not found:
        raise MeltanoError(
            f"there is no command {wanted!r}; run `make setup` in the checkout, or set {COMMAND} to"
            " the path of meltano"
        )
    return found
