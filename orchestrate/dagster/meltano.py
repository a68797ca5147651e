"""What Meltano is asked: its schedules, its runs, its stuck runs."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrate.dagster.settings import Settings

# Dagster gives a sensor a minute.
ANSWER_SECONDS: Final = 45.0
TAIL_LINES: Final = 5
FIRST_ACCOUNT: Final = "main"
OPS: Final = "emag-ops"


class MeltanoError(Exception):
    """Meltano is not there, or does not answer; the message says what it said."""


@dataclass(frozen=True)
class Job:
    """A job of meltano.yml. It is named `orders`, or with an account in front, `fbe-orders`."""

    name: str
    tasks: tuple[str, ...]

    @property
    def account(self) -> str:
        """Whose data it reads, as its name has it."""
        return identifier(self.name.rpartition("-")[0]) or FIRST_ACCOUNT

    @property
    def group(self) -> str:
        """The streams it reads: orders, offers, returns, reference."""
        return identifier(self.name.rpartition("-")[2])


@dataclass(frozen=True)
class Schedule:
    """When a job runs: `cron` is in UTC; `variables` are environment variables it sets."""

    name: str
    cron: str
    job: Job
    variables: Mapping[str, str]


def identifier(name: str) -> str:
    """Return the name as Dagster takes it: letters, digits and underscores."""
    return re.sub(r"\W", "_", name, flags=re.ASCII)


def command(settings: Settings, *arguments: str) -> list[str]:
    """Return a command of Meltano; its log lines are JSON objects, each naming who said it."""
    return [settings.meltano, "--log-format=json", *arguments]


def ask(settings: Settings, *arguments: str) -> str:
    """Return what a short command of Meltano prints.

    Raises:
        MeltanoError: It cannot be started, failed, or gave no answer within `ANSWER_SECONDS`.
    """
    asked = f"`meltano {' '.join(arguments)}` in {settings.project}"
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            command(settings, *arguments),
            cwd=settings.project,
            env=settings.environ(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            check=False,
        )
    except OSError as error:
        raise MeltanoError(
            f"{asked}: cannot start {settings.meltano} ({error.strerror}). Run `make setup` in the"
            " checkout, or set MELTANO to the path of meltano"
        ) from None
    except subprocess.TimeoutExpired:
        raise MeltanoError(f"{asked} gave no answer within {ANSWER_SECONDS:.0f} s") from None
    if done.returncode:
        tail = "\n".join(done.stderr.strip().splitlines()[-TAIL_LINES:])
        raise MeltanoError(f"{asked} ended with code {done.returncode}:\n{tail}")
    return done.stdout


def ask_ops(settings: Settings, name: str, *options: str) -> Any:  # noqa: ANN401 - JSON
    """Return what a command of `emag-ops` prints as JSON.

    Raises:
        MeltanoError: It failed.
    """
    return _json(ask(settings, "invoke", f"{OPS}:{name}", "--json", *options))


def schedules(settings: Settings) -> list[Schedule]:
    """Return the schedules of meltano.yml that have a job and a time.

    Dagster loads its definitions in each of its processes, and Meltano takes a second to answer, so
    the answer is kept until meltano.yml changes.

    Raises:
        MeltanoError: Meltano had to be asked, and failed.
    """
    memory = settings.project / ".meltano" / "dagster" / f"schedules-{_key(settings)}.json"
    try:
        return _schedules(json.loads(memory.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError):
        pass  # never asked, or what is there is not ours
    text = ask(settings, "schedule", "list", "--format=json")
    found = _schedules(_json(text))
    _write(memory, text)
    return found


def _key(settings: Settings) -> str:
    try:
        content = (settings.project / "meltano.yml").read_bytes()
    except OSError as error:
        raise MeltanoError(
            f"{settings.project}/meltano.yml: {error.strerror}; set MELTANO_PROJECT_ROOT to the"
            " folder of the Meltano project"
        ) from None
    return hashlib.sha256(content + settings.environment.encode()).hexdigest()[:16]


def _schedules(listed: Any) -> list[Schedule]:  # noqa: ANN401 - JSON
    return [
        Schedule(
            each["name"],
            each["cron_interval"],
            Job(each["job"]["name"], tuple(each["job"]["tasks"])),
            {str(name): str(value) for name, value in each["env"].items()},
        )
        for each in listed["schedules"]["job"]
        # `@manual` and `@once` are no times.
        if each["cron_interval"]
    ]


def _json(text: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(text)
    except ValueError:
        raise MeltanoError(f"Meltano answered no JSON, but {text[:200]!r}") from None


def _write(memory: Path, text: str) -> None:
    """Write in one step, as several processes read; where writing is forbidden, do without."""
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=memory.parent, delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
        Path(file.name).replace(memory)
    except OSError:
        return
