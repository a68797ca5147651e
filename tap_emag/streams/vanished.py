"""Protects against a reading in which too many rows are missing at once.

One empty reply must not delete a complete shop: the run would write hundreds of deletions, and the
next one hundreds of new versions. So the list is read again after a pause. If the rows are still
missing, the stream fails, and their bookmark entries are kept.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_emag.errors import VanishedError

if TYPE_CHECKING:
    from tap_emag.run import Run

logger = logging.getLogger("tap-emag")

ROWS_AT_ONCE = 20  # rows that may vanish at once, however few are known
SHARE = 10  # of so many known rows, one may vanish
LOOK_AGAIN_SECONDS = 60.0
PART_OF_STALL = 3  # the pause is at most a third of `stall_timeout_seconds`


@dataclass(frozen=True)
class Vanishing:
    """Judges how many of the `known` rows of a list are missing."""

    run: Run
    name: str
    known: int

    def is_doubtful(self, missing: int) -> bool:
        """Return whether to read again: too many rows are missing, or all of them."""
        return self._is_mass(missing) or missing >= self.known > 0

    def pause(self, missing: int) -> None:
        """Wait before the list is read again.

        Raises:
            EmagError: The run was asked to end meanwhile.
        """
        stall = self.run.settings.stall_timeout_seconds
        seconds = min(LOOK_AGAIN_SECONDS, stall / PART_OF_STALL) if stall else LOOK_AGAIN_SECONDS
        logger.warning("%s; reading again in %g s", self._figures(missing), seconds)
        self.run.watchdog.pause(seconds)

    def check(self, missing: int) -> None:
        """Do nothing unless too many rows are missing, and `allow_mass_deletion` is not set.

        Raises:
            VanishedError: They are.
        """
        if not self._is_mass(missing):
            return
        if self.run.settings.allow_mass_deletion:
            logger.warning("%s; allow_mass_deletion accepts it", self._figures(missing))
            return
        raise VanishedError(
            f"{self._figures(missing)}, and still were when the list was read again, so none is"
            " taken for deleted. Run again later; if they are really gone, allow it for one run:"
            " allow_mass_deletion=true"
        )

    def _is_mass(self, missing: int) -> bool:
        return missing > ROWS_AT_ONCE and missing * SHARE > self.known

    def _figures(self, missing: int) -> str:
        return f"{self.name}: {missing} of {self.known} known rows were missing"
