"""Finds stuck runs of any scheduler, and starts the clean-up."""

from typing import Final

import dagster as dg
from orchestrate.dagster.schedules import is_under_way
from orchestrate.dagster.settings import Settings

NAME: Final = "cleanup-stuck-runs"
CLEANUP: Final = ("invoke", f"emag-ops:{NAME}", "--json")
LOOK_SECONDS: Final = 300
ANSWER_SECONDS: Final = 45.0  # Dagster gives a sensor a minute


def build_cleanup(settings: Settings) -> dg.JobDefinition:
    """Make the job that marks stuck runs as failed and ends their processes."""

    @dg.op
    def clean_up(context: dg.OpExecutionContext) -> None:
        report = settings.project.ask_json(*CLEANUP)
        for run in report["cleaned"]:
            context.log.warning("%s (run %s): %s", run["state_id"], run["id"], run["error"])
        context.add_output_metadata(
            {
                "cleaned": len(report["cleaned"]),
                "state_ids": [run["state_id"] for run in report["cleaned"]],
                "left_alone": len(report["left_alone"]),
            }
        )

    @dg.job(description=f"`emag-ops {NAME}`: fail stuck runs and end what is left of them")
    def cleanup_stuck_runs() -> None:
        clean_up()

    return cleanup_stuck_runs


def build_sensor(cleanup: dg.JobDefinition, settings: Settings) -> dg.SensorDefinition:
    """Make the sensor that starts the clean-up when a run is stuck; it is off at first."""

    @dg.sensor(
        name="stuck_runs",
        job=cleanup,
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Looks for runs in Meltano's database that are under way for too long",
    )
    def look(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if is_under_way(context.instance, cleanup.name):
            return dg.SkipReason("a clean-up is under way")
        stuck = settings.project.ask_json(*CLEANUP, "--dry-run", within=ANSWER_SECONDS)["cleaned"]
        if not stuck:
            return dg.SkipReason("no run is stuck")
        context.log.warning("stuck: %s", ", ".join(run["state_id"] for run in stuck))
        return dg.RunRequest(tags={"emag/stuck": str(len(stuck))})

    return look
