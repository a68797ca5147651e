"""Generates the examples for cron, systemd and Kubernetes from `schedules:`, of accounts too.

    python -m tools.schedule_files

writes these alone, on a server that has nothing but Meltano.
"""

from __future__ import annotations

import yaml

from deploy.cron import Cron
from deploy.schedules import PROJECT, TAP_LIMIT, TAP_SECONDS, command
from orchestrate.meltano.schedules import Schedule
from tools import kubernetes_jobs
from tools.tree import ROOT, write

TIMERS = "deploy/systemd"
ACCOUNTS = "accounts.meltano.yml"  # what meltano.yml includes


def files() -> dict[str, str | None]:
    """Return the crontab and the timers; a timer whose schedule is gone has to go."""
    wanted = examples([*_declared("meltano.yml"), *_declared(ACCOUNTS)])
    present = {f"{TIMERS}/{path.name}" for path in (ROOT / TIMERS).glob("tap-emag-*.timer")}
    return dict.fromkeys(sorted(present - set(wanted))) | wanted


def crontab(schedules: list[Schedule]) -> str:
    """Return a crontab for the user that owns the checkout."""
    lines = [
        "# Written by `make generate` from meltano.yml; see docs/running.md.",
        "# Install it for the owner of the checkout: crontab -u emag deploy/cron/tap-emag.crontab",
        "#",
        "# Intervals are in UTC, cron reads them in the machine's zone: where that is another one,",
        "# what runs once a day runs some hours off. flock leaves a run out while the one before",
        "# is under way. Read the output with `journalctl -t tap-emag-orders`.",
        f"PROJECT={PROJECT}",
        "# Before the limits below, so that the tap ends by itself and its state is kept.",
        f"{TAP_LIMIT}={TAP_SECONDS}",
        "",
    ]
    for each in schedules:
        run = " ".join(command(each.job, ".venv/bin/meltano"))
        lock = f".meltano/run/{each.name}.lock"
        lines.append(
            f'{each.cron} cd "$PROJECT" && flock --nonblock {lock} {run}'
            f" 2>&1 | logger -t tap-emag-{each.name}"
        )
    return "\n".join(lines) + "\n"


def timer(schedule: Schedule) -> str:
    """Return a systemd timer that starts the job's service."""
    return f"""\
# Written by `make generate` from meltano.yml; see docs/running.md.
[Unit]
Description=Schedule {schedule.name} of tap-emag

[Timer]
Unit=tap-emag@{schedule.job}.service
OnCalendar={Cron.parse(schedule.cron or "").on_calendar()}
AccuracySec=1s
# A run that was due while the machine was off is made up for, once.
Persistent=true

[Install]
WantedBy=timers.target
"""


def examples(schedules: list[Schedule]) -> dict[str, str]:
    """Return the text of each example file.

    Raises:
        ValueError: A schedule sets variables, which a crontab and a timer cannot pass on.
    """
    for each in schedules:
        if each.variables:
            raise ValueError(f"schedule {each.name} sets `env`: put that into the environment")
    names = {each.name for each in _declared(ACCOUNTS)}
    main = [each for each in schedules if each.name not in names]
    others = [each for each in schedules if each.name in names]
    timers = {f"systemd/tap-emag-{each.name}.timer": timer(each) for each in schedules}
    files = {
        "cron/tap-emag.crontab": crontab(schedules),
        kubernetes_jobs.PATH: kubernetes_jobs.cron_jobs(main),
        kubernetes_jobs.OF_ACCOUNTS: kubernetes_jobs.cron_jobs_of_accounts(others),
        **timers,
    }
    return {f"deploy/{name}": text for name, text in files.items()}


def _declared(name: str) -> list[Schedule]:
    path = ROOT / name
    found = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    return [
        Schedule(each["name"], each["interval"], each["job"], variables=each.get("env", {}))
        for each in found.get("schedules") or []
    ]


def main() -> None:
    """Write the files; remove timers of schedules that are gone."""
    write(files())


if __name__ == "__main__":
    main()
