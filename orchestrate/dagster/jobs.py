"""The names of Meltano's jobs in Dagster."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orchestrate.meltano.schedules import Task

FIRST_ACCOUNT: Final = "main"


REREAD: Final = re.compile(
    r"-(nightly|weekly)$"
)  # deep re-reads of the stream in the rest of the name


@dataclass(frozen=True)
class Job:
    """A job of meltano.yml. It is named `orders`, or with an account in front, `fbe-orders`."""

    name: str
    tasks: tuple[Task, ...]

    @property
    def account(self) -> str:
        """The account whose data it reads, from its name."""
        return identifier(REREAD.sub("", self.name).rpartition("-")[0]) or FIRST_ACCOUNT

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that its taps get their deadline by."""
        return {name: value for task in self.tasks for name, value in task.variables.items()}

    @property
    def group(self) -> str:
        """The streams it reads, such as offers; of a deep re-read with when, orders_nightly."""
        rest = REREAD.sub("", self.name).rpartition("-")[2]
        return identifier(rest + self.name.removeprefix(REREAD.sub("", self.name)))


def identifier(name: str) -> str:
    """Return the name as Dagster takes it: letters, digits and underscores."""
    return re.sub(r"\W", "_", name, flags=re.ASCII)
