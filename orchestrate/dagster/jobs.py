"""What Meltano's jobs are called in Dagster."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orchestrate.meltano.schedules import Task

FIRST_ACCOUNT: Final = "main"


@dataclass(frozen=True)
class Job:
    """A job of meltano.yml. It is named `orders`, or with an account in front, `fbe-orders`."""

    name: str
    tasks: tuple[Task, ...]

    @property
    def account(self) -> str:
        """Whose data it reads, as its name has it."""
        return identifier(self.name.rpartition("-")[0]) or FIRST_ACCOUNT

    @property
    def group(self) -> str:
        """The streams it reads: orders, offers, returns, reference."""
        return identifier(self.name.rpartition("-")[2])


def identifier(name: str) -> str:
    """Return the name as Dagster takes it: letters, digits and underscores."""
    return re.sub(r"\W", "_", name, flags=re.ASCII)
