"""The state as a run is given it: whatever is damaged in it is left out, and said.

A bookmark that cannot be read, or that lies in the future, is worth nothing: the stream is read
again from `start_date`, which does no harm. What is no state at all is refused, since somebody gave
the wrong file.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from tap_emag.changes import Fingerprints
from tap_emag.errors import ConfigurationError
from tap_emag.types import parse_integer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

State = dict[str, Any]
EARLIEST = datetime(2000, 1, 1, tzinfo=timezone.utc)
SLACK = timedelta(days=1)  # by which this machine's clock may be wrong
MARKERS = "progress_markers"  # the SDK's own, emptied at the begin of each run
MOMENTS = ("replication_key_value", "read_at")
DATED = ("invoices", "customer_invoices")  # streams whose bookmark is a date
FINGERPRINTS = {"offers", "rows", "returns", "awbs"}
SENT = {f"{name}_sent" for name in FINGERPRINTS}
LARGEST_SENT = 2**62  # no pipeline sends so many rows
PIPELINE = re.compile(r"[0-9a-f]{16}")


def usable(
    state: object, streams: Collection[str], now: datetime, warn: Callable[[str], None]
) -> State:
    """Return what can be used of a state.

    Args:
        state: What was given, of any form.
        streams: The names of the tap's streams; entries of others pass as they are.
        now: The present moment, aware.
        warn: Told of each stream whose entry is damaged.

    Raises:
        ConfigurationError: It is no state at all.
    """
    bookmarks = state.get("bookmarks", {}) if isinstance(state, dict) else None
    if not isinstance(bookmarks, dict):
        problem = (
            "state: is none that tap-emag wrote; give the object with `bookmarks` in it, or clear"
            " the state: `meltano state clear`"
        )
        raise ConfigurationError([problem])
    if isinstance(state, dict) and state and "bookmarks" not in state:
        warn("the state holds no `bookmarks`: everything is read from start_date")
    checked = {}
    for stream, entry in bookmarks.items():
        damaged: list[str] = []
        checked[stream] = _entry(entry, now, damaged.append, dated=stream in DATED)
        for what in damaged:
            warn(f"the state of {stream if stream in streams else 'another stream'}: {what}")
    return {"bookmarks": checked}


def _entry(entry: object, now: datetime, damaged: Callable[[str], None], *, dated: bool) -> State:
    if not isinstance(entry, dict):
        damaged("is no object; it is read from start_date")
        return {}
    found = {name: value for name, value in entry.items() if name not in {MARKERS, "partitions"}}
    if "partitions" in entry:
        good = _partitions(entry["partitions"], damaged)
        found["partitions"] = [_partition(one, now, damaged, dated=dated) for one in good]
    return found


def _partitions(partitions: object, damaged: Callable[[str], None]) -> list[State]:
    listed = partitions if isinstance(partitions, list) else [partitions]
    good = [one for one in listed if isinstance(one, dict) and isinstance(one.get("context"), dict)]
    if len(good) < len(listed):
        damaged("holds a bookmark of nobody, which is left out")
    times = Counter(_name(one["context"]) for one in good)
    if any(number > 1 for number in times.values()):
        damaged("holds two bookmarks of one account; both are left out: read from start_date")
    return [one for one in good if times[_name(one["context"])] == 1]


def _name(context: State) -> str:
    return repr(sorted((name, repr(value)) for name, value in context.items()))


def _partition(one: State, now: datetime, damaged: Callable[[str], None], *, dated: bool) -> State:
    found = {name: value for name, value in one.items() if name != MARKERS}
    for name in MOMENTS:
        if found.get(name) is not None:
            moment = _moment(found[name], now, dated=dated)
            if moment is None:
                damaged("its bookmark is no time, or in the future; it is read from start_date")
                # Fingerprints stay: they tell what was written, whenever that was.
                del found[name]
            else:
                found[name] = moment
    for names, good, what in CHECKS:
        for name in names & found.keys():
            if not good(found[name]):
                damaged(what)
                del found[name]
    return found


def _moment(value: object, now: datetime, *, dated: bool) -> str | None:
    """Return a time as bookmarks have it, in UTC or as a date; None when it cannot be one."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
        aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        moment = aware.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
    if not EARLIEST <= moment <= now + SLACK:
        return None
    return aware.date().isoformat() if dated else moment.isoformat()


def _integers(values: object) -> bool:
    try:
        return isinstance(values, list) and all(
            isinstance(value, int) and parse_integer(value) == value for value in values
        )
    except ValueError:
        return False


def _is_fingerprints(value: object) -> bool:
    return not value or Fingerprints.unpack(value) is not None


def _is_offer(value: object) -> bool:
    return value is None or _integers([value])


def _is_number(value: object) -> bool:
    return isinstance(value, int) and _integers([value]) and 0 <= value <= LARGEST_SENT


def _is_pipeline(value: object) -> bool:
    return isinstance(value, str) and bool(PIPELINE.fullmatch(value))


# Beside moments: which values of a bookmark there are, when they are good, and what is said if not.
CHECKS: tuple[tuple[set[str], Callable[[object], bool], str], ...] = (
    (FINGERPRINTS, _is_fingerprints, "its fingerprints are damaged: all rows are written again"),
    ({"open"}, _integers, "its list of open returns is damaged, and left out"),
    ({"last_offer"}, _is_offer, "the offer it came to is damaged: it begins with the first"),
    ({"pipeline"}, _is_pipeline, "the name of its pipeline is damaged: it gets a new one"),
    (SENT, _is_number, "how much was sent is damaged: rows are written again"),
)
