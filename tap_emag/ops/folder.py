"""Where taps keep budgets, breakers and metrics: the options that say so, for several commands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import platformdirs

from tap_emag.checks import APP

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


def state_folder() -> Path:
    """Return the taps' state_dir, as they are told, or by default."""
    given = os.environ.get("TAP_EMAG_STATE_DIR")
    return Path(given) if given else platformdirs.user_state_path(APP)


def state_options(function: F) -> F:
    """Add --state-dir and --rate-limit-store, which default to what the taps are told."""
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
