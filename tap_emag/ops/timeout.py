"""How long a run may take before it counts as stuck."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tap_emag.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

ENV: Final = "EMAG_OPS_TIMEOUT_MINUTES"
OPTION: Final = "--timeout-minutes"
DEFAULT: Final = "15"
USUAL: Final = (5, 60)  # minutes
FORCED: Final = (0, 10080)  # minutes; a week


def timeout(
    option: str | None, *, force: bool = False, environment: Mapping[str, str] = os.environ
) -> timedelta:
    """Return what the option says, else the environment, else 15 minutes.

    Raises:
        ConfigurationError: It is no number, or out of range; `force` widens the range.
    """
    name, text = (OPTION, option) if option is not None else (ENV, environment.get(ENV) or DEFAULT)
    low, high = FORCED if force else USUAL
    try:
        minutes = float(text)
    except ValueError:
        minutes = float("nan")
    if not low <= minutes <= high:
        wider = "" if force else f", or add --force for {FORCED[0]} to {FORCED[1]}"
        raise ConfigurationError(
            [f"{name}: {text!r} will not do; write minutes, from {low} to {high}{wider}"]
        )
    return timedelta(minutes=minutes)
