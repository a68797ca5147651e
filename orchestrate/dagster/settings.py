"""What can be set from outside, as environment variables."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKOUT: Final = Path(__file__).resolve().parents[2]
TRIES: Final = 3
# What Meltano and the loader need beside the ten minutes that the tap allows itself.
LONGEST_SECONDS: Final = 900.0
RETRY_SECONDS: Final = 120.0
SLACK_SECONDS: Final = 60.0
# A virtual environment around Dagster is not Meltano's, nor are its modules. With the last one, as
# images of containers like to set it, every start of Meltano would compile all modules again.
FOREIGN: Final = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE")


@dataclass(frozen=True)
class Settings:
    """Which Meltano runs which project, and how long it may take.

    `environment` is Meltano's, such as `prod`; if it is "", Meltano decides, by `.env` or itself.
    `longest_seconds` limits one try, 0 for no limit; `retry_seconds` is the pause before the second
    one, which doubles before the third.
    """

    project: Path
    environment: str
    meltano: str
    longest_seconds: float = LONGEST_SECONDS
    retry_seconds: float = RETRY_SECONDS

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read them.

        Raises:
            ValueError: A number is none, or below 0.
        """
        project = Path(environ.get("MELTANO_PROJECT_ROOT") or CHECKOUT)
        return cls(
            project=project,
            environment=environ.get("MELTANO_ENVIRONMENT") or "",
            meltano=environ.get("MELTANO") or _meltano(project),
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

    def environ(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment variables Meltano is started with."""
        kept = {name: text for name, text in os.environ.items() if name not in FOREIGN}
        named = {"MELTANO_ENVIRONMENT": self.environment} if self.environment else {}
        return {
            # Meltano passes the tap's lines on without their level; as JSON they carry it.
            "TAP_EMAG_LOG_FORMAT": "json",
            **kept,
            "NO_COLOR": "1",
            **(extra or {}),
            "MELTANO_PROJECT_ROOT": str(self.project),
            **named,
            "MELTANO_JOB_TRIGGER": "dagster",
        }


def _meltano(project: Path) -> str:
    """Find Meltano where `make setup` puts it, else where a shell would."""
    for folder in (project, CHECKOUT):
        if (found := folder / ".venv" / "bin" / "meltano").exists():
            return str(found)
    return shutil.which("meltano") or "meltano"


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name) or default
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{name}: {text!r} is no number of seconds") from None
    if not 0 <= number < float("inf"):
        raise ValueError(f"{name}: {text!r} is no number of seconds, 0 or more")
    return number
