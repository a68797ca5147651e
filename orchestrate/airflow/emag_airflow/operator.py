"""The Airflow operator that runs one task of a Meltano job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from orchestrate.meltano.output import Output
from orchestrate.meltano.process import Process
from orchestrate.meltano.project import Project

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Airflow kills a task 5 seconds after it has asked it to end.
KILL_SECONDS = 4.0


class MeltanoOperator(BaseOperator):  # type: ignore[misc] # Airflow is in another environment
    """Runs `meltano run` with some blocks, and fails with the tap's error message."""

    ui_color = "#e8e4ff"

    def __init__(
        self,
        *,
        blocks: Sequence[str],
        variables: Mapping[str, str] | None = None,
        hint: str = "",
        **others: Any,  # noqa: ANN401 - those of Airflow
    ) -> None:
        """Keep what to run.

        Args:
            blocks: The arguments of `meltano run`, such as `tap-emag-orders target-postgres`.
            variables: Environment variables for Meltano, besides those of Airflow.
            hint: A line to log at the end, about the next task.
            others: The arguments of every Airflow operator.
        """
        super().__init__(**others)
        self.blocks = list(blocks)
        self.variables = dict(variables or {})
        self.hint = hint
        self._process: Process | None = None

    def execute(self, context: Any) -> None:  # noqa: ANN401, ARG002 - Airflow's
        """Run the blocks.

        Raises:
            AirflowFailException: A setting is wrong or eMAG refuses the caller: not to be retried.
            AirflowException: Anything else.
        """
        project = Project.from_environment()
        command = project.run(str(uuid4()), *self.blocks)
        self.log.info("%s, in %s", " ".join(command), project.root)
        output = Output()
        variables = project.variables({"MELTANO_JOB_TRIGGER": "airflow", **self.variables})
        with Process(command, project.root, variables) as process:
            self._process = process
            for raw in process.lines():
                line = output.read(raw)
                self.log.log(line.level, "%s", line)
            code = process.wait()
        if code:
            failure = output.failure(code)
            raise (AirflowFailException if failure.permanent else AirflowException)(str(failure))
        if self.hint:
            self.log.info(self.hint)

    def on_kill(self) -> None:
        """End Meltano, tap and loader: Airflow calls this when the task is to stop."""
        if self._process:
            self._process.ask_to_end(KILL_SECONDS)
