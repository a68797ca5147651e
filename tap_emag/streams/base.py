"""What all streams share: a table, a bookmark for each account, children, rejected rows."""

from __future__ import annotations

import datetime as dt
import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from tap_emag.errors import EmagError
from tap_emag.progress import spoken
from tap_emag.readers import ConcurrentRequests
from tap_emag.readers.forecast import Forecast
from tap_emag.singer_io import override
from tap_emag.streams.children import Children, Row
from tap_emag.streams.placement import Placement
from tap_emag.streams.sdk_stream import SdkStream
from tap_emag.streams.stream_maps import mapping

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record

    from tap_emag.readers import Scan
    from tap_emag.run import Run
    from tap_emag.state.delivered import DeliveredRows
    from tap_emag.state.only_reader import VersionedList
    from tap_emag.state.order_versions import Version

NO_REQUESTS = "none"  # the bucket of streams that ask the API for nothing
LONG = 30.0  # seconds of requests that are worth a line of their own


class EmagStream(SdkStream):
    """A stream that fills one table."""

    bucket: ClassVar[str] = "other"  # streams of different buckets are synced in parallel

    def __init__(self, tap: Tap, run: Run) -> None:
        """Take name, schema and keys from the table."""
        super().__init__(tap, run)
        self.children = Children()
        self.child_failures: list[EmagError] = []
        self.placement = Placement(run, self.name, self.logger)

    @property
    @override
    def partitions(self) -> list[dict[str, Any]] | None:
        """One bookmark per account, so that another account does not use this one's."""
        return [self.account_context]

    @property
    def account_context(self) -> dict[str, Any]:
        """The columns that identify the account, which its bookmarks are kept by."""
        return self.run.account.columns()

    @property
    def versioned_list(self) -> VersionedList | None:
        """The list of which selected child streams write every version, if there are any."""
        return None

    @property
    def bookmarked(self) -> bool:
        """Whether an earlier run has read this stream; if not, it is read in full."""
        return self.oldest_bookmark is not None

    @property
    def oldest_bookmark(self) -> dt.datetime | None:
        """The moment up to which all partitions are read; None while one has not begun."""
        with self.run.state_lock:
            states = [self.get_context_state(part) for part in self.partitions or []]
        found = [_moment(state) for state in states]
        known = [moment for moment in found if moment is not None]
        return min(known) if known and len(known) == len(found) else None

    @property
    def plan(self) -> str | None:
        """What this sync reads, for the log; None if it sends no request."""
        return "reading the complete list"

    def delivered_rows(self, context: Context | None, name: str) -> DeliveredRows:
        """Return the rows of a list that were written, by the fingerprints in the state."""
        with self.run.state_lock:
            bookmark = self.get_context_state(context)
            return self.run.delivered_rows(self.name, bookmark, name)

    @cached_property
    def requests(self) -> ConcurrentRequests:
        """Sends this stream's requests, several at once."""
        return ConcurrentRequests(
            self.run.executor(self.bucket),
            self.run.watchdog,
            self.run.settings.max_concurrent_requests,
        )

    def count_rows(self, action: str, number: int = 1) -> None:
        """Count rows by action: created, updated, unchanged, failed."""
        if number:
            self.run.recorder.count_rows(self.name, action, number)

    def update_scan_progress(self, what: str, scan: Scan, rows: int) -> None:
        """Update how far a scan is, after a page of so many rows."""
        read, total = len(scan.seen), max(scan.total, 1)
        where = f"{read} of about {scan.total} read"
        self.run.update_progress(what, where, min(1.0, read / total), rows)

    def forecast(self) -> Forecast:
        """Return what a first sync takes; here that of a short list."""
        return Forecast()

    def requests_of_children(self, rows: int) -> int:
        """Return how many requests the selected child streams send for so many rows."""
        chosen = (child for child in self.child_streams if child.selected)
        return sum(child.requests_for(rows) for child in chosen if isinstance(child, ChildStream))

    def announce(self, what: str, number: int, resource: str) -> None:
        """Log how long so many single requests will take."""
        if number:
            seconds = number / self.run.client.rate(resource)
            self.logger.log(
                logging.INFO if seconds >= LONG else logging.DEBUG,
                "%s: %d requests, one for each, about %s at the budget's rate",
                what,
                number,
                spoken(seconds),
            )

    def begin_children(self) -> None:
        """Write the schemas of the selected child streams, before their first rows."""
        self.children.begin(
            child
            for child in self.child_streams
            if child.selected and isinstance(child, ChildStream)
        )

    @override
    def write_children_of(self, record: Record) -> None:
        """Write the child rows, unless a stream map drops their parent."""
        if self.children and isinstance(record, Row) and self._is_kept(record):
            self.children.write_all(record)

    def _is_kept(self, record: Record) -> bool:
        """Return whether stream maps keep a row."""
        if not self.is_mapped:
            return True
        with mapping(self):
            return bool(self.stream_maps[0].get_filter_result(record))

    @override
    def end_children(self) -> None:
        """Log how many rows the child streams got."""
        self.children.end()

    def let_children_expect(self, context: Context, versions: Iterable[Version]) -> bool:
        """Let child streams note rows; return whether one has noted many: see `ChildStream`."""
        part, rows = dict(context), list(versions)
        asked = [each for each in self.children.streams() if isinstance(each, ChildStream)]
        full = [each for each in asked if each.expect(part, rows)]
        return bool(full)

    def let_children_follow(self, keys: Collection[int]) -> None:
        """Let child streams send requests of their own, for the keys that were read.

        A child's contained error fails that child only: it is logged, counted, and kept in
        `child_failures`.
        """
        for child in self.children.streams():
            if isinstance(child, ChildStream):
                self._let_follow(child, keys)

    def _let_follow(self, child: ChildStream, keys: Collection[int]) -> None:
        try:
            child.write_all(self, keys)
        except EmagError as error:
            if not error.contained:
                raise
            self.logger.warning(
                "%s was not read completely, the other streams go on: %s", child.name, error
            )
            self.run.recorder.failed(child.name, error, timed_out=False)
            self.child_failures.append(error)


class ChildStream(EmagStream):
    """A stream whose rows come in its parent's replies; the parent writes them."""

    @property
    @override
    def partitions(self) -> list[dict[str, Any]] | None:
        """Have no bookmark of its own."""
        return None

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        """Yield nothing: the parent writes this stream's rows."""
        return ()

    def requests_for(self, rows: int) -> int:  # noqa: ARG002
        """Return how many requests of its own it sends for so many rows of the parent."""
        return 0

    def expect(self, context: dict[str, Any], versions: Iterable[Version]) -> bool:  # noqa: ARG002
        """Note in the bookmark which rows of the parent need requests of their own: here none.

        The caller writes the state, with the parent's bookmark.

        Args:
            context: The parent's partition.
            versions: Id and time of change of the rows that were read.

        Returns:
            Whether so many are noted that `write_all` must be called before others are.
        """
        return False

    def write_all(self, parent: EmagStream, keys: Collection[int]) -> None:
        """Write the rows that need requests of their own, after the parent is read: none here."""


def _moment(state: Mapping[str, Any]) -> dt.datetime | None:
    """Return the moment up to which a partition is read, in UTC; a date counts as its midnight."""
    text = state.get("replication_key_value") or state.get("read_at")
    try:
        moment = dt.datetime.fromisoformat(text or "")
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.timezone.utc)
