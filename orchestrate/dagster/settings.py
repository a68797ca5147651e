"""The settings for Dagster, from environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orchestrate.meltano.project import Project

if TYPE_CHECKING:
    from collections.abc import Mapping

TRIES: Final = 3
# A scheduled tap's deadline of ten minutes, and the time that Meltano and the loader need.
LONGEST_SECONDS: Final = 900.0
RETRY_SECONDS: Final = 120.0
SLACK_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Settings:
    """Which Meltano project is run, and how long it may take.

    `longest_seconds` limits one try, 0 for no limit; `retry_seconds` is the pause before the second
    one, which doubles before the third.
    """

    project: Project
    longest_seconds: float = LONGEST_SECONDS
    retry_seconds: float = RETRY_SECONDS

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read them.

        Raises:
            MeltanoError: There is no project, or no command `meltano`.
            ValueError: A value is not a number, or below 0.
        """
        return cls(
            Project.from_environment(environ),
            longest_seconds=_number(environ, "EMAG_LONGEST_SECONDS", LONGEST_SECONDS),
            retry_seconds=_number(environ, "EMAG_RETRY_SECONDS", RETRY_SECONDS),
        )

    @property
    def run_seconds(self) -> int:
        """How long a run of Dagster may take with all its tries, in seconds; 0 for no limit."""
        if not self.longest_seconds:
            return 0
        # One pause, then one of twice its length.
        return round(TRIES * self.longest_seconds + 3 * self.retry_seconds + SLACK_SECONDS)


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name) or default
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{name}: {text!r} is not a number of seconds") from None
    if not 0 <= number < float("inf"):
        raise ValueError(f"{name}: {text!r} is not a number of seconds, 0 or more")
    return number
