"""Stores invalid rows as eMAG sent them, so that they neither stop the sync nor get lost.

Any stream can read one, in any thread. So this stream is not synced like others: its schema is
written before the first stream begins, and its rows are written when they are read, before
any bookmark passes them.
"""

from __future__ import annotations

import threading
import traceback
from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tap_emag.errors import ContractError
from tap_emag.singer_io import override
from tap_emag.streams.base import EmagStream
from tap_emag.streams.rejected.rows import rejected_row
from tap_emag.streams.rejected.table import REJECTED_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.metrics import Counter as RecordCounter

    from tap_emag.run import Run


class RejectedRows(EmagStream):
    """Invalid rows, which no other table can store."""

    table = REJECTED_ROWS

    def __init__(self, tap: Tap, run: Run) -> None:
        """Start without rows; all other streams of the run share this one."""
        super().__init__(tap, run)
        run.rejected_rows = self
        self._lock = threading.Lock()
        self._counter: RecordCounter | None = None
        self._kept: Counter[str] = Counter()  # by stream, each row once
        self._hashes: set[tuple[str, str]] = set()
        self._logged: set[tuple[str, str]] = set()

    @property
    @override
    def partitions(self) -> list[dict[str, Any]] | None:
        """Have no bookmark: a row is stored again whenever it is read again."""
        return None

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        """Yield nothing: other streams write the rows."""
        return ()

    def begin(self) -> None:
        """Write the schema before any row, so that the table exists even without rows."""
        if self.selected:
            self._write_schema_message()
            self._counter = self.get_record_counter()

    def keep(
        self,
        stream: str,
        raw: Mapping[str, Any],
        reason: str,
        partition: Mapping[str, Any],
        error: Exception | None = None,
    ) -> None:
        """Write an invalid row, once a run however often it comes.

        Args:
            stream: The table the row was meant for.
            raw: The row as eMAG sent it.
            reason: Why it is invalid; names of keys only, no values.
            partition: The filters of the request.
            error: The tap's own error on the row, if any.

        Raises:
            ContractError: This stream is not selected, so the row would be lost.
        """
        if not self.selected:
            raise ContractError(
                f"{stream}: a row is invalid ({reason}), and rejected_rows, which would keep it, is"
                " not selected: add rejected_rows.* to the plugin's `select`"
            )
        self._log_first(stream, reason, error)
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        row = rejected_row(raw, self.run.account, stream, reason, partition, now)
        with self._lock:
            seen = stream, row["row_hash"]
            if seen in self._hashes:
                return
            self._hashes.add(seen)
            self._kept[stream] += 1
            self._write_record_message(row)
            if self._counter:
                self._counter.increment()

    def _log_first(self, stream: str, reason: str, error: Exception | None) -> None:
        """Log the first row of each kind; of a defect its place only, as a message may quote it."""
        where = "".join(traceback.format_tb(error.__traceback__)).rstrip() if error else ""
        with self._lock:
            if (stream, reason + where) in self._logged:
                return
            self._logged.add((stream, reason + where))
        self.logger.warning("a row of %s is kept in rejected_rows: %s", stream, reason)
        if where:
            self.logger.error(
                "this is a defect of tap-emag; please report it with these lines:\n%s", where
            )

    def end(self) -> None:
        """Log how many rows were kept of each stream."""
        if self._counter:
            self._counter.exit()
            self._counter = None
        for stream, number in sorted(self._kept.items()):
            self.logger.warning("%d row(s) of %s are in rejected_rows only", number, stream)
