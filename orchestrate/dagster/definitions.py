"""Dagster's definitions: `dagster dev -m orchestrate.dagster.definitions`."""

import dagster as dg
from orchestrate.dagster.assets import build_asset
from orchestrate.dagster.jobs import Job
from orchestrate.dagster.schedules import build_job, build_schedule
from orchestrate.dagster.settings import Settings
from orchestrate.dagster.stuck import build_cleanup, build_sensor
from orchestrate.meltano.schedules import schedules


def build(settings: Settings) -> dg.Definitions:
    """Make the definitions of a Meltano project.

    Raises:
        MeltanoError: Meltano does not return its schedules.
    """
    # A schedule that Meltano calls `@manual` or `@once` has no times.
    known = [schedule for schedule in schedules(settings.project) if schedule.cron]
    jobs = {each.job: Job(each.job, each.tasks) for each in known}
    assets = {name: build_asset(job, settings) for name, job in jobs.items()}
    cleanup = build_cleanup(settings)
    return dg.Definitions(
        assets=list(assets.values()),
        jobs=[*(build_job(jobs[name], assets[name], settings) for name in jobs), cleanup],
        schedules=[build_schedule(each, assets[each.job]) for each in known],
        sensors=[build_sensor(cleanup, settings)],
        # A job is a single step, so a process for each step would only add one.
        executor=dg.in_process_executor,
    )


defs = build(Settings.read())
