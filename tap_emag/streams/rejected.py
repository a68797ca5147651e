"""Rows that no table could take: kept as they came, so that one bad row neither stops nor is lost.

Any stream can meet one, in any lane. So this stream is not synced like others: its schema is
written before the first lane begins, and its rows are written at the moment they are met, before
any bookmark passes them.
"""

from __future__ import annotations

import threading
import traceback
from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tap_emag.errors import ContractError
from tap_emag.streams.base import EmagStream
from tap_emag.tables.rejected import REJECTED_ROWS, rejected_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.metrics import Counter as RecordCounter

    from tap_emag.tap import TapEmag


class RejectedRows(EmagStream):
    """Rows that no table could take."""

    table = REJECTED_ROWS

    def __init__(self, tap: TapEmag) -> None:
        """Have met nothing yet."""
        super().__init__(tap)
        self._lock = threading.Lock()
        self._counter: RecordCounter | None = None
        self._kept: Counter[str] = Counter()  # by stream, each row once
        self._hashes: set[tuple[str, str]] = set()
        self._told: set[tuple[str, str]] = set()

    @property
    def partitions(self) -> list[dict[str, Any]] | None:
        """Have no bookmark: a row is kept again whenever it is met again."""
        return None

    def get_records(self, context: Context | None) -> Iterable[Record]:  # noqa: ARG002
        """Yield nothing: other streams bring the rows."""
        return ()

    def begin(self) -> None:
        """Write the schema, before any row can come; the table is there even if none ever does."""
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
        """Write a row that a stream could not place; once a run, however often it comes.

        Args:
            stream: The table the row was meant for.
            raw: The row as it came.
            reason: Why it cannot be placed, by names only.
            partition: What was asked for.
            error: What the tap failed with, if it did.

        Raises:
            ContractError: This stream is not selected, so that the row would be lost.
        """
        if not self.selected:
            raise ContractError(
                f"{stream}: a row makes no sense ({reason}), and rejected_rows, which would keep"
                " it, is not selected: add rejected_rows.* to the plugin's `select`"
            )
        self._tell(stream, reason, error)
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        row = rejected_row(raw, self._tap.account, stream, reason, partition, now)
        with self._lock:
            met = stream, row["row_hash"]
            if met in self._hashes:
                return
            self._hashes.add(met)
            self._kept[stream] += 1
            self._write_record_message(row)
            if self._counter:
                self._counter.increment()

    def _tell(self, stream: str, reason: str, error: Exception | None) -> None:
        """Log the first row of each kind; of a defect its place, but not what may quote the row."""
        where = "".join(traceback.format_tb(error.__traceback__)).rstrip() if error else ""
        with self._lock:
            if (stream, reason + where) in self._told:
                return
            self._told.add((stream, reason + where))
        self.logger.warning("a row of %s is kept in rejected_rows: %s", stream, reason)
        if where:
            self.logger.error(
                "this is a defect of tap-emag; please report it with these lines:\n%s", where
            )

    def end(self) -> None:
        """Tell how many rows were kept, and of which streams."""
        if self._counter:
            self._counter.exit()
            self._counter = None
        for stream, number in sorted(self._kept.items()):
            self.logger.warning("%d row(s) of %s are in rejected_rows only", number, stream)
