"""Defines an Airflow DAG for each schedule in `meltano.yml`; see docs/airflow.md.

`emag_orders` is the schedule `orders`: a task that prepares, and one for each tap of its job, one
after the other.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from airflow.sdk import DAG, get_parsing_context

from emag_airflow import callbacks
from emag_airflow.operator import MeltanoOperator
from orchestrate.meltano.project import Project
from orchestrate.meltano.schedules import schedules

if TYPE_CHECKING:
    from orchestrate.meltano.schedules import Schedule, Task

# Airflow retries a failed task after 1, 2 and 4 minutes, unless a retry cannot help. It waits up to
# twice as long, so that not all tasks start at once.
RETRIES = 3
RETRY_DELAY = timedelta(minutes=1)
LONGEST_RETRY_DELAY = timedelta(minutes=10)
# In addition to the tap's own deadline: Meltano starts, and the loader writes the last rows.
STARTING_AND_DRAINING = timedelta(minutes=5)
BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)
SHORT = "emag-ops:"  # commands that take seconds
POOL_HINT = (
    "The next task waits for a slot of the pool {pool}. If it waits for ever there is no such pool:"
    " make it with `python orchestrate/airflow/write_pools.py > pools.json`, then"
    " `airflow pools import pools.json`."
)


def _dag(schedule: Schedule) -> DAG:
    pool = schedule.account
    with DAG(
        dag_id=f"emag_{schedule.name}",
        schedule=schedule.cron,
        start_date=BEGIN,
        catchup=False,
        max_active_runs=1,
        tags=["emag", *([pool] if pool else [])],
        doc_md=f"The schedule `{schedule.name}` of `meltano.yml`. {POOL_HINT.format(pool=pool)}",
        default_args={
            "retries": RETRIES,
            "retry_delay": RETRY_DELAY,
            "retry_exponential_backoff": 2,
            "max_retry_delay": LONGEST_RETRY_DELAY,
            # A run that has begun goes on before others begin.
            "weight_rule": "upstream",
            "on_failure_callback": callbacks.chosen(),
        },
    ) as dag:
        before = None
        for task in _steps(schedule):
            operator = _operator(task, schedule, first=before is None)
            if before:
                before >> operator
            before = operator
    return dag


def _steps(schedule: Schedule) -> list[Task]:
    """Return the job's tasks, with short commands in the task before: each start costs seconds."""
    steps: list[Task] = []
    for task in schedule.tasks:
        if steps and all(block.startswith(SHORT) for block in task.blocks):
            steps[-1] = replace(steps[-1], blocks=steps[-1].blocks + task.blocks)
        else:
            steps.append(task)
    return steps


def _operator(task: Task, schedule: Schedule, *, first: bool) -> MeltanoOperator:
    limit = timedelta(seconds=task.limit)
    unlimited = bool(task.account) and not limit
    return MeltanoOperator(
        task_id=re.sub(r"[^\w.-]+", "_", task.blocks[0]),
        blocks=task.blocks,
        variables={**task.variables, **schedule.variables},
        execution_timeout=None if unlimited else limit + STARTING_AND_DRAINING,
        # A task that reads no account, such as the clean-up, does not wait for others.
        pool=task.account or "default_pool",
        hint=POOL_HINT.format(pool=schedule.account) if first and not task.account else "",
    )


# A task needs its own DAG only; without one, all are read.
_wanted = get_parsing_context().dag_id
for _schedule in schedules(Project.from_environment()):
    if _wanted in {None, f"emag_{_schedule.name}"}:
        globals()[f"emag_{_schedule.name}"] = _dag(_schedule)
