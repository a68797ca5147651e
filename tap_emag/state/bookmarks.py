"""Validates the incoming state: drops and logs damaged entries.

Without a valid bookmark the stream is read again from `start_date`, which does no harm. A bookmark
in the future was written by a run with a wrong clock, so rows after the newest order may not have
been read: it goes back to that order, or to `start_date` where none is known. An input that is not
a state raises an error, since it is probably the wrong file.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from tap_emag.errors import ConfigurationError
from tap_emag.schema.column_types import parse_integer
from tap_emag.state.fingerprints import Fingerprints

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

State = dict[str, Any]
EARLIEST = datetime(2000, 1, 1, tzinfo=timezone.utc)
SLACK = timedelta(days=1)  # by which a date, or the time of a version, may be ahead
AHEAD = timedelta(minutes=5)  # by which any other time may be ahead, as correct clocks differ
MARKERS = "progress_markers"  # the SDK's own, emptied at the start of each run
REACHED, NEWEST = "replication_key_value", "newest"
MOMENTS = (REACHED, "read_at", NEWEST)
DATED = ("invoices", "customer_invoices")  # streams whose bookmark is a date
VERSIONS = "products"  # the stream whose bookmark only orders versions
FINGERPRINTS = {"offers", "rows", "returns", "awbs", "details"}
NARROWED = {"countries", "language"}  # settings that narrow a list
SENT = {f"{name}_sent" for name in FINGERPRINTS}
LARGEST_PAGE = 1000  # rows; a bookmark with more is damaged
LARGEST_SENT = 2**62  # no pipeline sends so many rows
PIPELINE = re.compile(r"[0-9a-f]{16}")


def sanitize_state(
    state: object, streams: Collection[str], now: datetime, warn: Callable[[str], None]
) -> State:
    """Return the valid part of a state.

    Args:
        state: The input, of any form.
        streams: The names of the tap's streams; warnings do not name others.
        now: The aware time of this machine's clock.
        warn: Called with a sentence for each damaged entry.

    Raises:
        ConfigurationError: The input is not a state.
    """
    bookmarks = state.get("bookmarks", {}) if isinstance(state, dict) else None
    if not isinstance(bookmarks, dict):
        problem = (
            "state: is none that tap-emag wrote; give the object with `bookmarks` in it, or clear"
            " the state: `meltano state clear`"
        )
        raise ConfigurationError([problem])
    if isinstance(state, dict) and state and "bookmarks" not in state:
        warn("the state has no `bookmarks`: everything is read from start_date")
    checked = {}
    for stream, entry in bookmarks.items():
        damaged: list[str] = []
        checked[stream] = _entry(entry, stream, now, damaged.append)
        for what in damaged:
            warn(f"the state of {stream if stream in streams else 'another stream'}: {what}")
    return {"bookmarks": checked}


def _entry(entry: object, stream: str, now: datetime, damaged: Callable[[str], None]) -> State:
    if not isinstance(entry, dict):
        damaged("is not an object; it is read from start_date")
        return {}
    found = {name: value for name, value in entry.items() if name not in {MARKERS, "partitions"}}
    if "partitions" in entry:
        good = _partitions(entry["partitions"], damaged)
        found["partitions"] = [_partition(one, stream, now, damaged) for one in good]
    return found


def _partitions(partitions: object, damaged: Callable[[str], None]) -> list[State]:
    listed = partitions if isinstance(partitions, list) else [partitions]
    good = [one for one in listed if isinstance(one, dict) and isinstance(one.get("context"), dict)]
    if len(good) < len(listed):
        damaged("has a bookmark without an account, which is left out")
    times = Counter(_name(one["context"]) for one in good)
    if any(number > 1 for number in times.values()):
        damaged("has two bookmarks of one account; both are left out: read from start_date")
    return [one for one in good if times[_name(one["context"])] == 1]


def _name(context: State) -> str:
    return repr(sorted((name, repr(value)) for name, value in context.items()))


def _partition(one: State, stream: str, now: datetime, damaged: Callable[[str], None]) -> State:
    found = {name: value for name, value in one.items() if name != MARKERS}
    moments = {}
    for name in MOMENTS:
        if found.get(name) is not None:
            moment = _moment(found.pop(name))
            if moment is None:
                # Fingerprints stay: the rows they describe were written all the same.
                damaged("its bookmark is not a time; it is read from start_date")
            else:
                moments[name] = moment
    _take_back(moments, SLACK if stream in (*DATED, VERSIONS) else AHEAD, now, damaged)
    for name, moment in moments.items():
        found[name] = moment.date().isoformat() if stream in DATED else moment.isoformat()
    for names, good, what in CHECKS:
        for name in names & found.keys():
            if not good(found[name]):
                damaged(what)
                del found[name]
    return found


def _take_back(
    moments: dict[str, datetime], slack: timedelta, now: datetime, damaged: Callable[[str], None]
) -> None:
    """Set a bookmark in the future back to the time from which rows may be missing."""
    for name in (REACHED, "read_at"):
        if name in moments and moments[name] > now + slack:
            ahead = moments.pop(name)
            since = "start_date"
            if name == REACHED and NEWEST in moments:
                moments[name] = min(moments[NEWEST], now)
                since = f"{moments[name]:%Y-%m-%d %H:%M:%S} UTC, the newest order it knows"
            damaged(
                f"its bookmark {ahead:%Y-%m-%d %H:%M:%S} UTC is in the future by this machine's"
                f" clock; it is read from {since}. If that clock is wrong, set it by NTP"
            )


def _moment(value: object) -> datetime | None:
    """Return a time of a bookmark, in UTC; None when it cannot be one."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        moment = aware.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
    return moment if moment >= EARLIEST else None


def _integers(values: object) -> bool:
    try:
        return isinstance(values, list) and all(
            isinstance(value, int) and parse_integer(value) == value for value in values
        )
    except ValueError:
        return False


def _is_fingerprints(value: object) -> bool:
    return not value or Fingerprints.unpack(value) is not None


def _is_number(value: object) -> bool:
    return isinstance(value, int) and _integers([value]) and 0 <= value <= LARGEST_SENT


def _is_moment(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _is_rows(value: object) -> bool:
    return _is_number(value) and int(str(value)) <= LARGEST_PAGE


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_pipeline(value: object) -> bool:
    return isinstance(value, str) and bool(PIPELINE.fullmatch(value))


# The other values of a bookmark: names, check, and the warning if the check fails.
CHECKS: tuple[tuple[set[str], Callable[[object], bool], str], ...] = (
    (FINGERPRINTS, _is_fingerprints, "its fingerprints are damaged: all rows are written again"),
    ({"open"}, _integers, "its list of open returns is damaged, and left out"),
    ({"asked"}, _is_fingerprints, "when items were asked for is damaged: all are asked for again"),
    ({"expected"}, _is_number, "how many rows must come again is damaged, and left out"),
    ({"known_since"}, _is_moment, "since when its rows are known is damaged, and left out"),
    (NARROWED, _is_texts, "what was read of a list is damaged: all is read again"),
    ({"pipeline"}, _is_pipeline, "the name of its pipeline is damaged: it gets a new one"),
    ({"page_rows"}, _is_rows, "how many rows a page has is damaged: it is found out again"),
    (SENT, _is_number, "how much was sent is damaged: rows are written again"),
)
