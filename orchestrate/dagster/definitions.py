"""All that Dagster is told: `dagster dev -m orchestrate.dagster.definitions`."""

import dagster as dg
from orchestrate.dagster.assets import build_asset
from orchestrate.dagster.meltano import schedules
from orchestrate.dagster.schedules import build_job, build_schedule
from orchestrate.dagster.settings import Settings
from orchestrate.dagster.stuck import build_cleanup, build_sensor


def build(settings: Settings) -> dg.Definitions:
    """Make the definitions of a Meltano project.

    Raises:
        MeltanoError: Meltano does not tell its schedules.
    """
    known = schedules(settings)
    assets = {each.job: build_asset(each.job, settings) for each in known}
    jobs = [build_job(job, asset, settings) for job, asset in assets.items()]
    cleanup = build_cleanup(settings)
    return dg.Definitions(
        assets=list(assets.values()),
        jobs=[*jobs, cleanup],
        schedules=[build_schedule(each, assets[each.job]) for each in known],
        sensors=[build_sensor(cleanup, settings)],
        # A job is a single step: a process for each step would only be a second one.
        executor=dg.in_process_executor,
    )


defs = build(Settings.read())
