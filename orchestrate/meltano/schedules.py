"""Returns Meltano's schedules, from a cache until a setting changes.

Airflow reads its DAG files every half minute and again for each task, Dagster loads its definitions
in each of its processes. Meltano takes some seconds for an answer, so its answers are kept in
`.meltano/run/orchestrate/`, together with a digest of the files they depend on.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orchestrate.meltano.project import MeltanoError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrate.meltano.project import Project

LIMIT: Final = "SYNC_TIMEOUT_SECONDS"
TAP: Final = "TAP_EMAG_"  # prefix of the setting's variable, for each plugin of this tap
TAP_SECONDS: Final = 600  # a scheduled tap's deadline, unless a setting has another one
FORM: Final = "3"  # of the cache; another one discards it


@dataclass(frozen=True)
class Task:
    """One task of a job: the arguments of `meltano run`.

    - `account`: the account whose data it reads, such as `emag_ro_main`, "" if it reads none.
    - `limit`: the sum of its taps' deadlines in seconds, 0 if one of them has none.
    - `variables`: environment variables that give its taps their deadline, if no setting does.
    """

    blocks: tuple[str, ...]
    account: str = ""
    limit: float = 0
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Schedule:
    """A job, its tasks, and when it runs: `cron` is in UTC, None if it is only started by hand.

    `variables` are environment variables that the schedule itself sets.
    """

    name: str
    cron: str | None
    job: str
    tasks: tuple[Task, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """The account of the first task that reads one."""
        return next((task.account for task in self.tasks if task.account), "")


def schedules(project: Project) -> list[Schedule]:
    """Return the project's schedules, from the cache if nothing they depend on has changed.

    Raises:
        MeltanoError: The cache is outdated, and Meltano fails.
    """
    name = f"schedules-{project.environment or 'none'}.json"
    memory = project.root / ".meltano" / "run" / "orchestrate" / name
    key = _key(project)
    known = _remembered(memory, key)
    if known is None:
        known = _ask(project)
        _remember(memory, key, known)
    return known


def accounts(known: list[Schedule]) -> list[str]:
    """Return all accounts that are read, in order of their names."""
    return sorted({task.account for schedule in known for task in schedule.tasks if task.account})


def declared(project: Project) -> list[Schedule]:
    """Ask Meltano for the project's schedules; their tasks name no account and no limit.

    Raises:
        MeltanoError: It fails, or a schedule has no job.
    """
    listed = project.ask_json("schedule", "list", "--format=json")["schedules"]
    if listed.get("elt"):
        names = ", ".join(schedule["name"] for schedule in listed["elt"])
        raise MeltanoError(f"these schedules of meltano.yml have no job: {names}; give each a job")
    # Meltano 4.4 lists schedules of included files twice when an environment is named.
    return [
        Schedule(
            each["name"],
            each["cron_interval"],
            each["job"]["name"],
            tuple(Task(tuple(task.split())) for task in each["job"]["tasks"]),
            {name: str(value) for name, value in each["env"].items()},
        )
        for each in {each["name"]: each for each in listed["job"]}.values()
    ]


def _ask(project: Project) -> list[Schedule]:
    # One after the other: the first command in a new database makes Meltano's tables.
    known, taps = declared(project), _taps(project)
    return [
        replace(each, tasks=tuple(_task(task.blocks, taps) for task in each.tasks))
        for each in known
    ]


def _taps(project: Project) -> dict[str, Mapping[str, str]]:
    """Return marketplace, account type and deadline of each eMAG plugin.

    `meltano compile` knows them as well, but takes minutes for fifty accounts.
    """
    taps: dict[str, Mapping[str, str]] = project.ask_json(
        "invoke", "emag-ops", "accounts", "--json"
    )
    return taps


def _task(blocks: tuple[str, ...], taps: Mapping[str, Mapping[str, str]]) -> Task:
    read = [taps[word] for word in blocks if word in taps]
    given = [tap.get(LIMIT.lower()) for tap in read]
    variables = {}
    if read and not any(given):
        given = [str(TAP_SECONDS)] * len(read)
        variables = {TAP + LIMIT: str(TAP_SECONDS)}
    limits = [float(each or 0) for each in given]
    account = ""
    if read:
        label = f"{read[0].get('marketplace')}_{read[0].get('account_type')}"
        account = re.sub(r"[^\w.-]", "_", label)
    return Task(blocks, account, sum(limits) if all(limits) else 0, variables)


def _key(project: Project) -> str:
    """Return a digest of what Meltano's answers depend on; of `.env` only when it was written."""
    dotenv = project.root / ".env"
    written = dotenv.stat().st_mtime_ns if dotenv.exists() else 0
    telling = ("_" + LIMIT, "_MARKETPLACE", "_ACCOUNT_TYPE")
    variables = sorted(item for item in os.environ.items() if item[0].endswith(telling))
    parts = [FORM, project.environment, written, variables]
    digest = hashlib.sha256(project.declared())
    digest.update(json.dumps(parts).encode())
    return digest.hexdigest()


def _remembered(memory: Path, key: str) -> list[Schedule] | None:
    try:
        stored = json.loads(memory.read_text(encoding="utf-8"))
        return _schedules(stored["schedules"]) if stored["key"] == key else None
    except (OSError, ValueError, LookupError, TypeError):
        return None  # not there, or not ours: ask again


def _schedules(stored: list[dict[str, Any]]) -> list[Schedule]:
    return [
        Schedule(
            each["name"],
            each["cron"],
            each["job"],
            tuple(
                Task(tuple(task["blocks"]), task["account"], task["limit"], task["variables"])
                for task in each["tasks"]
            ),
            each["variables"],
        )
        for each in stored
    ]


def _remember(memory: Path, key: str, known: list[Schedule]) -> None:
    """Write in one step, as several processes read; skip it where writing is forbidden."""
    text = json.dumps({"key": key, "schedules": [asdict(schedule) for schedule in known]}, indent=1)
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=memory.parent, prefix=memory.name, delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
        Path(file.name).replace(memory)
    except OSError:
        return
