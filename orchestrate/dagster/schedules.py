"""Defines jobs and schedules as Meltano declares them."""

from typing import Any, Final

import dagster as dg
from orchestrate.dagster.jobs import Job, identifier
from orchestrate.dagster.settings import Settings
from orchestrate.meltano.schedules import Schedule

# A run in the queue counts as under way: a second one would find nothing to do.
UNDER_WAY: Final = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def build_job(job: Job, asset: dg.AssetsDefinition, settings: Settings) -> Any:  # noqa: ANN401 - private
    """Make the job that fills one asset; Dagster ends a run that takes longer than its tries."""
    limit = {"dagster/max_runtime": str(settings.run_seconds)} if settings.run_seconds else {}
    return dg.define_asset_job(
        identifier(job.name),
        selection=[asset],
        description=f"`meltano run {job.name}`",
        tags={
            "emag/account": job.account,
            "emag/group": job.group,
            "meltano/job": job.name,
            **limit,
        },
    )


def build_schedule(schedule: Schedule, asset: dg.AssetsDefinition) -> dg.ScheduleDefinition:
    """Make a schedule, which is off at first, since its job may already run elsewhere.

    It skips a time at which the earlier run is still under way.
    """
    job_name = identifier(schedule.job)
    config = {"ops": {asset.op.name: {"config": {"variables": dict(schedule.variables)}}}}

    @dg.schedule(
        name=identifier(schedule.name),
        job_name=job_name,
        cron_schedule=schedule.cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=f"The schedule `{schedule.name}` of meltano.yml",
        tags={"meltano/schedule": schedule.name},
    )
    def start(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if is_under_way(context.instance, job_name):
            return dg.SkipReason(f"the run of {job_name} before is still under way")
        return dg.RunRequest(
            run_config=config if schedule.variables else {},
            tags={"meltano/schedule": schedule.name},
        )

    return start


def is_under_way(instance: dg.DagsterInstance, job_name: str) -> bool:
    """Return whether a run of a job is waiting or under way."""
    running = dg.RunsFilter(job_name=job_name, statuses=UNDER_WAY)
    return bool(instance.get_runs_count(running))
