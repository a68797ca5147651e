"""Finds the Meltano project that a scheduler runs, and calls its command."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = "MELTANO_PROJECT_ROOT"
COMMAND: Final = "MELTANO"
ENVIRONMENT: Final = "MELTANO_ENVIRONMENT"
LOG_CONFIG: Final = "MELTANO_CLI_LOG_CONFIG"
LOG_FORMAT: Final = "MELTANO_CLI_LOG_FORMAT"
USUAL_ENVIRONMENT: Final = (
    (".env", rf"^(?:export +)?{ENVIRONMENT} *= *['\"]?([\w-]+)"),
    ("meltano.yml", r"^default_environment: *['\"]?([\w-]+)"),
)
CHECKOUT: Final = Path(__file__).resolve().parents[2]
ANSWER_SECONDS: Final = 120.0  # a busy machine may need most of them
TAIL_LINES: Final = 5
# Meltano must not use the scheduler's own interpreter. With the last variable, which container
# images often set, every start of Meltano would compile all its modules again.
LEFT_OUT: Final = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
LEFT_OUT_PREFIXES: Final = ("AIRFLOW__", "_AIRFLOW")


class MeltanoError(Exception):
    """Meltano is missing or does not answer; the message names the next step."""


@dataclass(frozen=True)
class Project:
    """A Meltano project: its folder, the command, and the environment, such as `prod`."""

    root: Path
    command: str
    environment: str = ""

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = os.environ) -> Project:
        """Find the project by the variables `MELTANO_PROJECT_ROOT`, `MELTANO` and so on.

        Raises:
            MeltanoError: There is no project, or no command `meltano`.
        """
        root = Path(variables.get(ROOT) or CHECKOUT)
        _read(root)
        environment = variables.get(ENVIRONMENT) or _usual_environment(root)
        return cls(root, _command(root, variables), environment)

    def declared(self) -> bytes:
        """Return the content of `meltano.yml` and of files such as `accounts.meltano.yml`.

        Raises:
            MeltanoError: There is no `meltano.yml`.
        """
        included = sorted(self.root.glob("*.meltano.yml"))
        return b"".join([_read(self.root), *(each.read_bytes() for each in included)])

    def variables(self, more: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a call of Meltano, with `more` added."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in LEFT_OUT and not name.startswith(LEFT_OUT_PREFIXES)
        }
        named = {ENVIRONMENT: self.environment} if self.environment else {}
        return {
            # Meltano drops the levels of the tap's lines, unless they are JSON.
            "TAP_EMAG_LOG_FORMAT": "json",
            **kept,
            "NO_COLOR": "1",
            ROOT: str(self.root),
            **named,
            **more,
        }

    def run(self, run_id: str, *blocks: str) -> list[str]:
        """Return the command that runs some blocks or a job, and logs JSON with each line's source.

        It contains the run's id, a UUID, by which `emag-ops` finds its processes.
        """
        # The project's own file would take precedence over the format.
        options = ["--log-config=none", "--log-format=json"]
        return [self.command, *options, "run", f"--run-id={run_id}", *blocks]

    def ask(self, *arguments: str, within: float = ANSWER_SECONDS) -> str:
        """Return what a short command of Meltano prints.

        Raises:
            MeltanoError: It cannot be started, failed, or took longer than `within` seconds.
        """
        asked = f"`{self.command} {' '.join(arguments)}` in {self.root}"
        try:
            done = subprocess.run(  # noqa: S603 - our own command, no shell
                [self.command, *arguments],
                cwd=self.root,
                env=self.variables({LOG_CONFIG: "none", LOG_FORMAT: "plain"}),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=within,
                check=False,
            )
        except OSError as error:
            raise MeltanoError(f"{asked} cannot be started: {error.strerror}; {_hint()}") from None
        except subprocess.TimeoutExpired:
            raise MeltanoError(f"{asked} gave no answer within {within:g} s") from None
        if done.returncode:
            tail = "\n".join(done.stderr.strip().splitlines()[-TAIL_LINES:])
            raise MeltanoError(f"{asked} ended with code {done.returncode}:\n{tail}")
        return done.stdout

    def ask_json(self, *arguments: str, within: float = ANSWER_SECONDS) -> Any:  # noqa: ANN401
        """Likewise, for a command that prints JSON.

        Raises:
            MeltanoError: As above, or it prints something else.
        """
        text = self.ask(*arguments, within=within)
        try:
            return json.loads(text)
        except ValueError:
            raise MeltanoError(f"meltano answered no JSON, but {text[:200]!r}") from None


def _read(root: Path) -> bytes:
    try:
        return (root / "meltano.yml").read_bytes()
    except OSError as error:
        raise MeltanoError(
            f"there is no meltano.yml in {root} ({error.strerror}); set {ROOT} to its folder"
        ) from None


def _usual_environment(root: Path) -> str:
    """Return the environment that `meltano run` takes when nothing in the shell names one.

    `meltano schedule` would do without, so it has to be named.
    """
    for name, pattern in USUAL_ENVIRONMENT:
        path = root / name
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        found = re.search(pattern, text, re.MULTILINE)
        if found:
            return found[1]
    return ""


def _command(root: Path, variables: Mapping[str, str]) -> str:
    """Return the path of `meltano`: as it is named, else where `make setup` puts it, else any."""
    usual = [folder / ".venv" / "bin" / "meltano" for folder in (root, CHECKOUT)]
    beside = next((str(path) for path in usual if path.is_file()), "meltano")
    wanted = variables.get(COMMAND) or beside
    found = shutil.which(wanted)
    if not found:
        raise MeltanoError(f"there is no command {wanted!r}; {_hint()}")
    return found


def _hint() -> str:
    return f"run `make setup` in the checkout, or set {COMMAND} to the path of meltano"
