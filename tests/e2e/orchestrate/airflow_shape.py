"""Prints the DAGs as Airflow reads them, or runs its command; run by Airflow's own Python."""

from __future__ import annotations

import json
import sys
from typing import Any

import airflow.cli.commands.task_command  # noqa: F401 - it takes seconds
from airflow.__main__ import main as command_line
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import BundleDagBag


def _task(task: Any) -> dict[str, Any]:  # noqa: ANN401 - Airflow's
    limit = task.execution_timeout
    return {
        "id": task.task_id,
        "blocks": task.blocks,
        "pool": task.pool,
        "queue": task.queue,
        "weight": task.weight_rule,
        "limit": limit.total_seconds() if limit else None,
        "retries": task.retries,
        "backoff": task.retry_exponential_backoff,
        "after": sorted(task.upstream_task_ids),
        "hint": task.hint,
        "on_failure": [function.__name__ for function in task.on_failure_callback],
    }


def main() -> None:
    """Run the command line of Airflow if there is one, else print the DAGs."""
    if sys.argv[1:]:
        command_line()
        return
    (bundle,) = DagBundlesManager().get_all_dag_bundles()
    bag = BundleDagBag(bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
    dags = {
        name: {
            "cron": dag.schedule,
            "doc": dag.doc_md,
            "catchup": dag.catchup,
            "max_active_runs": dag.max_active_runs,
            "tasks": [_task(task) for task in dag.topological_sort()],
        }
        for name, dag in bag.dags.items()
    }
    sys.stdout.write("\n" + json.dumps({"dags": dags, "errors": bag.import_errors}) + "\n")


if __name__ == "__main__":
    main()
