"""Syncs streams of different buckets in parallel, those of one bucket in turn.

Orders have their own bucket; without parallel syncs, one budget would idle while the other is used.
So rows of different streams mix in the output, which Singer allows. `LockedWriter` keeps the parts
of a message together, and `EmagStream` never writes a state in the middle of a change.

Streams that need no request wait for the API's first answer: their rows would look as if the
settings were good, to Meltano's test of them and to a person.

A contained error (invalid replies, rows that kept changing, a refused resource) fails only its
stream. It is logged at once, and decides the exit code. Any other error ends all buckets.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tap_emag.errors import ConfigurationError, EmagError, EndedEarlyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

    from tap_emag.reporting.observer import Observer
    from tap_emag.streams.base import EmagStream
    from tap_emag.watchdog import Watchdog

LOOK = 0.02  # seconds
NO_THREAD = "can't start new thread"
THREADS = (
    "threads: the system starts no more of them; raise the limit of processes (ulimit -u, TasksMax"
    " of systemd, the container's pids limit) or of memory, or write a smaller"
    " max_concurrent_requests"
)
logger = logging.getLogger("tap-emag")


def sync(
    buckets: Sequence[Sequence[EmagStream]],
    watchdog: Watchdog,
    observer: Observer,
    without_requests: Sequence[EmagStream] = (),
    answered: threading.Event | None = None,
) -> None:
    """Sync the streams of every bucket, each bucket in a thread of its own.

    Args:
        buckets: Streams by the request budget they use.
        watchdog: The run's deadline, stall watch and signals.
        observer: Watches each stream's sync.
        without_requests: Streams that wait for `answered`, or for the end of all buckets.
        answered: Set when the API has let this caller in.

    Raises:
        EmagError: The first failure, when all buckets have ended.
    """
    failures: list[EmagError] = []
    with ThreadPoolExecutor(len(buckets) + 1, "bucket") as executor:
        asking = [executor.submit(_run, bucket, observer, failures) for bucket in buckets]

        def run_last() -> None:
            if not without_requests or _let_in(asking, answered or threading.Event(), watchdog):
                _run(without_requests, observer, failures)

        running = {*asking, executor.submit(run_last)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for error in (future.exception() for future in done):
                if error is None:
                    continue
                _end_others(watchdog, error, running)
                if not isinstance(error, EmagError):
                    raise error
                failures.insert(0, error)
    if failures:
        raise failures[0]


def _run(bucket: Sequence[EmagStream], observer: Observer, failures: list[EmagError]) -> None:
    for stream in bucket:
        failures.extend(_synced(stream, observer))


def _let_in(asking: list[Future[None]], answered: threading.Event, watchdog: Watchdog) -> bool:
    """Wait for the API's first answer; without one, return whether all buckets succeeded."""
    while not answered.wait(LOOK):
        watchdog.check()
        if all(bucket.done() for bucket in asking):
            return not any(bucket.exception() for bucket in asking)
    return True


def _synced(stream: EmagStream, observer: Observer) -> list[EmagError]:
    """Sync one stream; return the contained errors that kept it or its children incomplete."""
    try:
        with observer.sync(stream):
            stream.sync()
            stream.finalize_state_progress_markers()
    except EmagError as error:
        if not error.contained:
            raise
        logger.warning(
            "%s was not read completely, the other streams go on: %s", stream.name, error
        )
        return [error]
    return stream.child_failures


def _end_others(watchdog: Watchdog, error: BaseException, running: set[Future[None]]) -> None:
    """Ask the other buckets to write complete rows and end."""
    if running and not watchdog.ending:
        reason = error if isinstance(error, EmagError) else EndedEarlyError("another stream failed")
        watchdog.end(reason)


@contextmanager
def threads() -> Iterator[None]:
    """Convert the system's refusal to start a thread to an error that names the remedy.

    Raises:
        ConfigurationError: The system starts no more threads.
    """
    try:
        yield
    except RuntimeError as error:
        if NO_THREAD not in str(error):
            raise
        raise ConfigurationError([THREADS]) from None
