"""Options of several commands: the taps' state folder and store, and the timeout of runs."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
import platformdirs

from tap_emag.errors import ConfigurationError
from tap_emag.meltano.variables import APP

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

F = TypeVar("F", bound="Callable[..., Any]")


def state_folder() -> Path:
    """Return the taps' state_dir, from their setting or its default."""
    given = os.environ.get("TAP_EMAG_STATE_DIR")
    return Path(given) if given else platformdirs.user_state_path(APP)


def state_options(function: F) -> F:
    """Add --state-dir and --rate-limit-store, which default to the taps' settings."""
    function = click.option(
        "--state-dir",
        type=click.Path(path_type=Path, file_okay=False),
        default=state_folder,
        help="The taps' state_dir. [default: TAP_EMAG_STATE_DIR, or the user's own state folder]",
    )(function)
    return click.option(
        "--rate-limit-store",
        envvar="TAP_EMAG_RATE_LIMIT_STORE",
        help="The taps' rate_limit_store, if budgets are kept in Postgres.",
    )(function)


ENV: Final = "EMAG_OPS_TIMEOUT_MINUTES"


OPTION: Final = "--timeout-minutes"


DEFAULT: Final = "15"


USUAL: Final = (5, 60)  # minutes


FORCED: Final = (0, 10080)  # minutes; a week


def timeout(
    option: str | None, *, force: bool = False, environment: Mapping[str, str] = os.environ
) -> timedelta:
    """Return the option's value, else the environment's, else 15 minutes.

    Raises:
        ConfigurationError: It is not a number, or out of range; `force` widens the range.
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
