"""The function that runs when a task has failed for good; another one can be named."""

from __future__ import annotations

import importlib
import logging
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VARIABLE = "EMAG_ON_FAILURE"
logger = logging.getLogger("emag")


def log_failure(context: Mapping[str, Any]) -> None:
    """Log the last line of the tap, with its DAG and task."""
    lines = str(context.get("exception") or "").strip().splitlines() or ["no reason given"]
    task = context.get("task_instance")
    name = f"{task.dag_id}.{task.task_id}" if task else "a task"
    logger.critical("%s has failed: %s", name, lines[-1])


def chosen() -> Callable[[Mapping[str, Any]], None]:
    """Return the function that `EMAG_ON_FAILURE` names, as `module.function`, or `log_failure`.

    Raises:
        ImportError: There is no such function.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return log_failure
    module, _, function = named.rpartition(".")
    try:
        found: Callable[[Mapping[str, Any]], None] = getattr(
            importlib.import_module(module), function
        )
    except (ImportError, ValueError, AttributeError) as error:
        raise ImportError(f"{VARIABLE}={named} names no function: {error}") from error
    return found
