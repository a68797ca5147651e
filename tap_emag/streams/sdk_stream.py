"""Adapts the Singer SDK's stream: every method that the SDK calls, and nothing else.

The SDK would move the bookmark with every row and run each child stream once per parent row. Here a
bookmark moves when a reading is proven complete, and children are written along with their parent.
Streams are synced in parallel and share one state: each hook that uses it takes the lock.
"""

from __future__ import annotations

import datetime as dt
from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.metrics import DEFAULT_LOG_INTERVAL, Counter, Metric, Tag
from singer_sdk.singerlib import RecordMessage

from tap_emag.singer_io import override
from tap_emag.streams.stream_maps import mapping

if TYPE_CHECKING:
    from collections.abc import Generator

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record

    from tap_emag.metrics import Recorder
    from tap_emag.run import Run
    from tap_emag.schema.table import Table


class SdkStream(Stream):
    """A stream as the SDK sees it."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # rows contain JSON types only
    table: ClassVar[Table]

    def __init__(self, tap: Tap, run: Run) -> None:
        """Take name, schema and keys from the table."""
        super().__init__(tap, schema=self.table.schema(), name=self.table.name)
        self.run = run
        self.primary_keys = self.table.keys

    def begin_output(self) -> Counter:
        """Write the stream's schema, and return the counter of its rows."""
        self._write_schema_message()
        return self.get_record_counter()

    def write_row(self, row: Record) -> None:
        """Write a row that does not come through `get_records`."""
        self._write_record_message(row)

    def write_children_of(self, record: Record) -> None:
        """Write the child rows of a row, before the SDK writes the row itself."""

    def end_children(self) -> None:
        """End the child streams, after the last row."""

    def move_bookmark(self, context: Context | None, **values: Any) -> None:  # noqa: ANN401
        """Set values of the partition's bookmark and write the state, after all rows so far."""
        with self.run.state_lock:
            self.get_context_state(context).update(replication_key=self.replication_key, **values)
            self.state_manager.is_flushed = False
            self._write_state_message()

    @override
    def get_record_counter(
        self,
        *,
        endpoint: str | None = None,
        log_interval: float = DEFAULT_LOG_INTERVAL,
    ) -> Counter:
        """Return the counter of this stream's rows."""
        return RowCounter(self.run.recorder, self.name, log_interval)

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> dt.datetime | None:
        """Return None: no bookmark here is taken from a row."""
        return None

    @override
    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Do nothing: each stream reads its own bookmark."""

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Do nothing: see `move_bookmark`."""

    @property
    @override
    def stream_state(self) -> dict[str, Any]:
        """The stream's part of the state, created when it is missing."""
        with self.run.state_lock:
            return super().stream_state

    @override
    def get_context_state(self, context: Context | None) -> dict[str, Any]:
        """Return the partition's part of the state, created when it is missing."""
        with self.run.state_lock:
            return super().get_context_state(context)

    @override
    def finalize_state_progress_markers(self, state: dict[str, Any] | None = None) -> None:
        """Write the stream's last state, and end its child streams."""
        with self.run.state_lock:
            super().finalize_state_progress_markers(state)
        self.end_children()

    @override
    def _finalize_state(self, state: dict[str, Any] | None = None) -> None:
        with self.run.state_lock:
            super()._finalize_state(state)

    @override
    def _write_state_message(self) -> None:
        with self.run.state_lock:
            super()._write_state_message()

    @override
    def _write_record_message(self, record: Record) -> None:
        with mapping(self) if self.is_mapped else nullcontext():
            super()._write_record_message(record)

    @override
    def _generate_record_messages(self, record: Record) -> Generator[RecordMessage, None, None]:
        """Leave out what is not selected.

        The SDK looks at each value of each row, even if all properties are selected.
        """
        if not self._is_selected_in_full:
            yield from super()._generate_record_messages(record)
            return
        for stream_map in self.stream_maps:
            mapped = stream_map.transform(record)
            if mapped is not None:
                yield RecordMessage(
                    stream=stream_map.stream_alias,
                    record=mapped,
                    version=self._stream_version,
                    time_extracted=dt.datetime.now(dt.timezone.utc),
                )

    @cached_property
    def is_mapped(self) -> bool:
        """Whether stream maps change or drop this stream's rows."""
        return not all(isinstance(each, SameRecordTransform) for each in self.stream_maps)

    @cached_property
    def _is_selected_in_full(self) -> bool:
        return all(self.mask.values())

    @override
    def _process_record(
        self,
        record: Record,
        child_context: Context | None = None,
        partition_context: Context | None = None,
    ) -> None:
        """Write the child rows; the SDK would sync each child stream."""
        self.write_children_of(record)


class RowCounter(Counter):
    """The SDK's counter of a stream's rows, which counts them for Prometheus as well."""

    def __init__(self, recorder: Recorder, stream: str, log_interval: float) -> None:
        """Count the rows of a stream."""
        super().__init__(Metric.RECORD_COUNT, {Tag.STREAM: stream}, log_interval)
        self._recorder = recorder
        self._stream = stream

    @override
    def increment(self, value: int = 1) -> None:
        """Count a row."""
        super().increment(value)
        self._recorder.wrote(self._stream)
