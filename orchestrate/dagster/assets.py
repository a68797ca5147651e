"""Defines an asset for each Meltano job: the tables it fills. Materializing it runs the job."""

import sys
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from pydantic import Field

import dagster as dg
from orchestrate.dagster.jobs import Job
from orchestrate.dagster.settings import TRIES, Settings
from orchestrate.meltano.output import Output
from orchestrate.meltano.process import Process
from orchestrate.meltano.project import MeltanoError, Project

LIST_RUNS: Final = ("invoke", "emag-ops:list-runs", "--json", "--limit=100")


class LoadConfig(dg.Config):
    """The options of one run in Dagster's launchpad."""

    variables: dict[str, str] = Field(
        default_factory=dict,
        description="Environment variables for Meltano, such as MELTANO_RUN_FULL_REFRESH: 'true'."
        " They are kept with the run: no secrets here.",
    )


def build_asset(job: Job, settings: Settings) -> dg.AssetsDefinition:
    """Make the asset of a job; assets of one account share a pool, which limits them together."""
    tasks = "; ".join(" ".join(task.blocks) for task in job.tasks)

    @dg.asset(
        key=[job.account, job.group],
        group_name=job.account,
        kinds={"meltano", "postgres"},
        tags={"emag/account": job.account, "emag/group": job.group},
        pool=f"emag_{job.account}",
        description=f"What `meltano run {job.name}` loads: {tasks}.",
        retry_policy=dg.RetryPolicy(
            max_retries=TRIES - 1,
            delay=settings.retry_seconds,
            backoff=dg.Backoff.EXPONENTIAL,
        ),
    )
    def load(context: dg.AssetExecutionContext, config: LoadConfig) -> dg.MaterializeResult[Any]:
        try:
            return _load(context, job, settings, config.variables)
        except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
            # Dagster would retry a run that a user has just ended.
            raise dg.Failure(
                description=f"`meltano run {job.name}` was ended from outside; the next run goes on"
                " where the last state was kept",
                allow_retries=False,
            ) from None

    return load


def _load(
    context: dg.AssetExecutionContext, job: Job, settings: Settings, variables: dict[str, str]
) -> dg.MaterializeResult[Any]:
    run_id, output, begin = str(uuid4()), Output(), time.monotonic()
    project = settings.project
    with Process(
        project.run(run_id, job.name),
        project.root,
        project.variables({**job.variables, **variables, "MELTANO_JOB_TRIGGER": "dagster"}),
        longest_seconds=settings.longest_seconds,
    ) as process:
        for raw in process.lines():
            sys.stderr.write(f"{raw}\n")  # Dagster keeps the complete output besides the log
            line = output.read(raw)
            context.log.log(line.level, str(line))
        code = process.wait()
    metadata: dict[str, Any] = {
        "run_id": run_id,
        "state_ids": output.state_ids,
        "duration_seconds": round(time.monotonic() - begin, 1),
        "rows": output.rows.total(),
        "rows_by_stream": dict(output.rows),
    }
    if code or process.timed_out:
        failure = output.failure(code)
        over = f"EMAG_LONGEST_SECONDS ({settings.longest_seconds:.0f}) is over; the last words were"
        raise dg.Failure(
            description=f"{over}: {failure}" if process.timed_out else str(failure),
            metadata={**metadata, "exit_code": code, "exit_codes_of_plugins": output.codes or {}},
            allow_retries=not failure.permanent,
        )
    return dg.MaterializeResult(metadata={**metadata, **_recorded(context, project, run_id)})


def _recorded(context: dg.AssetExecutionContext, project: Project, run_id: str) -> dict[str, Any]:
    """Return the bookmark that Meltano has recorded of a run; log an error, do not raise it."""
    try:
        listed = project.ask_json(*LIST_RUNS)
        return _bookmark([run for run in listed if run["run_id"] == run_id])
    except (MeltanoError, LookupError, TypeError, ValueError) as error:
        context.log.warning("no bookmark can be shown: %s", error)
        return {}


def _bookmark(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    bookmarks = [run["oldest_bookmark"] for run in runs if run["oldest_bookmark"]]
    if not bookmarks:
        return {}
    oldest = min(datetime.fromisoformat(bookmark["value"]) for bookmark in bookmarks)
    return {"bookmark": dg.MetadataValue.timestamp(oldest)}
