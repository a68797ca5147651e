"""What all streams share: schemas from tables, children written along, proven bookmarks."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.metrics import DEFAULT_LOG_INTERVAL, Counter, Metric, Tag

from tap_emag.errors import EmagError
from tap_emag.ledger import Ledger
from tap_emag.readers import Ordered
from tap_emag.tables.rejected import unusable

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Iterable, Mapping
    from contextlib import AbstractContextManager

    from singer_sdk.helpers.types import Context, Record

    from tap_emag.metrics import Counts
    from tap_emag.readers import Scan
    from tap_emag.tables.table import Finding, Table
    from tap_emag.tap import TapEmag

T = TypeVar("T")


class Row(dict[str, Any]):
    """A parent's row with the rows of its child streams, by stream name, out of the same reply."""

    def __init__(self, row: Mapping[str, Any], children: Mapping[str, list[Record]]) -> None:
        """Keep the children beside the row, where no target sees them."""
        super().__init__(row)
        self.children = children


class RowCounter(Counter):
    """The SDK's counter of a stream's rows, which counts them for Prometheus as well."""

    def __init__(self, counts: Counts, stream: str, log_interval: float) -> None:
        """Count the rows of a stream."""
        super().__init__(Metric.RECORD_COUNT, {Tag.STREAM: stream}, log_interval)
        self._counts = counts
        self._stream = stream

    def increment(self, value: int = 1) -> None:
        """Count a row."""
        super().increment(value)
        self._counts.wrote(self._stream)


class EmagStream(Stream):
    """A stream that fills one table.

    The SDK would move the bookmark with every row and run each child stream once per parent row.
    Here a bookmark moves when a reading was proven whole, and children are written along with their
    parent, so both of those hooks are replaced.
    """

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # the tables hand over what JSON can hold
    table: ClassVar[Table]
    lane: ClassVar[str] = "other"  # streams of different lanes are synced side by side
    _tap: TapEmag

    def __init__(self, tap: TapEmag) -> None:
        """Take name, schema and keys from the table."""
        super().__init__(tap, schema=self.table.schema(), name=self.table.name)
        self.primary_keys = self.table.keys
        self.logger.addFilter(_told_by_the_command)
        self._found: set[tuple[Finding, str]] = set()
        self._writing: dict[str, tuple[ChildStream, Counter]] = {}  # by name

    @property
    def partitions(self) -> list[dict[str, Any]] | None:
        """One bookmark per account, so that a state used by another account starts afresh."""
        return [self.account_context]

    @property
    def account_context(self) -> dict[str, Any]:
        """What tells this account's bookmarks from another's."""
        return self._tap.account.columns()

    @property
    def bookmarked(self) -> bool:
        """Tell whether an earlier run has read this stream: if not, it is read in full."""
        return self.oldest_bookmark is not None

    @property
    def oldest_bookmark(self) -> dt.datetime | None:
        """The moment up to which all partitions are read; None while one has not begun."""
        with self._tap.state_lock:
            states = [self.get_context_state(part) for part in self.partitions or []]
        found = [_moment(state) for state in states]
        known = [moment for moment in found if moment is not None]
        return min(known) if known and len(known) == len(found) else None

    def observed(self) -> AbstractContextManager[None]:
        """Return the context that watches this stream's sync."""
        return self._tap.observer.sync(self)

    def get_record_counter(
        self,
        *,
        endpoint: str | None = None,  # noqa: ARG002
        log_interval: float = DEFAULT_LOG_INTERVAL,
    ) -> Counter:
        """Return what counts this stream's rows."""
        return RowCounter(self._tap.counts, self.name, log_interval)

    def met(self, action: str, number: int = 1) -> None:
        """Count rows by what became of them: created, updated, unchanged, failed."""
        if number:
            self._tap.counts.met(self.name, action, number)

    def reached(self, what: str, where: str, done: float | None = None, rows: int = 0) -> None:
        """Tell how far a reading is: `done` from 0 to 1, with so many rows since the last time."""
        self._tap.life.reached(what, where)
        self._tap.progress.met(what, where, done, rows)

    def reached_page(self, what: str, scan: Scan, rows: int) -> None:
        """Tell how far a scan is, after a page of so many rows."""
        read, total = len(scan.seen), max(scan.total, 1)
        self.reached(what, f"{read} of about {scan.total} read", min(1.0, read / total), rows)

    def get_replication_key_signpost(
        self,
        context: Context | None = None,  # noqa: ARG002
    ) -> dt.datetime | None:
        """Return none: no bookmark here is taken from a row."""
        return None

    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Do nothing: each stream reads its own bookmark."""

    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Do nothing: see `move_bookmark`."""

    # Streams are synced side by side and share one state: whoever touches it holds the lock.

    @property
    def stream_state(self) -> dict[str, Any]:
        """The stream's part of the state, made when it is missing."""
        with self._tap.state_lock:
            return super().stream_state

    def get_context_state(self, context: Context | None) -> dict[str, Any]:
        """Return the partition's part of the state, made when it is missing."""
        with self._tap.state_lock:
            return super().get_context_state(context)

    def finalize_state_progress_markers(self, state: dict[str, Any] | None = None) -> None:
        """Write the stream's last state, and end its child streams."""
        with self._tap.state_lock:
            super().finalize_state_progress_markers(state)
        self.end_children()

    def _finalize_state(self, state: dict[str, Any] | None = None) -> None:
        with self._tap.state_lock:
            super()._finalize_state(state)

    def _write_state_message(self) -> None:
        with self._tap.state_lock:
            super()._write_state_message()

    def move_bookmark(self, context: Context | None, **values: Any) -> None:  # noqa: ANN401
        """Set values of the partition's bookmark and write the state, behind all rows so far."""
        with self._tap.state_lock:
            self.get_context_state(context).update(replication_key=self.replication_key, **values)
            self.state_manager.is_flushed = False
            self._write_state_message()

    def ledger(self, context: Context | None, name: str) -> Ledger:
        """Open the ledger of what was written, with the fingerprints of that name in the state."""
        with self._tap.state_lock:
            bookmark = self.get_context_state(context)
            return Ledger(self._tap.settings.state_dir / "sent" / self.name, bookmark, name)

    @cached_property
    def requests(self) -> Ordered:
        """What this stream sends requests with, several at once."""
        return Ordered(
            self._tap.executor(self.lane),
            self._tap.life,
            self._tap.settings.max_concurrent_requests,
        )

    def begin_children(self) -> None:
        """Announce the schemas of the selected child streams, before their first rows."""
        for child in self.child_streams:
            new = child.selected and child.name not in self._writing
            if new and isinstance(child, ChildStream):
                child._write_schema_message()  # noqa: SLF001 - this class
                self._writing[child.name] = (child, child.get_record_counter())

    def let_children_follow(self, keys: Collection[int]) -> None:
        """Let child streams write what takes requests of their own, by the keys that were read."""
        for child, _ in list(self._writing.values()):
            child.write_all(self, keys)

    def end_children(self) -> None:
        """Report how many rows the child streams got."""
        while self._writing:
            _, (_, counter) = self._writing.popitem()
            counter.exit()

    def write_child(self, name: str, row: Record) -> None:
        """Write a row of a child stream, if that stream is selected."""
        if name in self._writing:
            child, counter = self._writing[name]
            child._write_record_message(row)  # noqa: SLF001
            counter.increment()

    def write_children(self, row: Row) -> None:
        """Write the rows of child streams that come with a row."""
        for name, rows in row.children.items():
            for child_row in rows:
                self.write_child(name, child_row)

    def writes(self, name: str) -> bool:
        """Tell whether a child stream is selected."""
        return name in self._writing

    def announce(self, what: str, number: int, resource: str) -> None:
        """Say how long it will take to ask for so many things one by one."""
        if number:
            minutes = number / self._tap.client.rate(resource) / 60
            self.logger.info(
                "%s: %d requests, one for each, about %.1f minutes at the budget's rate",
                what,
                number,
                minutes,
            )

    def _process_record(
        self,
        record: Record,
        child_context: Context | None = None,  # noqa: ARG002
        partition_context: Context | None = None,  # noqa: ARG002
    ) -> None:
        """Write the child rows, unless a stream map drops their parent."""
        if self._writing and isinstance(record, Row):
            if not self.stream_maps[0].get_filter_result(record):
                return
            self.write_children(record)

    def placed(
        self,
        raw: dict[str, Any],
        place: Callable[[dict[str, Any]], T],
        *ids: str,
        stream: str | None = None,
        **partition: Any,  # noqa: ANN401 - whatever was asked for
    ) -> T | None:
        """Return what `place` makes of a row; None when it makes no sense, and is kept apart.

        Args:
            raw: The row as it came.
            place: Turns it into rows of tables.
            ids: The keys its id may stand under; without any it needs none.
            stream: The table it is meant for, by default this stream's.
            partition: What was asked for when it came.

        Raises:
            ContractError: It makes no sense and cannot be kept, since rejected_rows is left out.
        """
        reason, error = unusable(raw, ids), None
        if reason is None:
            try:
                return place(raw)
            except EmagError:
                raise
            except Exception as caught:  # noqa: BLE001 - one row must not keep all others away
                reason, error = f"the tap failed at it: {type(caught).__name__}", caught
        self.reject(raw, reason, error, stream=stream, **partition)
        return None

    def reject(
        self,
        raw: dict[str, Any],
        reason: str,
        error: Exception | None = None,
        *,
        stream: str | None = None,
        **partition: Any,  # noqa: ANN401
    ) -> None:
        """Keep a row in rejected_rows: see `placed`."""
        self._tap.rejected.keep(stream or self.name, raw, reason, partition, error)
        self.met("failed")

    def report(self, table: str, finding: Finding, key: str) -> None:
        """Log a key nobody has declared, or a value that does not fit, once a run."""
        if (finding, f"{table}.{key}") not in self._found:
            self._found.add((finding, f"{table}.{key}"))
            self._tap.counts.found(table, key)
            what = "is not known yet" if finding == "unknown" else "holds a value of another type"
            self.logger.warning("%s.%s %s; it is kept in the column extra", table, key, what)


class ChildStream(EmagStream):
    """A stream whose rows come in its parent's replies, and are written by it."""

    @property
    def partitions(self) -> list[dict[str, Any]] | None:
        """Have no bookmark of its own."""
        return None

    def get_records(self, context: Context | None) -> Iterable[Record]:  # noqa: ARG002
        """Yield nothing: the parent writes this stream's rows."""
        return ()

    def write_all(self, parent: EmagStream, keys: Collection[int]) -> None:
        """Write, when the parent has been read whole, what its replies do not hold: nothing."""


def _told_by_the_command(record: logging.LogRecord) -> bool:
    """Drop the SDK's "unhandled error" line: the command says what went wrong, once."""
    return not str(record.msg).startswith("An unhandled error occurred")


def _moment(state: Mapping[str, Any]) -> dt.datetime | None:
    """Return up to when a partition is read, in UTC; a mere date counts from its beginning."""
    text = state.get("replication_key_value") or state.get("read_at")
    try:
        moment = dt.datetime.fromisoformat(text or "")
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.timezone.utc)
