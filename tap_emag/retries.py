"""When a failed request is tried again: passing failures only, with ever longer pauses."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tenacity import Retrying, retry_if_exception_type, wait_random_exponential

from tap_emag.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState

    from tap_emag.settings import Settings

logger = logging.getLogger("tap-emag")

LONGEST = 3600.0  # seconds one call may take in all, retries and waits for the breaker included


def retrying(
    settings: Settings,
    give_up: Callable[[int], bool],
    sleep: Callable[[float], None],
    again: Callable[[BaseException], None],
) -> Retrying:
    """Return the policy: jittered exponential pauses, the server's wish first.

    Args:
        settings: The pauses' bounds.
        give_up: Told how many attempts have failed, says whether that was enough.
        sleep: What every pause uses; may raise to end it early.
        again: Told of the error that each further attempt is made for.
    """
    backoff = wait_random_exponential(
        multiplier=settings.retry_wait_min_seconds, max=settings.retry_wait_max_seconds
    )

    def stop(state: RetryCallState) -> bool:
        return give_up(state.attempt_number) or (state.seconds_since_start or 0) >= LONGEST

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait if isinstance(error, TransientError) else None
        if asked is not None:
            return min(asked, settings.retry_wait_max_seconds)
        return max(backoff(state), settings.retry_wait_min_seconds)

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        pause = state.next_action.sleep if state.next_action else 0
        logger.warning("%s; attempt %d, again in %.0f s", error, state.attempt_number, pause)
        if error:
            again(error)

    return Retrying(
        stop=stop,
        wait=wait,
        retry=retry_if_exception_type(TransientError),
        sleep=sleep,
        before_sleep=tell,
        reraise=True,
    )
