"""Syncs streams in lanes: side by side what draws on different budgets, in turn what shares one.

Orders have a request budget of their own; run after one another, one budget would idle while the
other is used. Rows of different streams then mix in the output, which Singer allows; what must not
mix are the parts of a message, and a state with half a change in it: see `EmagStream` and
`LockedWriter`.

A stream whose replies make no sense, or that never held still, does not keep the others from being
read: it is told at once, and again by the exit code. Anything else ends all lanes.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from singer_sdk.contrib.msgspec import MsgSpecWriter

from tap_emag.errors import ContractError, EmagError, EndedEarlyError, UnsteadyError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from singer_sdk.singerlib.encoding.simple import Message

    from tap_emag.life import Life
    from tap_emag.streams.base import EmagStream

logger = logging.getLogger("tap-emag")


class LockedWriter(MsgSpecWriter):
    """Writes whole messages, whichever thread they come from.

    msgspec is fast, and writes Decimal as an exact JSON number.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - the SDK's own
        """Make the lock."""
        super().__init__(*args, **kwargs)
        self._lock = threading.Lock()

    def write_message(self, message: Message) -> None:
        """Write one message to standard output."""
        with self._lock:
            super().write_message(message)


def sync(lanes: Sequence[Sequence[EmagStream]], life: Life) -> None:
    """Sync every lane's streams, each lane in a thread of its own.

    Raises:
        EmagError: The first failure, when all lanes have come to their end.
    """
    failures: list[EmagError] = []
    if not lanes:
        return
    with ThreadPoolExecutor(len(lanes), "lane") as executor:
        running = {executor.submit(_run, lane, failures) for lane in lanes}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for error in (future.exception() for future in done):
                if error is None:
                    continue
                _end_others(life, error, running)
                if not isinstance(error, EmagError):
                    raise error
                failures.insert(0, error)
    if failures:
        raise failures[0]


def _run(lane: Sequence[EmagStream], failures: list[EmagError]) -> None:
    for stream in lane:
        failure = _synced(stream)
        if failure:
            failures.append(failure)


def _synced(stream: EmagStream) -> EmagError | None:
    """Sync one stream; return what kept it from being read whole, if that is its own affair."""
    try:
        with stream.observed():
            stream.sync()
            stream.finalize_state_progress_markers()
    except (ContractError, UnsteadyError) as error:
        logger.warning("%s was not read whole, the other streams go on: %s", stream.name, error)
        return error
    return None


def _end_others(life: Life, error: BaseException, running: set[Future[None]]) -> None:
    """Ask the other lanes to end, with what is complete written."""
    if running and not life.ending:
        reason = error if isinstance(error, EmagError) else EndedEarlyError("another stream failed")
        life.end(reason)
