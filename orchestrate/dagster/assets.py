"""Assets: the tables that one job of Meltano fills. To make one anew is to run that job."""

import sys
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from pydantic import Field

import dagster as dg
from orchestrate.dagster import process
from orchestrate.dagster.meltano import Job, MeltanoError, ask_ops, command
from orchestrate.dagster.output import Output
from orchestrate.dagster.settings import TRIES, Settings

# Exit codes of tap-emag that trying again does not change: wrong settings, refused caller.
PERMANENT: Final = frozenset({2, 3})
LISTED: Final = "--limit=100"


class LoadConfig(dg.Config):
    """What can be given to one run in Dagster's launchpad."""

    variables: dict[str, str] = Field(
        default_factory=dict,
        description="Environment variables for Meltano, such as MELTANO_RUN_FULL_REFRESH: 'true'."
        " They are kept with the run: no secrets here.",
    )


def build_asset(job: Job, settings: Settings) -> dg.AssetsDefinition:
    """Make the asset of a job; assets of one account share a pool, which limits them together."""

    @dg.asset(
        key=[job.account, job.group],
        group_name=job.account,
        kinds={"meltano", "postgres"},
        tags={"emag/account": job.account, "emag/group": job.group},
        pool=f"emag_{job.account}",
        description=f"What `meltano run {job.name}` loads: {'; '.join(job.tasks)}.",
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
            # Dagster would try again what somebody has just ended.
            raise dg.Failure(
                description=f"`meltano run {job.name}` was ended from outside; the next run goes on"
                " where the last state was kept",
                allow_retries=False,
            ) from None

    return load


def _load(
    context: dg.AssetExecutionContext, job: Job, settings: Settings, variables: dict[str, str]
) -> dg.MaterializeResult[Any]:
    run_id = str(uuid4())
    output, begin = Output(), time.monotonic()

    def take(text: str) -> None:
        sys.stderr.write(f"{text}\n")  # Dagster keeps it whole, beside the log
        line = output.take(text)
        if line is not None:
            context.log.log(line.level.upper(), str(line))

    ended = process.run(
        # The run's id is part of the command line, so that `emag-ops` can find its processes.
        command(settings, "run", f"--run-id={run_id}", job.name),
        take,
        folder=settings.project,
        environ=settings.environ(variables),
        longest_seconds=settings.longest_seconds,
    )
    metadata: dict[str, Any] = {
        "run_id": run_id,
        "duration_seconds": round(time.monotonic() - begin, 1),
        "rows": output.rows.total(),
        "rows_by_stream": dict(output.rows),
    }
    if ended.code or ended.timed_out:
        raise _failure(job, settings, output, ended, metadata)
    return dg.MaterializeResult(metadata={**metadata, **_booked(context, settings, run_id)})


def _failure(
    job: Job,
    settings: Settings,
    output: Output,
    ended: process.Ended,
    metadata: dict[str, Any],
) -> dg.Failure:
    problem = output.problem or f"`meltano run {job.name}` ended with code {ended.code}"
    if ended.timed_out:
        limit = f"EMAG_LONGEST_SECONDS ({settings.longest_seconds:.0f}) is over"
        problem = f"{limit}; the last words were: {problem}"
    return dg.Failure(
        description=problem,
        metadata={**metadata, "exit_code": ended.code, "exit_codes_of_plugins": output.codes},
        allow_retries=output.exit_code not in PERMANENT,
    )


def _booked(context: dg.AssetExecutionContext, settings: Settings, run_id: str) -> dict[str, Any]:
    """Return what Meltano has booked of a run; a run is no worse when nothing can be told of it."""
    try:
        listed = ask_ops(settings, "list-runs", LISTED)
        return _metadata([run for run in listed if run["run_id"] == run_id])
    except (MeltanoError, LookupError, TypeError, ValueError) as error:
        context.log.warning("no bookmark can be shown: %s", error)
        return {}


def _metadata(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    bookmarks = [run["oldest_bookmark"] for run in runs if run["oldest_bookmark"]]
    found: dict[str, Any] = {"state_ids": [run["state_id"] for run in runs]}
    if bookmarks:
        oldest = min(datetime.fromisoformat(bookmark["value"]) for bookmark in bookmarks)
        found["bookmark"] = dg.MetadataValue.timestamp(oldest)
    return found
