"""Run by Dagster's own Python: prints as JSON what Dagster knows. Tests run without Dagster.

Its argument is `definitions`, `events`, `one_try` or `sensor`; see `tests/support/forking.py`.
"""

import json
import sys
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import dagster as dg


def definitions() -> dict[str, Any]:
    """Return what is defined, in plain words, and what a schedule asks for."""
    defs = load()
    repository, nodes = defs.get_repository_def(), defs.resolve_asset_graph()
    return {
        "schedules": {
            schedule.name: {
                "cron": schedule.cron_schedule,
                "zone": schedule.execution_timezone,
                "job": schedule.job_name,
                "status": schedule.default_status.value,
            }
            for schedule in repository.schedule_defs
        },
        "sensors": [sensor.name for sensor in repository.sensor_defs],
        "jobs": {name: dict(repository.get_job(name).run_tags) for name in repository.job_names},
        "assets": {
            key.to_user_string(): {
                "group": nodes.get(key).group_name,
                "kinds": sorted(nodes.get(key).kinds),
                "tags": {
                    name: text
                    for name, text in nodes.get(key).tags.items()
                    if not name.startswith("dagster/")
                },
                "pools": sorted(nodes.get(key).pools),
            }
            for key in nodes.get_all_asset_keys()
        },
        "asked": asked(repository.get_schedule_def("orders")),
    }


def asked(schedule: dg.ScheduleDefinition) -> list[int]:
    """Return how many runs a schedule asks for when none is under way, and when one is."""
    found = []
    with dg.DagsterInstance.get() as instance:
        for status in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.STARTED):
            instance.add_run(dg.DagsterRun(job_name="orders", run_id=str(uuid4()), status=status))
            context = dg.build_schedule_context(instance=instance)
            found.append(len(schedule.evaluate_tick(context).run_requests or []))
    return found


def load() -> dg.Definitions:
    """Load the definitions, which asks Meltano."""
    from orchestrate.dagster.definitions import defs  # noqa: PLC0415 - it takes time

    return defs


def events() -> list[dict[str, Any]]:
    """Return what happened in the newest run."""
    with dg.DagsterInstance.get() as instance:
        run = instance.get_runs(limit=1)[0]
        return [_event(entry) for entry in instance.all_logs(run.run_id)]


def one_try() -> list[dict[str, Any]]:
    """Run the job `orders` once, without a second try, and return what happened."""
    with patch("orchestrate.dagster.assets.TRIES", 1):
        job = load().resolve_job_def("orders")
    with dg.DagsterInstance.get() as instance:
        job.execute_in_process(instance=instance, raise_on_error=False)
    return events()


def _event(entry: dg.EventLogEntry) -> dict[str, Any]:
    event = entry.dagster_event
    if event is None:
        return {"type": "LOG", "text": entry.user_message, "level": entry.level}
    data = event.event_specific_data
    found: dict[str, Any] = {"type": event.event_type_value, "text": entry.user_message}
    found["asset"] = event.asset_key.to_user_string() if event.asset_key else None
    if event.is_step_up_for_retry:
        found["reason"] = str(data.error.cause.message)
    told = getattr(data, "materialization", None) or getattr(data, "user_failure_data", None)
    if told:
        found["description"] = told.description
        found["metadata"] = {name: value.value for name, value in told.metadata.items()}
    return found


def sensor() -> dict[str, Any]:
    """Evaluate the sensor for stuck runs once."""
    with dg.DagsterInstance.get() as instance:
        context = dg.build_sensor_context(instance=instance, sensor_name="stuck_runs")
        known = load().get_repository_def().get_sensor_def("stuck_runs")
        found = known.evaluate_tick(context)
    return {"runs": len(found.run_requests or []), "skipped": found.skip_message}


def main() -> None:
    """Answer the question that the command line asks."""
    answers = {each.__name__: each for each in (definitions, events, one_try, sensor)}
    sys.stdout.write(json.dumps(answers[sys.argv[1]](), default=str))
