"""The schedules of `meltano.yml`, and the examples for cron and systemd that are made from them.

    python -m deploy.schedules

writes `deploy/cron/tap-emag.crontab` and `deploy/systemd/*.timer` anew. Do that after a change of
`schedules:`, so that nothing is typed twice.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from deploy.cron import Cron

FOLDER = Path(__file__).resolve().parent
PROJECT = Path("/opt/tap-emag")  # where the examples have the checkout
# The tap ends by itself after `sync_timeout_seconds` (600), and only then is its state kept. The
# two limits behind it are for what hangs all the same: Meltano's own, and that of whoever runs it.
MELTANO_SECONDS = 780
SUPERVISOR_SECONDS = 900
KILL_SECONDS = 30


@dataclass(frozen=True)
class Schedule:
    """One entry of `schedules:`."""

    name: str
    job: str
    interval: str
    env: dict[str, str] = field(default_factory=dict)

    @property
    def cron(self) -> Cron:
        """When it is due.

        Raises:
            CronError: The interval cannot be read.
        """
        return Cron.parse(self.interval)


def read(project: Path) -> list[Schedule]:
    """Ask Meltano for the schedules of the project in a folder.

    Raises:
        subprocess.CalledProcessError: Meltano ended badly; it has told why on stderr.
    """
    command = [_meltano(), "schedule", "list", "--format=json"]
    listed = subprocess.run(  # noqa: S603 - our own command, no shell
        command, cwd=project, stdout=subprocess.PIPE, check=True
    )
    return [
        Schedule(entry["name"], entry["job"]["name"], entry["cron_interval"], entry["env"])
        for entry in json.loads(listed.stdout)["schedules"]["job"]
    ]


def command(job: str, meltano: str | None = None) -> list[str]:
    """Return what runs a job under all limits; `timeout` ends the whole process group."""
    run = [meltano or _meltano(), "run", f"--timeout={MELTANO_SECONDS}", job]
    return ["timeout", f"--kill-after={KILL_SECONDS}", str(SUPERVISOR_SECONDS), *run]


def crontab(schedules: list[Schedule]) -> str:
    """Return a crontab for the user that owns the checkout."""
    lines = [
        "# Written by `python -m deploy.schedules` from meltano.yml; see docs/running.md.",
        "# Install it for the owner of the checkout: crontab -u emag deploy/cron/tap-emag.crontab",
        "#",
        "# Intervals are in UTC, cron reads them in the machine's zone: where that is another one,",
        "# what runs once a day runs some hours off. flock leaves a run out while the one before",
        "# is under way. Read the output with `journalctl -t tap-emag-orders`.",
        f"PROJECT={PROJECT}",
        "",
    ]
    for each in schedules:
        run = " ".join(command(each.job, ".venv/bin/meltano"))
        lock = f".meltano/run/{each.name}.lock"
        lines.append(
            f'{each.interval} cd "$PROJECT" && flock --nonblock {lock} {run}'
            f" 2>&1 | logger -t tap-emag-{each.name}"
        )
    return "\n".join(lines) + "\n"


def timer(schedule: Schedule) -> str:
    """Return a systemd timer that starts the job's service."""
    return f"""\
# Written by `python -m deploy.schedules` from meltano.yml; see docs/running.md.
[Unit]
Description=Schedule {schedule.name} of tap-emag

[Timer]
Unit=tap-emag@{schedule.job}.service
OnCalendar={schedule.cron.on_calendar()}
AccuracySec=1s
# A run that was due while the machine was off is made up for, once.
Persistent=true

[Install]
WantedBy=timers.target
"""


def examples(schedules: list[Schedule]) -> dict[Path, str]:
    """Return what each example file has to hold.

    Raises:
        ValueError: A schedule sets variables, which neither a crontab nor a timer can pass on.
    """
    for each in schedules:
        if each.env:
            raise ValueError(f"schedule {each.name} sets `env`: put that into the environment")
    timers = {f"systemd/tap-emag-{each.name}.timer": timer(each) for each in schedules}
    files = {"cron/tap-emag.crontab": crontab(schedules), **timers}
    return {FOLDER / name: text for name, text in files.items()}


def main() -> None:
    """Write the examples, and remove timers of schedules that are gone."""
    wanted = examples(read(FOLDER.parent))
    for path in set((FOLDER / "systemd").glob("tap-emag-*.timer")) - set(wanted):
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _meltano() -> str:
    return str(Path(sys.executable).with_name("meltano"))


if __name__ == "__main__":
    main()
