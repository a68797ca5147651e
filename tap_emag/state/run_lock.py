"""Lets only one run at a time use a state, on this host.

With two runs at once, the slower one's loader could write an older version over a newer one. The
state that is written last would still record the newer one. A lock ends with its process, by a kill
as well, so a killed run does not block the next one.
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tap_emag.errors import AnotherRunError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_emag.state.store import StateStore

logger = logging.getLogger("tap-emag")

HOLDER = "SELECT token, pid FROM run_locks WHERE name = ?"
TAKE = "REPLACE INTO run_locks VALUES (?, ?, ?)"
RELEASE = "DELETE FROM run_locks WHERE name = ? AND token = ?"


@contextmanager
def only_run(
    store: StateStore, names: Iterable[str], use: str = "uses this state"
) -> Iterator[None]:
    """Lock these names: of pipelines, or of other work for one process at a time.

    `use` describes what another run does with them. Where they cannot be locked, the run logs that
    and goes on without locks.

    Raises:
        AnotherRunError: Another process has locked one of them.
    """
    wanted = sorted(set(names))
    try:
        _take(store, wanted, use)
    except OSError as error:
        logger.warning(
            "%s does not support locks (%s): two runs of one state at once are not noticed",
            store.folder,
            error.strerror,
        )
    try:
        yield
    finally:
        with suppress(OSError):
            _release(store, wanted)


def _take(store: StateStore, names: list[str], use: str) -> None:
    token = store.liveness.token()
    with store.transaction() as state:
        for name in names:
            holder, pid = state.execute(HOLDER, (name,)).fetchone() or ("", 0)
            if store.liveness.lives(holder):
                raise AnotherRunError(
                    f"another run {use} (process {pid}), so this one made no request."
                    " Start it again when that one has ended; a run that hangs is ended by"
                    " `emag-ops cleanup-stuck-runs`"
                )
            state.execute(TAKE, (name, token, os.getpid()))


def _release(store: StateStore, names: list[str]) -> None:
    token = store.liveness.token()
    with store.transaction() as state:
        state.executemany(RELEASE, [(name, token) for name in names])
