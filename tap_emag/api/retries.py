"""Decides when a failed request is retried: transient errors only, with growing pauses."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal, NamedTuple

from tenacity import Retrying, retry_if_exception_type, wait_random_exponential

from tap_emag.errors import ThrottledError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState

    from tap_emag.settings.settings import Settings

logger = logging.getLogger("tap-emag")

THROTTLED = 8  # attempts after HTTP 429 that count as one: meanwhile the rate limiter slows down
LONGEST = 3600.0  # seconds of one call, with its retries and waits for the circuit breaker
FIRST_ATTEMPTS = 3  # while the API has never answered, the cause is hardly a transient one
OPTIONAL_ATTEMPTS = 2


class Limit(NamedTuple):
    """How many failures end the attempts; `when_open`: what an open circuit breaker changes."""

    failures: int
    when_open: Literal["wait", "stop", "count"] = "wait"

    def reached(self, failures: int, *, is_open: bool) -> bool:
        """Return whether to give up after so many failures."""
        if is_open and self.when_open != "count":
            return self.when_open == "stop"
        return failures >= self.failures


def retrying(
    settings: Settings,
    give_up: Callable[[int], bool],
    sleep: Callable[[float], None],
    again: Callable[[BaseException], None],
) -> Retrying:
    """Return the policy: the pause that the server asks for, or a jittered exponential one.

    After a call's first HTTP 429 there is none: the rate limiter pauses all calls.

    Args:
        settings: The pauses' bounds.
        give_up: Returns whether so many failures are enough.
        sleep: Used for every pause; may raise to end it early.
        again: Called with the error before each further attempt.
    """
    backoff = wait_random_exponential(
        multiplier=settings.retry_wait_min_seconds, max=settings.retry_wait_max_seconds
    )
    throttled = 0

    def count(state: RetryCallState) -> None:
        nonlocal throttled
        error = state.outcome.exception() if state.outcome else None
        throttled += isinstance(error, ThrottledError)

    def stop(state: RetryCallState) -> bool:
        failures = state.attempt_number - throttled - (-throttled // THROTTLED)
        too_long = (state.seconds_since_start or 0) >= LONGEST
        return too_long or give_up(failures)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait if isinstance(error, TransientError) else None
        if asked is not None:
            return min(asked, settings.retry_wait_max_seconds)
        if isinstance(error, ThrottledError) and throttled == 1:
            return 0.0
        return max(backoff(state), settings.retry_wait_min_seconds)

    def log(state: RetryCallState) -> None:
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
        after=count,
        before_sleep=log,
        reraise=True,
    )
