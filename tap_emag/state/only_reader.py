"""Lets one pipeline alone write the versions of a list's rows to a loader.

A pipeline writes each version that its own bookmarks do not have. So two pipelines that read one
list into the same tables would write each version twice. Meltano's database has the bookmarks of
both.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_emag.errors import ConfigurationError
from tap_emag.meltano.variables import variable
from tap_emag.state.bookmarks import EARLIEST, REACHED, sanitize_state
from tap_emag.state.delivered import SENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tap_emag.meltano.kept_states import KeptState
    from tap_emag.state.bookmarks import State

PAGE = "docs/runs.md, One pipeline for offers"


class VersionedList(NamedTuple):
    """A list of one account, of which child streams write each version as a row of its own.

    `name` is the key of its fingerprints in the bookmark of `stream`.
    """

    stream: str
    name: str
    children: frozenset[str]
    account: Mapping[str, Any]

    def newest(self, states: Iterable[Any], now: datetime) -> datetime | None:
        """Return the time of the newest version that was written, by the bookmarks of states."""
        times = [
            datetime.fromisoformat(bookmark[REACHED]) if REACHED in bookmark else EARLIEST
            for state in states
            for bookmark in self._bookmarks(state, now)
            if bookmark["context"] == self.account and bookmark.get(self.name + SENT)
        ]
        return max(times, default=None)

    def lock(self, *place: str) -> str:
        """Return the name of a lock on the list in one place."""
        return " ".join((self.stream, *map(str, self.account.values()), *place))

    def _bookmarks(self, state: Any, now: datetime) -> list[State]:  # noqa: ANN401 - any JSON
        """Return the valid bookmarks of a state that has one of the child streams."""
        try:
            bookmarks = state["bookmarks"]
            entries = {self.stream: bookmarks[self.stream]} if self.children & {*bookmarks} else {}
        except (KeyError, TypeError):
            entries = {}
        if not entries:
            return []
        valid = sanitize_state({"bookmarks": entries}, (), now, lambda _: None)
        found: list[State] = valid["bookmarks"][self.stream].get("partitions", [])
        return found


def is_first_reader(
    wanted: VersionedList,
    own: str,
    states: Iterable[KeptState],
    now: datetime,
    warn: Callable[..., None],
) -> bool:
    """Return whether no pipeline has written versions of a list to this one's loader.

    Args:
        wanted: The list.
        own: This pipeline's state id.
        states: Those of all pipelines with this loader, and the one that this run begins with.
        now: The aware time of this machine's clock.
        warn: Called with a log message if another pipeline has read the list since this one.

    Raises:
        ConfigurationError: Another pipeline has, and this one never.
    """
    found = [(wanted.newest(each.states, now), each) for each in states]
    known = [(newest, each) for newest, each in found if newest]
    if not known:
        return True
    mine = max((newest for newest, each in known if each.state_id == own), default=None)
    newest, other = max(known, key=lambda one: one[0])
    account = "/".join(map(str, wanted.account.values()))
    if mine is None:
        problem = (
            f"{wanted.stream}: {other.state_id} has written those of {account} to this loader, and"
            " this pipeline would write each version once more, as it has no bookmark of them;"
            f" write `{other.command}`. To go on with this pipeline instead, or with both, see"
            f" {PAGE} ({variable('allow_second_pipeline')})"
        )
        raise ConfigurationError([problem])
    if newest > mine:
        warn(
            "%s: %s has also written those of %s to this loader, since this pipeline's last run:"
            " each version is there twice. Use one of the two, see %s",
            wanted.stream,
            other.state_id,
            account,
            PAGE,
        )
    return False
